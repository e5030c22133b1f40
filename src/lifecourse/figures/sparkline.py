"""A course of numbers no larger than a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.figures.lanes import Point, day, number, standing
from lifecourse.figures.svg import BLUE, GREY, ORANGE, Figure, element, picture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, HEIGHT, MARGIN = 120.0, 28.0, 4.0


def sparkline(
    points: Sequence[Point],
    *,
    name: str,
    unit: str,
    band: tuple[float | None, float | None] | None = None,
) -> Figure:
    """The course of `points`, oldest first, the last one marked; hollow when outside `band`.

    Without points the picture says so in its description and is otherwise empty.
    """
    rows = [{"when": day(p.time), "value": number(p.value), "unit": unit} for p in points]
    if not points:
        empty = picture(width=WIDTH, height=HEIGHT, title=name, description="never measured")
        return Figure(empty, rows)
    times = [point.time for point in points]
    values = [point.value for point in points]
    x = _scale(min(times), max(times), MARGIN, WIDTH - MARGIN)
    y = _scale(min(values), max(values), HEIGHT - MARGIN, MARGIN)
    places = [(x(point.time), y(point.value)) for point in points]
    last = points[-1]
    outside = standing(last.value, band)
    course = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in places)
    parts = [
        element("path", d=course, fill="none", stroke=GREY, stroke_width=1.5),
        element(
            "circle",
            cx=places[-1][0],
            cy=places[-1][1],
            r=3,
            fill="none" if outside else BLUE,
            stroke=ORANGE if outside else BLUE,
            stroke_width=2,
        ),
    ]
    words = f"{len(points)} values, last {number(last.value)} {unit} on {day(last.time)}"
    description = f"{words}, {outside} reference" if outside else words
    return Figure(
        picture(*parts, width=WIDTH, height=HEIGHT, title=name, description=description), rows
    )


def _scale(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    def place(value: float) -> float:
        share = 0.5 if high == low else (value - low) / (high - low)
        return first + share * (last - first)

    return place
