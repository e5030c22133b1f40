"""Many outcomes at once: how much better each is told than by age and sex, and whether its risks come true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.figures.svg import BLUE, GREY, INK, ORANGE, Figure, element, picture, text, tip

if TYPE_CHECKING:
    from collections.abc import Sequence

LEFT, WIDTH, TOP, ROW, BOTTOM, RIGHT = 168.0, 330.0, 28.0, 23.0, 42.0, 24.0
LANES = 5
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
MOST_TICKS = 7
SIDE, MARGIN = 250.0, 66.0
RATIOS = (0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0)
SIZES = ((0, 100), (100, 400), (400, None))


def gains(rows: Sequence[dict[str, Any]], chapters: Sequence[str], *, title: str) -> Figure:
    """A dot for each outcome in the row of its chapter: by how much its area lies above that of age and sex alone.

    Parameters
    ----------
    rows : one at least, each with ``title chapter auroc auroc_of_age_and_sex gain events``
    chapters : their order; those without an outcome are left out
    """
    found = [(name, [row for row in rows if row["chapter"] == name]) for name in chapters]
    found = [(name, mine) for name, mine in found if mine]
    values = [row["gain"] for row in rows]
    low, high = min(0.0, *values), max(0.02, *values)
    step = next((one for one in STEPS if (high - low) / one <= MOST_TICKS), 0.5)
    low, high = step * np.floor(low / step + 1e-9), step * np.ceil(high / step - 1e-9)
    end = TOP + ROW * len(found)

    def x(value: float) -> float:
        return float(LEFT + (value - low) / (high - low) * WIDTH)

    parts = []
    for number in range(round((high - low) / step) + 1):
        value = low + number * step
        is_zero = abs(value) < step / 2
        parts += [
            element(
                "line", x1=x(value), x2=x(value), y1=TOP, y2=end, stroke=INK if is_zero else GREY,
                stroke_opacity=1.0 if is_zero else 0.35,
            ),
            text(x(value), end + 16, _signed(value, 2) if not is_zero else "0", font_size=11, text_anchor="middle"),
        ]  # fmt: skip
    for place, (name, mine) in enumerate(found):
        top = TOP + ROW * place
        middle = top + ROW / 2
        parts.append(text(LEFT - 8, middle + 4, name, text_anchor="end"))
        ordered = sorted(mine, key=lambda row: (row["gain"], row["title"]))
        for number, row in enumerate(ordered):
            y = middle + (number % LANES - (LANES - 1) / 2) * 3.2 if len(mine) > 1 else middle
            parts.append(
                element(
                    "circle", tip(_said(row)), cx=x(row["gain"]), cy=y, r=2.6,
                    fill=BLUE if row["gain"] > 0 else ORANGE, fill_opacity=0.7,
                )
            )  # fmt: skip
        mean = x(float(np.mean([row["gain"] for row in mine])))
        parts.append(
            element("line", x1=mean, x2=mean, y1=top + 2, y2=top + ROW - 2, stroke=INK, stroke_width=2)
        )  # fmt: skip
    parts += [
        text(LEFT, TOP - 12, "a dot is an outcome; the bar their mean", font_size=11),
        text(LEFT + WIDTH / 2, end + 34, "area above that of age and sex alone", text_anchor="middle"),
    ]  # fmt: skip
    said = f"{len(rows)} outcomes in {len(found)} rows; the table has the same by row."
    drawn = picture(
        *parts, width=LEFT + WIDTH + RIGHT, height=end + BOTTOM, title=title, description=said
    )
    return Figure(drawn, [_chapter(name, mine) for name, mine in found])


def come_true(rows: Sequence[dict[str, Any]], *, title: str) -> Figure:
    """Observed over expected of each outcome by how many came to it, both logarithmic; on the line is right.

    Parameters
    ----------
    rows : one at least, each with ``title events`` and ``observed_over_expected`` (value, low, high)
    """
    most = max(row["events"] for row in rows)
    least = min(row["events"] for row in rows)
    reach = np.log(RATIOS[-1])
    span = max(float(np.log(most / least)), 0.1)

    def x(events: float) -> float:
        return float(MARGIN + 10 + np.log(events / least) / span * (WIDTH + 40))

    def y(ratio: float) -> float:
        inside = float(np.clip(np.log(max(ratio, 1e-9)), -reach, reach))
        return TOP + SIDE / 2 - inside / float(reach) * SIDE / 2

    right = x(most) + 10
    parts = []
    for ratio in RATIOS:
        is_one = ratio == 1.0
        parts += [
            element(
                "line", x1=MARGIN, x2=right, y1=y(ratio), y2=y(ratio), stroke=INK if is_one else GREY,
                stroke_opacity=1.0 if is_one else 0.35,
            ),
            text(MARGIN - 8, y(ratio) + 4, f"{ratio:g}", font_size=11, text_anchor="end"),
        ]  # fmt: skip
    ticks = [
        one
        for one in (25, 50, 100, 200, 500, 1_000, 5_000, 20_000, 100_000)
        if least <= one <= most
    ]
    for events in ticks:
        parts.append(text(x(events), TOP + SIDE + 16, f"{events:,}", font_size=11, text_anchor="middle"))  # fmt: skip
    for row in sorted(rows, key=_is_off):
        ratio = row["observed_over_expected"]
        words = f"{row['title']}: {ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
        parts.append(
            element(
                "circle", tip(words), cx=x(row["events"]), cy=y(ratio["value"]), r=2.8,
                fill=ORANGE if _is_off(row) else BLUE, fill_opacity=0.75,
            )
        )  # fmt: skip
    parts += [
        text(MARGIN, TOP - 12, "observed over expected", font_size=11),
        element("circle", cx=right - 236, cy=TOP - 16, r=4, fill=BLUE),
        text(right - 228, TOP - 12, "95 % interval holds 1", font_size=11),
        element("circle", cx=right - 98, cy=TOP - 16, r=4, fill=ORANGE),
        text(right - 90, TOP - 12, "does not", font_size=11),
        text((MARGIN + right) / 2, TOP + SIDE + 34, "people who came to it", text_anchor="middle"),
    ]
    off = sum(_is_off(row) for row in rows)
    said = f"{len(rows)} outcomes; of {off} the interval does not hold 1. The table has the same by size."
    drawn = picture(
        *parts, width=right + RIGHT, height=TOP + SIDE + BOTTOM, title=title, description=said
    )
    return Figure(drawn, [_size(low, high, rows) for low, high in SIZES if _of(low, high, rows)])


def _is_off(row: dict[str, Any]) -> bool:
    ratio = row["observed_over_expected"]
    return not ratio["low"] <= 1 <= ratio["high"]


def _of(low: int, high: int | None, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if low <= row["events"] and (high is None or row["events"] < high)]


def _size(low: int, high: int | None, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    mine = _of(low, high, rows)
    ratios = [row["observed_over_expected"]["value"] for row in mine]
    tenth, middle, nine = np.percentile(ratios, [10, 50, 90])
    return {
        "came to it": f"under {high}" if not low else f"{low} to {high - 1}" if high else f"{low} or more",
        "outcomes": len(mine),
        "median": f"{middle:.2f}",
        "eight of ten": f"{tenth:.2f} to {nine:.2f}",
        "interval holds 1": sum(not _is_off(row) for row in mine),
    }  # fmt: skip


def _chapter(name: str, mine: Sequence[dict[str, Any]]) -> dict[str, Any]:
    mean = {
        one: float(np.mean([row[one] for row in mine]))
        for one in ("auroc", "auroc_of_age_and_sex", "gain")
    }
    return {
        "chapter": name,
        "outcomes": len(mine),
        "mean area": f"{mean['auroc']:.3f}",
        "age and sex": f"{mean['auroc_of_age_and_sex']:.3f}",
        "above": _signed(mean["gain"], 3),
        "better than age and sex": sum(row["gain"] > 0 for row in mine),
    }


def _said(row: dict[str, Any]) -> str:
    return (
        f"{row['title']}: {row['auroc']:.3f}, age and sex {row['auroc_of_age_and_sex']:.3f} "
        f"({row['events']:,} came to it)"
    )


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
