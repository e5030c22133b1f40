"""Trajectories: one step after the other, with the time between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.figures.svg import (
    BLUE,
    GREY,
    INK,
    Figure,
    element,
    picture,
    shortened,
    text,
    tip,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

BOX, GAP, ROW, TALL = 200.0, 84.0, 44.0, 30.0
LABEL, PEOPLE_ROOM = 30, 96.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Names of the steps, median days between them, and how many people went through all."""

    names: tuple[str, ...]
    gaps: tuple[float, ...]
    people: int


def steps(trails: Sequence[Trail], *, title: str) -> Figure:
    """A row a trail: boxes, arrows with the median time on them, and the people at the end."""
    most = max((len(trail.names) for trail in trails), default=1)
    width = most * BOX + (most - 1) * GAP + PEOPLE_ROOM
    parts: list[str] = []
    for number, trail in enumerate(trails):
        top = number * ROW + 6
        middle = top + TALL / 2
        for place, name in enumerate(trail.names):
            left = place * (BOX + GAP)
            parts.append(
                element(
                    "rect", tip(name), x=left + 1, y=top, width=BOX - 2, height=TALL, rx=6,
                    fill=BLUE, fill_opacity=0.12, stroke=BLUE,
                )
            )  # fmt: skip
            said = shortened(name, LABEL)
            parts.append(text(left + BOX / 2, middle + 4, said, text_anchor="middle"))
            if place:
                parts += _arrow(left - GAP, left, middle, trail.gaps[place - 1])
        end = len(trail.names) * (BOX + GAP) - GAP + 10
        parts.append(text(end, middle + 4, f"{trail.people:,} people"))
    rows = [
        {"steps": list(trail.names), "median days": list(trail.gaps), "people": trail.people}
        for trail in trails
    ]
    height = len(trails) * ROW + 6
    said = f"{len(trails)} trajectories with the median time between steps."
    return Figure(
        svg=picture(*parts, width=width, height=height, title=title, description=said), rows=rows
    )


def span(days: float) -> str:
    """``20 days``, ``7 months``, ``2.4 years``."""
    if days < 60:
        return f"{days:.0f} days"
    if days < 2 * DAYS_PER_YEAR:
        return f"{days / DAYS_PER_YEAR * 12:.0f} months"
    return f"{days / DAYS_PER_YEAR:.1f} years"


def _arrow(left: float, right: float, y: float, days: float) -> list[str]:
    start, end = left + 4, right - 4
    line = element("line", x1=start, x2=end - 6, y1=y, y2=y, stroke=GREY, stroke_width=1.5)
    head = element(
        "path",
        d=f"M{end - 8:.1f},{y - 4:.1f} L{end:.1f},{y:.1f} L{end - 8:.1f},{y + 4:.1f} z",
        fill=GREY,
    )
    return [
        line,
        head,
        text((start + end) / 2, y - 6, span(days), text_anchor="middle", font_size=11, fill=INK),
    ]
