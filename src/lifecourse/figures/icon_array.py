"""A risk as people: of a hundred like this one, so many."""

from __future__ import annotations

from functools import cache

from lifecourse.base.errors import UserError
from lifecourse.figures.svg import GREY, ORANGE, Figure, element, picture

PEOPLE = 100
PER_ROW = 20
STEP = 12.0


def icon_array(share: float, *, low: float | None, high: float | None, title: str) -> Figure:
    """`share` (0 to 1) of a hundred people, filled; those up to the interval's `high` end are ringed.

    Shape tells them apart as well as colour: affected squares, possibly affected rings, others dots. Counts are
    rounded to whole people; a share above 0 that rounds to 0 is described as fewer than 1.

    Raises
    ------
    UserError
        A share is not between 0 and 1.
    """
    for part in (share, low, high):
        if part is not None and not 0 <= part <= 1:
            raise UserError("a share of people lies between 0 and 1.")
    affected = round(share * PEOPLE)
    possible = max(affected, round(high * PEOPLE)) if high is not None else affected
    kinds = (
        ("affected", affected),
        ("possible", possible - affected),
        ("other", PEOPLE - possible),
    )
    every = (kind for kind, count in kinds for _ in range(count))
    marks = [_mark(place, kind) for place, kind in enumerate(every)]
    words = in_words(share, low, high)
    rows = [{"of": PEOPLE, "affected": affected, "possibly": possible - affected}]
    height = PEOPLE / PER_ROW * STEP
    return Figure(
        picture(*marks, width=PER_ROW * STEP, height=height, title=title, description=words), rows
    )


def in_words(share: float, low: float | None = None, high: float | None = None) -> str:
    """A share as a count of a hundred people, with its interval where there is one."""
    affected = round(share * PEOPLE)
    counted = f"about {affected} of {PEOPLE}" if affected else f"fewer than 1 of {PEOPLE}"
    if low is None or high is None:
        return counted
    return f"{counted} (between {low * PEOPLE:.0f} and {high * PEOPLE:.0f})"


@cache
def _mark(place: int, kind: str) -> str:
    row, column = divmod(place, PER_ROW)
    x, y = (column + 0.5) * STEP, (row + 0.5) * STEP
    if kind == "affected":
        return element("rect", x=x - 4.5, y=y - 4.5, width=9, height=9, rx=2, fill=ORANGE)
    if kind == "possible":
        return element("circle", cx=x, cy=y, r=3.6, fill="none", stroke=ORANGE, stroke_width=1.5)
    return element("circle", cx=x, cy=y, r=2.6, fill=GREY, fill_opacity=0.5)
