"""A life in lanes over one axis of time: what lasted as bars, what was measured as points in a band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import from_microseconds
from lifecourse.figures.axis import TimeAxis
from lifecourse.figures.svg import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    Figure,
    element,
    picture,
    shortened,
    text,
    tip,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 820.0
LABELS = 214.0
RIGHT = 70.0
BAR_ROW = 19.0
POINT_ROW = 46.0
HEAD = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Something from `start` to `end` (microseconds UTC); `end` None = not ended, `end` = `start`: a moment."""

    start: int
    end: int | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A number at `time` (microseconds UTC)."""

    time: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRow:
    """A named row of bars, open ones drawn to the end of the axis with an arrow."""

    name: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRow:
    """A named row of points; `band` is the reference range, an end of it may be open (None)."""

    name: str
    unit: str
    points: Sequence[Point]
    band: tuple[float | None, float | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Rows under one title."""

    title: str
    rows: Sequence[BarRow | PointRow]


def lanes(content: Sequence[Lane], *, start: int, end: int, title: str) -> Figure:
    """The lanes from `start` to `end`, microseconds UTC, both included.

    Points outside their band are drawn hollow and named so: colour never carries meaning alone. The table has
    a row for each bar and point that is drawn, oldest first within its row.
    """
    axis = TimeAxis(start=start, end=max(end, start + 1), left=LABELS, right=WIDTH - RIGHT)
    parts: list[str] = []
    table: list[dict[str, Any]] = []
    y = HEAD
    for lane in content:
        parts.append(text(0, y + 12, lane.title, font_weight=700))
        y += 18
        for row in lane.rows:
            height, drawn, rows = _row(row, axis, y)
            parts.extend(drawn)
            table.extend({"lane": lane.title, **cells} for cells in rows)
            y += height
        y += 8
    parts = [*_grid(axis, y), *parts]
    return Figure(
        picture(*parts, width=WIDTH, height=y + 4, title=title, description=_words(content, axis)),
        table,
    )


def _words(content: Sequence[Lane], axis: TimeAxis) -> str:
    named = "; ".join(f"{lane.title}: {len(lane.rows)} rows" for lane in content)
    return f"{day(axis.start)} to {day(axis.end)}. {named}. The table below has the same."


def day(moment: int) -> str:
    """The calendar day of `moment` (microseconds UTC)."""
    return from_microseconds(moment).date().isoformat()


def _grid(axis: TimeAxis, bottom: float) -> Iterator[str]:
    last = float("-inf")
    for moment, name in axis.ticks():
        x = axis.x(moment)
        yield element("line", x1=x, x2=x, y1=HEAD - 6, y2=bottom, stroke=GREY, stroke_opacity=0.25)
        if x - last > 44:
            yield text(x, 12, name, font_size=11, text_anchor="middle")
            last = x


def _row(
    row: BarRow | PointRow, axis: TimeAxis, y: float
) -> tuple[float, list[str], list[dict[str, Any]]]:
    if isinstance(row, BarRow):
        return BAR_ROW, list(_bars(row, axis, y)), list(_bar_cells(row, axis))
    return POINT_ROW, list(_points(row, axis, y)), list(_point_cells(row, axis))


def _label(name: str, y: float) -> str:
    return text(8, y, shortened(name, 28), font_size=12) if name else ""


def _shown(bar: Bar, axis: TimeAxis) -> bool:
    return bar.start <= axis.end and (bar.end is None or bar.end >= axis.start)


def _bars(row: BarRow, axis: TimeAxis, y: float) -> Iterator[str]:
    middle = y + BAR_ROW / 2
    yield _label(row.name, middle + 4)
    for bar in row.bars:
        if not _shown(bar, axis):
            continue
        left, right = axis.x(bar.start), axis.x(axis.end if bar.end is None else bar.end)
        words = tip(f"{bar.name}: {span(bar)}")
        if right - left < 4:
            mark = {"x": left - 2, "y": middle - 6, "width": 4, "height": 12, "rx": 1.5}
        else:
            mark = {"x": left, "y": middle - 4, "width": right - left, "height": 8, "rx": 2}
        yield element("rect", words, fill=BLUE, fill_opacity=0.85, **mark)
        if bar.end is None:
            tail = f"M{right:.1f} {middle - 6:.1f}l8 6l-8 6z"
            yield element("path", words, d=tail, fill=BLUE)


