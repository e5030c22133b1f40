"""How much was done each day, and how much of it was refused: a bar a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecourse.figures.svg import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    Figure,
    element,
    picture,
    text,
    tip,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

WIDTH, HEIGHT, TOP, BASE, LEFT = 1080.0, 112.0, 22.0, 88.0, 44.0
GAP = 0.28
A_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What was done on a day: how often it was answered, how often refused, how often in an emergency."""

    day: date
    answered: int = 0
    refused: int = 0
    emergencies: int = 0


def days(bars: Sequence[Day], *, title: str) -> Figure:
    """A bar for each of `bars`, which are of consecutive days: refusals at the foot, emergencies as marks above."""
    if not bars:
        empty = picture(width=WIDTH, height=40, title=title, description="no day to show")
        return Figure(empty, [])
    most = max(max(bar.answered + bar.refused for bar in bars), 1)
    width = (WIDTH - LEFT) / len(bars)
    parts = [
        element("line", x1=LEFT, x2=WIDTH, y1=BASE, y2=BASE, stroke=GREY),
        text(LEFT - 8, TOP + 8, f"{most:,}", text_anchor="end", font_size=11),
        text(LEFT - 8, BASE, "0", text_anchor="end", font_size=11),
    ]
    for place, bar in enumerate(bars):
        parts += _bar(bar, LEFT + place * width, width, (BASE - TOP) / most)
        if (len(bars) - 1 - place) % A_WEEK == 0:
            is_last = place == len(bars) - 1
            x = WIDTH if is_last else LEFT + (place + 0.5) * width
            anchor = "end" if is_last else "middle"
            parts.append(text(x, BASE + 17, f"{bar.day:%d %b}", text_anchor=anchor, font_size=11))
    rows = [
        {
            "day": bar.day.isoformat(),
            "answered": bar.answered,
            "refused": bar.refused,
            "emergencies": bar.emergencies,
        }
        for bar in bars
    ]
    refused, emergencies = sum(bar.refused for bar in bars), sum(bar.emergencies for bar in bars)
    description = (
        f"{len(bars)} days: {sum(bar.answered for bar in bars)} answered, {refused} refused, "
        f"{emergencies} in an emergency"
    )
    return Figure(
        picture(*parts, width=WIDTH, height=HEIGHT, title=title, description=description), rows
    )


def _bar(bar: Day, left: float, width: float, scale: float) -> list[str]:
    inner, x = width * (1 - GAP), left + width * GAP / 2
    words = f"{bar.day.isoformat()}: {bar.answered} answered, {bar.refused} refused"
    parts, foot = [], BASE
    for count, colour in ((bar.refused, ORANGE), (bar.answered, BLUE)):
        if count:
            height = max(count * scale, 1.5)
            foot -= height
            parts.append(
                element("rect", tip(words), x=x, y=foot, width=inner, height=height, fill=colour)
            )
    if bar.emergencies:
        middle, y = left + width / 2, foot - 8
        mark = f"M{middle:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z"
        told = tip(f"{bar.day.isoformat()}: {bar.emergencies} in an emergency")
        parts.append(element("path", told, d=mark, fill=ORANGE, stroke=INK, stroke_width=1))
    return parts
