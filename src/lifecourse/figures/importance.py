"""What a model goes by: a bar for each clinical fact, with how far models that others taught differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    from collections.abc import Sequence

LEFT, WIDTH, RIGHT, TOP, ROW, BOTTOM = 216.0, 180.0, 64.0, 26.0, 21.0, 36.0
BAR, LONGEST_NAME = 11.0, 28
WITH_IT = {
    "rises": "risk rises with it",
    "falls": "risk falls with it",
    "bends": "neither way throughout",
}
COLOURS = {"rises": ORANGE, "falls": BLUE, "bends": GREY}


def importance(
    facts: Sequence[dict[str, Any]], *, members: int, rows: int, title: str, unit: str = "log-odds"
) -> Figure:
    """Bars from 0, the longest first; a whisker from the least to the greatest of `members` models.

    Parameters
    ----------
    facts : one at least, as `lifecourse.models.importance.goes_by` lists them, with ``said`` for people
    members, rows : how many models and people's rows they are of
    unit : of ``spread``
    """
    most = max(max(fact["spread"], fact["high"] or 0.0) for fact in facts)
    height = TOP + ROW * len(facts) + BOTTOM
    end = TOP + ROW * len(facts)

    def x(value: float) -> float:
        return LEFT + value / most * WIDTH

    parts = [element("line", x1=LEFT, x2=LEFT, y1=TOP, y2=end, stroke=GREY)]
    for place, fact in enumerate(facts):
        middle = TOP + ROW * (place + 0.5)
        colour = COLOURS[fact["risk"]]
        parts += [
            text(LEFT - 8, middle + 4, shortened(fact["said"], LONGEST_NAME), text_anchor="end"),
            element(
                "rect", tip(_said(fact, members, unit)), x=LEFT, y=middle - BAR / 2,
                width=x(fact["spread"]) - LEFT, height=BAR, fill=colour,
            ),
        ]  # fmt: skip
        if members:
            low, high = x(fact["low"]), x(fact["high"])
            parts += [
                element("line", x1=low, x2=high, y1=middle, y2=middle, stroke=INK),
                *(
                    element("line", x1=at, x2=at, y1=middle - 3, y2=middle + 3, stroke=INK)
                    for at in (low, high)
                ),
                text(LEFT + WIDTH + 12, middle + 4, f"{fact['first']} of {members}"),
            ]
    if members:
        parts.append(text(LEFT + WIDTH + 12, TOP - 10, "first five"))
    parts += [
        text(LEFT, TOP - 10, f"moves {unit} by"),
        text(LEFT - 4, end + 14, "0", font_size=11),
        text(LEFT + WIDTH, end + 14, f"{most:.2f}", font_size=11, text_anchor="end"),
    ]
    at = LEFT - 130
    for risk, words in (("rises", "rises with it"), ("falls", "falls"), ("bends", "bends")):
        parts += [
            element("rect", x=at, y=height - 16, width=BAR, height=BAR, fill=COLOURS[risk]),
            text(at + BAR + 5, height - 6, f"risk {words}", font_size=11),
        ]
        at += 118 if risk == "rises" else 84
    return Figure(
        picture(
            *parts,
            width=LEFT + WIDTH + RIGHT,
            height=height,
            title=title,
            description=f"Mean over {rows:,} moments of people; the table has the same numbers.",
        ),
        [_row(fact, members, unit) for fact in facts],
    )


def _row(fact: dict[str, Any], members: int, unit: str) -> dict[str, Any]:
    row = {"fact": fact["said"], f"moves {unit} by": f"{fact['spread']:.3f}"}
    if members:
        row["least to most"] = f"{fact['low']:.3f} to {fact['high']:.3f}"
        row["among the first five"] = f"{fact['first']} of {members}"
    return row | {"mostly through": fact["column"], "how": WITH_IT[fact["risk"]]}


def _said(fact: dict[str, Any], members: int, unit: str) -> str:
    said = f"{fact['said']}: {fact['spread']:.3f} {unit}; {WITH_IT[fact['risk']]}"
    return f"{said}; among the first five in {fact['first']} of {members}" if members else said
