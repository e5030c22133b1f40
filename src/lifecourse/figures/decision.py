"""What acting on a forecast is worth, against acting on everyone and on nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.figures.svg import BLUE, GREY, INK, Figure, element, picture, text, tip

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 340.0, 200.0
LEFT, TOP, BOTTOM, RIGHT = 62.0, 46.0, 52.0, 22.0
STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
MOST_TICKS = 6
MODEL = {"stroke": BLUE, "stroke_width": 2}
EVERYONE = {"stroke": GREY, "stroke_width": 2, "stroke_dasharray": "5 4"}
NOBODY = {"stroke": INK}
SWATCH, LINE_OF_LEGEND = 22.0, TOP - 12


def decision_curve(rows: Sequence[dict[str, float]], *, title: str) -> Figure:
    """Net benefit against the threshold of risk from which one acts: of the model, of everyone, of nobody (0).

    Parameters
    ----------
    rows : each with ``threshold``, ``model``, ``everyone`` (net benefit per person) and ``called``, by threshold
    """
    drawn = _as_far_as_anyone_is_called(rows)
    most = max([max(row["model"], row["everyone"]) for row in drawn] + [1e-4]) * 1.1
    least = -most / 4
    step = next((s for s in STEPS if drawn[-1]["threshold"] / s <= MOST_TICKS), STEPS[-1])
    last = step * -(-drawn[-1]["threshold"] // step)
    width, height = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM

    def x(threshold: float) -> float:
        return LEFT + threshold / last * WIDTH

    def y(benefit: float) -> float:
        inside = min(max(benefit, least), most)
        return TOP + (most - inside) / (most - least) * HEIGHT

    def line(name: str, **look: object) -> str:
        """Left out from where it has fallen below the picture."""
        seen = [row for row in drawn if row[name] >= least]
        places = "L".join(f"{x(row['threshold']):.1f},{y(row[name]):.1f}" for row in seen)
        return element("path", d=f"M{places}", fill="none", **look)

    parts = [
        element("rect", x=LEFT, y=TOP, width=WIDTH, height=HEIGHT, fill="none", stroke=GREY),
        element("line", x1=x(0), y1=y(0), x2=x(last), y2=y(0), **NOBODY),
        line("everyone", **EVERYONE),
        line("model", **MODEL),
    ]
    for number in range(round(last / step) + 1):
        threshold = number * step
        words = f"{threshold * 100:.3g} %"
        parts.append(
            text(x(threshold), TOP + HEIGHT + 18, words, font_size=12, text_anchor="middle")
        )
    for benefit in (0.0, most / 2, most):
        words = f"{benefit * 1000:.0f}"
        parts.append(text(LEFT - 8, y(benefit) + 4, words, font_size=12, text_anchor="end"))
    for row in drawn:
        said = f"acting from {row['threshold']:.1%} on: {row['model'] * 1000:.1f} net true positives in 1,000"
        parts.append(
            element("circle", tip(said), cx=x(row["threshold"]), cy=y(row["model"]), r=3, fill=BLUE)
        )
    parts += [
        text(LEFT + WIDTH / 2, height - 10, "act from this risk on", text_anchor="middle"),
        text(LEFT, TOP - 30, "net true positives in 1,000 people"),
        *_legend(),
    ]
    table = [
        {
            "act from": f"{row['threshold']:.1%}",
            "people called": f"{row['called']:.1%}",
            "model": f"{row['model'] * 1000:.1f}",
            "everyone": f"{row['everyone'] * 1000:.1f}",
        }
        for row in rows
    ]
    description = "Net true positives in 1,000 people by threshold; the table has the same numbers."
    return Figure(
        picture(*parts, width=width, height=height, title=title, description=description), table
    )


def _legend() -> list[str]:
    """Above the frame, where no curve comes."""
    parts = []
    for place, words, look in (
        (LEFT, "the model", MODEL),
        (LEFT + 120, "everyone", EVERYONE),
        (LEFT + 230, "nobody", NOBODY),
    ):
        ends = {"x1": place, "x2": place + SWATCH, "y1": LINE_OF_LEGEND, "y2": LINE_OF_LEGEND}
        parts += [
            element("line", **ends, **look),
            text(place + SWATCH + 6, LINE_OF_LEGEND + 4, words),
        ]
    return parts


def _as_far_as_anyone_is_called(rows: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Beyond the highest risk there is nothing to see; two thresholds are drawn at least."""
    called = sum(row["called"] > 0 for row in rows)
    return list(rows[: max(2, called)])
