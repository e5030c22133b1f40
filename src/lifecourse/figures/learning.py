"""How good a model was against how many people taught it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.figures.svg import BLUE, GREY, INK, Figure, element, picture, text, tip

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 340.0, 200.0
LEFT, TOP, BOTTOM, RIGHT = 62.0, 26.0, 52.0, 34.0
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
MOST_TICKS = 6
NAMES = {"auroc": "AUROC", "concordance": "concordance (C)"}


def learning_curve(
    points: Sequence[dict[str, Any]], *, measure: str, title: str, judged: int
) -> Figure:
    """A dot with its interval for each number of people, which double along the axis.

    Parameters
    ----------
    points : each with ``people``, ``events``, ``value``, ``low`` and ``high``, by people; two at least
    measure : ``auroc`` or ``concordance``
    judged : how many people they were judged on
    """
    least = min([point["low"] for point in points] + [point["value"] for point in points])
    most = max([point["high"] for point in points] + [point["value"] for point in points])
    step = next((s for s in STEPS if (most - least) / s <= MOST_TICKS - 1), STEPS[-1])
    first, last = int(np.floor(least / step + 1e-9)), int(np.ceil(most / step - 1e-9))
    last = max(last, first + 1)
    few, many = np.log(points[0]["people"]), np.log(points[-1]["people"])
    width, height = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM

    def x(people: int) -> float:
        inside = (np.log(people) - few) / (many - few) if many > few else 0.5
        return float(LEFT + 16 + inside * (WIDTH - 32))

    def y(value: float) -> float:
        return TOP + (last * step - value) / ((last - first) * step) * HEIGHT

    parts = [element("rect", x=LEFT, y=TOP, width=WIDTH, height=HEIGHT, fill="none", stroke=GREY)]
    for number in range(first, last + 1):
        value = number * step
        parts.append(
            element(
                "line", x1=LEFT, x2=LEFT + WIDTH, y1=y(value), y2=y(value), stroke=GREY,
                stroke_opacity=0.3,
            )
        )  # fmt: skip
        parts.append(text(LEFT - 8, y(value) + 4, f"{value:.2f}", text_anchor="end"))
    line = "L".join(f"{x(point['people']):.1f},{y(point['value']):.1f}" for point in points)
    parts.append(element("path", d=f"M{line}", fill="none", stroke=BLUE, stroke_width=2))
    for point in points:
        place = x(point["people"])
        parts += [
            element(
                "line", x1=place, x2=place, y1=y(point["high"]), y2=y(point["low"]), stroke=BLUE
            ),
            element(
                "circle", tip(_said(point)), cx=place, cy=y(point["value"]), r=4.5, fill=BLUE,
                stroke=INK,
            ),
            text(place, TOP + HEIGHT + 18, f"{point['people']:,}", text_anchor="middle"),
        ]  # fmt: skip
    parts += [
        text(LEFT + WIDTH / 2, height - 10, "people who taught", text_anchor="middle"),
        text(LEFT, TOP - 10, f"{NAMES.get(measure, measure)}, with 95 % interval"),
    ]
    rows = [
        {
            "people who taught": point["people"],
            "with the outcome": point["events"],
            NAMES.get(measure, measure): f"{point['value']:.3f}",
            "interval": f"{point['low']:.3f} to {point['high']:.3f}",
        }
        for point in points
    ]
    description = f"Judged on the same {judged:,} people each time; the table has the same numbers."
    return Figure(
        picture(*parts, width=width, height=height, title=title, description=description), rows
    )


def _said(point: dict[str, Any]) -> str:
    return (
        f"{point['people']:,} people taught: {point['value']:.3f} "
        f"({point['low']:.3f} to {point['high']:.3f})"
    )
