"""Do the risks come true: what was predicted against what happened, in groups of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.figures.svg import BLUE, GREY, INK, ORANGE, Figure, element, picture, text, tip

if TYPE_CHECKING:
    from collections.abc import Sequence

SIDE = 340.0
LEFT, TOP, BOTTOM, RIGHT = 62.0, 14.0, 52.0, 22.0
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
MOST_TICKS = 6


def calibration(
    groups: Sequence[dict[str, Any]], *, title: str, curve: Sequence[dict[str, float]] = ()
) -> Figure:
    """Observed share (with its interval) against predicted share of each group; on the diagonal is right.

    Parameters
    ----------
    groups : each with ``people``, ``predicted``, ``observed``, ``low`` and ``high``; shares between 0 and 1
    curve : ``predicted`` and ``observed`` along a smooth curve through all people, ascending
    """
    most = max((max(g["predicted"], g["high"]) for g in groups), default=0.0)
    step = next((s for s in STEPS if most / s <= MOST_TICKS), 0.25)
    limit = min(1.0, max(step, step * (int(most / step) + 1)))
    width, height = LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM

    def x(share: float) -> float:
        return LEFT + share / limit * SIDE

    def y(share: float) -> float:
        return TOP + SIDE - share / limit * SIDE

    parts = [element("rect", x=LEFT, y=TOP, width=SIDE, height=SIDE, fill="none", stroke=GREY)]
    for number in range(int(limit / step + 1.5)):
        share = min(limit, number * step)
        words = f"{share * 100:.0f} %"
        parts.append(text(x(share), TOP + SIDE + 18, words, font_size=12, text_anchor="middle"))
        parts.append(text(LEFT - 8, y(share) + 4, words, font_size=12, text_anchor="end"))
    parts.append(
        element(
            "line", x1=x(0), y1=y(0), x2=x(limit), y2=y(limit), stroke=GREY, stroke_dasharray="5 4"
        )
    )
    parts.append(text(LEFT + SIDE / 2, height - 10, "predicted", text_anchor="middle"))
    parts.append(text(LEFT + 8, TOP + 18, "observed, with 95 % interval"))
    inside = [p for p in curve if p["predicted"] <= limit and p["observed"] <= limit]
    if inside:
        path = "M" + "L".join(f"{x(p['predicted']):.1f},{y(p['observed']):.1f}" for p in inside)
        parts.append(element("path", d=path, fill="none", stroke=ORANGE, stroke_width=2))
    for group in groups:
        words = tip(_said(group))
        place = x(group["predicted"])
        top, bottom = y(min(group["high"], limit)), y(group["low"])
        parts.append(element("line", x1=place, x2=place, y1=top, y2=bottom, stroke=BLUE))
        parts.append(
            element(
                "circle", words, cx=place, cy=y(group["observed"]), r=4.5, fill=BLUE, stroke=INK
            )
        )
    rows = [
        {
            "people": group["people"],
            "predicted": _percent(group["predicted"]),
            "observed": _percent(group["observed"]),
            "interval": f"{_percent(group['low'])} to {_percent(group['high'])}",
        }
        for group in groups
    ]
    smooth = " The orange line is the smooth curve." if inside else ""
    description = f"{len(groups)} groups by predicted risk; the table has the same numbers.{smooth}"
    return Figure(
        picture(*parts, width=width, height=height, title=title, description=description), rows
    )


def _said(group: dict[str, Any]) -> str:
    return (
        f"{group['people']} people: predicted {_percent(group['predicted'])}, "
        f"observed {_percent(group['observed'])}"
    )


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"