def span(bar: Bar) -> str:
    """When a bar starts and ends, in words."""
    if bar.end is None:
        return f"from {day(bar.start)}, no end recorded"
    if day(bar.end) == day(bar.start):
        return day(bar.start)
    return f"{day(bar.start)} to {day(bar.end)}"


def _bar_cells(row: BarRow, axis: TimeAxis) -> Iterator[dict[str, Any]]:
    for bar in row.bars:
        if _shown(bar, axis):
            yield {"what": bar.name, "when": span(bar), "value": None, "unit": None, "range": None}


def _points(row: PointRow, axis: TimeAxis, y: float) -> Iterator[str]:
    points = [point for point in row.points if axis.start <= point.time <= axis.end]
    top, bottom = y + 8, y + POINT_ROW - 6
    yield _label(row.name, y + 20)
    yield text(8, y + 34, row.unit, font_size=10.5, fill_opacity=0.75)
    if not points:
        return
    low, high = _limits(points, row.band)

    def height(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top)

    if row.band:
        lower = low if row.band[0] is None else row.band[0]
        upper = high if row.band[1] is None else row.band[1]
        yield element(
            "rect",
            tip(f"reference range {band_words(row.band)} {row.unit}"),
            x=axis.left,
            y=height(upper),
            width=axis.right - axis.left,
            height=max(1.0, height(lower) - height(upper)),
            fill=GREY,
            fill_opacity=0.18,
        )
    places = [(axis.x(point.time), height(point.value), point) for point in points]
    path = "M" + "L".join(f"{x:.1f} {level:.1f}" for x, level, _ in places)
    yield element("path", d=path, fill="none", stroke=BLUE, stroke_opacity=0.55, stroke_width=1.2)
    for x, level, point in places:
        state = standing(point.value, row.band)
        fill, stroke = ("none", ORANGE) if state else (BLUE, BLUE)
        words = f"{row.name} {number(point.value)} {row.unit}, {day(point.time)}"
        yield element(
            "circle",
            tip(f"{words}, {state} reference" if state else words),
            cx=x,
            cy=level,
            r=3.2,
            fill=fill,
            stroke=stroke,
            stroke_width=2 if state else 1,
        )
    _, level, last = places[-1]
    state = standing(last.value, row.band)
    arrow = {"above": " ▲", "below": " ▼"}.get(state, "")
    yield text(axis.right + 8, level + 4, number(last.value) + arrow, font_weight=600, fill=INK)


def _limits(
    points: Sequence[Point], band: tuple[float | None, float | None] | None
) -> tuple[float, float]:
    values = [point.value for point in points]
    values += [end for end in (band or ()) if end is not None]
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or max(abs(high) * 0.1, 1.0)
    return low - room, high + room


def standing(value: float, band: tuple[float | None, float | None] | None) -> str:
    """``below`` or ``above`` the reference band, or nothing; the ends belong to the band."""
    if band and band[0] is not None and value < band[0]:
        return "below"
    if band and band[1] is not None and value > band[1]:
        return "above"
    return ""


def band_words(band: tuple[float | None, float | None]) -> str:
    """A reference band in words."""
    low, high = band
    if low is None:
        return f"up to {number(high)}" if high is not None else "not stated"
    return f"{number(low)} to {number(high)}" if high is not None else f"{number(low)} or more"


def number(value: float) -> str:
    """`value` with as many digits as a laboratory would print."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    written = f"{value:z,.{digits}f}"  # z: what rounds to nothing has no sign
    return written.rstrip("0").rstrip(".") if "." in written else written


def _point_cells(row: PointRow, axis: TimeAxis) -> Iterator[dict[str, Any]]:
    for point in row.points:
        if axis.start <= point.time <= axis.end:
            state = standing(point.value, row.band)
            yield {
                "what": row.name,
                "when": day(point.time),
                "value": number(point.value),
                "unit": row.unit,
                "range": f"{state} {band_words(row.band)}" if state and row.band else None,
            }
