"""The middle half of a measurement year by year, no larger than a line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.figures.lanes import number
from lifecourse.figures.svg import BLUE, GREY, Figure, element, picture, text

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN, FOOT = 220.0, 54.0, 4.0, 14.0


def spread(
    years: Sequence[tuple[int, float, float, float]], *, name: str, unit: str | None
) -> Figure:
    """Lower quartile, median and upper quartile of each year: a band, and a line in it."""
    rows = [
        {
            "year": year,
            "lower quartile": number(low),
            "median": number(mid),
            "upper quartile": number(high),
        }
        for year, low, mid, high in years
    ]
    if not years:
        empty = picture(width=WIDTH, height=HEIGHT, title=name, description="no year to show")
        return Figure(empty, rows)
    least, most = min(low for _, low, _, _ in years), max(high for *_, high in years)
    first, last = years[0][0], years[-1][0]

    def x(year: int) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * (
            (year - first) / (last - first) if last > first else 0.5
        )

    def y(value: float) -> float:
        share = (value - least) / (most - least) if most > least else 0.5
        return HEIGHT - FOOT - MARGIN - share * (HEIGHT - FOOT - 2 * MARGIN)

    upper = [(x(year), y(high)) for year, _, _, high in years]
    lower = [(x(year), y(low)) for year, low, _, _ in years]
    middle = [(x(year), y(mid)) for year, _, mid, _ in years]
    parts = [
        element("path", d=f"{_line([*upper, *reversed(lower)])}Z", fill=BLUE, fill_opacity=0.22),
        element("path", d=_line(middle), fill="none", stroke=BLUE, stroke_width=2),
        *(element("circle", cx=a, cy=b, r=2, fill=BLUE) for a, b in middle),
        text(MARGIN, HEIGHT - 2, str(first), font_size=10, fill=GREY),
    ]
    if last > first:
        parts.append(
            text(WIDTH - MARGIN, HEIGHT - 2, str(last), font_size=10, fill=GREY, text_anchor="end")
        )
    said = f"median from {number(years[0][2])} in {first} to {number(years[-1][2])} in {last}"
    description = f"{said} {unit}" if unit else said
    return Figure(
        picture(*parts, width=WIDTH, height=HEIGHT, title=name, description=description), rows
    )


def _line(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in places)
