"""What follows what, as arrows between names on a circle."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING

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

RADIUS, ROOM, MARGIN = 165.0, 215.0, 30.0
LABEL, LINE_HEIGHT = 30, 16.0
THINNEST, THICKEST = 1.0, 5.0
RATIO_OF_THICKEST = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """That `then` follows `first`, `ratio` times as often as without; `known` arrows are grey."""

    first: str
    then: str
    ratio: float
    people: int
    known: bool


def network(arrows: Sequence[Arrow], *, title: str) -> Figure:
    """Names around a circle, an arrow from each to what follows it; the thicker, the more often."""
    names = _around(arrows)
    rows_a_side = (len(names) + 1) // 2
    radius = max(RADIUS, LINE_HEIGHT * rows_a_side / 2)
    width, height = 2 * (radius + ROOM), 2 * (radius + MARGIN)
    middle = (width / 2, height / 2)
    spot = {name: _spot(place, len(names), radius, middle) for place, name in enumerate(names)}
    drawn = [_heads(), *(_curve(arrow, spot, middle) for arrow in arrows)]
    for name in names:
        x, y = spot[name]
        right = x >= middle[0]
        drawn.append(element("circle", tip(name), cx=x, cy=y, r=4.5, fill=INK))
        drawn.append(
            text(
                x + (10 if right else -10), y + 4, shortened(name, LABEL),
                text_anchor="start" if right else "end",
            )
        )  # fmt: skip
    rows = [
        {"first": a.first, "then": a.then, "ratio": a.ratio, "people": a.people, "known": a.known}
        for a in arrows
    ]
    said = f"{len(arrows)} arrows between {len(names)} names; the table below has the same."
    svg = picture(*drawn, width=width, height=height, title=title, description=said)
    return Figure(svg=svg, rows=rows)


def _spot(place: int, n: int, radius: float, middle: tuple[float, float]) -> tuple[float, float]:
    """Where a name stands: down the right side of the circle, up the left, a line apart, so that none hides another."""
    right = (n + 1) // 2
    side, line, lines = (1, place, right) if place < right else (-1, n - 1 - place, n - right)
    up = (line + 0.5) / lines * 2 - 1
    return middle[0] + side * radius * sqrt(1 - up * up), middle[1] + radius * up


def _around(arrows: Sequence[Arrow]) -> list[str]:
    """The names in an order that puts those with arrows between them close to each other."""
    near: dict[str, list[str]] = {}
    for arrow in arrows:
        near.setdefault(arrow.first, []).append(arrow.then)
        near.setdefault(arrow.then, []).append(arrow.first)
    placed: dict[str, None] = {}
    for start in sorted(near, key=lambda name: (-len(near[name]), name)):
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if name not in placed:
                placed[name] = None
                waiting += sorted(set(near[name]) - placed.keys(), reverse=True)
    return list(placed)


def _heads() -> str:
    """The two arrow heads, by colour."""
    heads = (
        element(
            "marker",
            element("path", d="M0,0 L8,4 L0,8 z", fill=colour),
            id=f"head-{name}",
            viewBox="0 0 8 8",
            refX=8,
            refY=4,
            markerWidth=9,
            markerHeight=9,
            markerUnits="userSpaceOnUse",
            orient="auto",
        )
        for name, colour in (("known", GREY), ("new", BLUE))
    )
    return element("defs", *heads)


def _curve(arrow: Arrow, spot: dict[str, tuple[float, float]], middle: tuple[float, float]) -> str:
    """A curve that bends towards the middle of the circle and stops short of the name it points at."""
    (x1, y1), (x2, y2) = spot[arrow.first], spot[arrow.then]
    bend = (
        (x1 + x2) / 4 + middle[0] / 2,
        (y1 + y2) / 4 + middle[1] / 2,
    )
    length = max(1.0, ((x2 - bend[0]) ** 2 + (y2 - bend[1]) ** 2) ** 0.5)
    end = (x2 - (x2 - bend[0]) / length * 7, y2 - (y2 - bend[1]) / length * 7)
    share = min(1.0, log(max(arrow.ratio, 1.0)) / log(RATIO_OF_THICKEST))
    said = (
        f"{arrow.first}, then {arrow.then}: {arrow.ratio:.1f} times as often, {arrow.people} people"
    )
    return element(
        "path", tip(said),
        d=f"M{x1:.1f},{y1:.1f} Q{bend[0]:.1f},{bend[1]:.1f} {end[0]:.1f},{end[1]:.1f}",
        fill="none", stroke=GREY if arrow.known else BLUE, stroke_opacity=0.75,
        stroke_width=THINNEST + share * (THICKEST - THINNEST),
        marker_end=f"url(#head-{'known' if arrow.known else 'new'})",
    )  # fmt: skip
