"""Do the risks come true: what was predicted against what happened, in groups of people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.figures.svg import BLUE, GREY, INK, ORANGE, Figure, element, picture, text, tip

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """How large a drawing is, in its own units, and how many ticks an axis has at most.

    heading : where the words of the upright axis stand, from the frame's corner
    whole : whether its scale holds every interval whole; in a small one points would lie in a corner
    """

    side: float
    left: float
    top: float
    right: float
    bottom: float
    ticks: int
    radius: float
    words: tuple[str, str]
    heading: tuple[float, float]
    whole: bool


LARGE = _Look(
    side=340,
    left=62,
    top=14,
    right=22,
    bottom=52,
    ticks=6,
    radius=4.5,
    words=("predicted", "observed, with 95 % interval"),
    heading=(8, 18),
    whole=True,
)
SMALL = _Look(
    side=150,
    left=44,
    top=22,
    right=18,
    bottom=46,
    ticks=3,
    radius=3,
    words=("predicted", "observed"),
    heading=(0, -8),
    whole=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Square:
    """Two axes of shares from 0 to `limit`, a tick every `step`."""

    look: _Look
    limit: float
    step: float

    @classmethod
    def around(cls, groups: Sequence[dict[str, Any]], look: _Look) -> _Square:
        """Wide enough for every group, and in a large drawing for its interval."""
        top = "high" if look.whole else "observed"
        most = max((max(g["predicted"], g[top]) for g in groups), default=0.0)
        step = next((s for s in STEPS if most / s <= look.ticks), STEPS[-1])
        return cls(look=look, limit=min(1.0, step * (int(most / step) + 1)), step=step)

    def x(self, share: float) -> float:
        return self.look.left + share / self.limit * self.look.side

    def y(self, share: float) -> float:
        return self.look.top + self.look.side - share / self.limit * self.look.side

    def frame(self) -> list[str]:
        """The square with its ticks, and the diagonal, on which risks come true."""
        look, bottom = self.look, self.look.top + self.look.side
        parts = [
            element(
                "rect",
                x=look.left,
                y=look.top,
                width=look.side,
                height=look.side,
                fill="none",
                stroke=GREY,
            )
        ]
        for number in range(int(self.limit / self.step + 1.5)):
            share = min(self.limit, number * self.step)
            words = f"{share * 100:.3g} %"
            parts.append(text(self.x(share), bottom + 18, words, text_anchor="middle"))
            parts.append(text(look.left - 8, self.y(share) + 4, words, text_anchor="end"))
        ends = {"x1": self.x(0), "y1": self.y(0), "x2": self.x(self.limit), "y2": look.top}
        parts.append(element("line", **ends, stroke=GREY, stroke_dasharray="5 4"))
        below, upright = look.words
        middle = look.left + look.side / 2
        parts.append(text(middle, bottom + look.bottom - 8, below, text_anchor="middle"))
        parts.append(text(look.left + look.heading[0], look.top + look.heading[1], upright))
        return parts

    def line(self, curve: Sequence[dict[str, float]]) -> list[str]:
        """A smooth curve, as far as it lies in the square."""
        inside = [p for p in curve if max(p["predicted"], p["observed"]) <= self.limit]
        if not inside:
            return []
        places = "L".join(
            f"{self.x(p['predicted']):.1f},{self.y(p['observed']):.1f}" for p in inside
        )
        return [element("path", d=f"M{places}", fill="none", stroke=ORANGE, stroke_width=2)]

    def group(self, group: dict[str, Any]) -> list[str]:
        """One group of people: a point in its interval."""
        place = self.x(group["predicted"])
        ends = {"y1": self.y(min(group["high"], self.limit)), "y2": self.y(group["low"])}
        at = {"cx": place, "cy": self.y(group["observed"]), "r": self.look.radius}
        return [
            element("line", x1=place, x2=place, **ends, stroke=BLUE),
            element("circle", tip(_said(group)), **at, fill=BLUE, stroke=INK),
        ]


def calibration(
    groups: Sequence[dict[str, Any]],
    *,
    title: str,
    curve: Sequence[dict[str, float]] = (),
    small: bool = False,
) -> Figure:
    """Observed share (with its interval) against predicted share of each group; on the diagonal is right.

    Parameters
    ----------
    groups : each with ``people``, ``predicted``, ``observed``, ``low`` and ``high``; shares between 0 and 1
    curve : ``predicted`` and ``observed`` along a smooth curve through all people, ascending
    small : as one of many that stand side by side
    """
    look = SMALL if small else LARGE
    square = _Square.around(groups, look)
    smooth = square.line(curve)
    parts = [*square.frame(), *smooth]
    for group in groups:
        parts += square.group(group)
    said = " The orange line is the smooth curve." if smooth else ""
    counted = "1 group" if len(groups) == 1 else f"{len(groups)} groups"
    described = f"{counted} by predicted risk; the table has the same numbers.{said}"
    drawn = picture(
        *parts,
        width=look.left + look.side + look.right,
        height=look.top + look.side + look.bottom,
        title=title,
        description=described,
    )
    return Figure(drawn, [_row(group) for group in groups])


def _row(group: dict[str, Any]) -> dict[str, Any]:
    return {
        "people": group["people"],
        "predicted": _percent(group["predicted"]),
        "observed": _percent(group["observed"]),
        "interval": f"{_percent(group['low'])} to {_percent(group['high'])}",
    }


def _said(group: dict[str, Any]) -> str:
    people = "everyone" if group["people"] is None else f"{group['people']} people"
    return (
        f"{people}: predicted {_percent(group['predicted'])}, "
        f"observed {_percent(group['observed'])}"
    )


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"
