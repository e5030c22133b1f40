"""How much each feed gives over time: a strip for each, all over one time axis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lifecourse.base.clock import to_microseconds
from lifecourse.figures.axis import TimeAxis
from lifecourse.figures.svg import (
    BLUE,
    GREY,
    ORANGE,
    Figure,
    element,
    picture,
    shortened,
    text,
    tip,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, LEFT, RIGHT = 1080.0, 190.0, 16.0
STRIP, BETWEEN, TOP, BOTTOM = 40.0, 10.0, 8.0, 26.0
LONGEST_NAME = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One strip: `events` by month (``12 x year + month - 1``); `marked` months are drawn as standing out."""

    title: str
    events: dict[int, int]
    marked: frozenset[int] = frozenset()


def volumes(feeds: Sequence[Feed], *, title: str) -> Figure:
    """Events by month of each feed, from nothing to the feed's own largest month, which is written beside it.

    Months without a bar hold nothing, or fewer people than may be shown.
    """
    months = [month for feed in feeds for month in (*feed.events, *feed.marked)]
    if not months:
        empty = picture(width=WIDTH, height=40, title=title, description="no month to show")
        return Figure(empty, [])
    first, last = min(months), max(months)
    height = TOP + len(feeds) * (STRIP + BETWEEN) + BOTTOM
    axis = TimeAxis(start=_start(first), end=_start(last + 1), left=LEFT, right=WIDTH - RIGHT)
    foot = height - BOTTOM
    parts = []
    for moment, words in axis.ticks():
        x = axis.x(moment)
        parts.append(element("line", x1=x, x2=x, y1=TOP, y2=foot, stroke=GREY, stroke_opacity=0.35))
        parts.append(text(x, foot + 17, words, text_anchor="middle"))
    rows = []
    for place, feed in enumerate(feeds):
        top = TOP + place * (STRIP + BETWEEN)
        parts += _strip(feed, axis, top)
        rows.append(_row(feed))
    description = f"{len(feeds)} feeds by month; the table has their totals and what stands out."
    return Figure(
        picture(*parts, width=WIDTH, height=height, title=title, description=description), rows
    )


def _strip(feed: Feed, axis: TimeAxis, top: float) -> list[str]:
    most = max(feed.events.values(), default=1)
    base = top + STRIP
    parts = [
        text(LEFT - 10, top + 16, shortened(feed.title, LONGEST_NAME), text_anchor="end"),
        text(LEFT - 10, top + 32, f"up to {most:,}", text_anchor="end", font_size=11, fill=GREY),
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=base, y2=base, stroke=GREY),
    ]
    # One path for all bars: a strip of a hundred years is a thousand of them.
    bars = "".join(
        _bar(axis, month, base, STRIP * events / most) for month, events in feed.events.items()
    )
    parts.append(element("path", d=bars, fill=BLUE))
    for month in sorted(feed.marked):
        left, right = axis.x(_start(month)), axis.x(_start(month + 1))
        words = tip(
            f"{feed.title}, {_name(month)}: {feed.events.get(month, 0):,} events, far below its neighbours"
        )
        parts.append(
            element(
                "rect",
                words,
                x=left - 1,
                y=top,
                width=right - left + 2,
                height=STRIP,
                fill=ORANGE,
                fill_opacity=0.45,
                stroke=ORANGE,
            )
        )
    return parts


def _bar(axis: TimeAxis, month: int, base: float, height: float) -> str:
    left, right = axis.x(_start(month)), axis.x(_start(month + 1))
    return f"M{left:.1f} {base:.1f}V{base - height:.1f}H{right:.1f}V{base:.1f}Z"


def _row(feed: Feed) -> dict[str, object]:
    return {
        "feed": feed.title,
        "events": sum(feed.events.values()),
        "first month": _name(min(feed.events)) if feed.events else "",
        "last month": _name(max(feed.events)) if feed.events else "",
        "far below its neighbours": ", ".join(_name(month) for month in sorted(feed.marked))
        or "none",
    }


def _start(month: int) -> int:
    return to_microseconds(datetime(max(1, month // 12), month % 12 + 1, 1, tzinfo=UTC))


def _name(month: int) -> str:
    return f"{month // 12}-{month % 12 + 1:02d}"
