"""For whom a model is right: each measure in each group of people, and how far the groups lie apart.

A gap between groups is the largest difference of a measure between any two of them; its interval is that of a
difference of two, not of the widest of many. The area has the interval of Hanley & McNeil 1982
(doi 10.1148/radiology.143.1.7063747), observed over expected that of a Poisson count (Garwood 1936,
doi 10.1093/biomet/28.3-4.437).
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import chi2

from lifecourse.models.evaluation.auroc import auroc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

SMALLEST_GROUP = 50
Z = 1.959963984540054
GAPS = ("auroc", "observed_over_expected")


def by_group(
    kind: str,
    names: npt.NDArray[np.str_],
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
) -> Iterator[dict[str, Any]]:
    """A row for each of `names` (str[n]) of at least 50 rows, ``kind: name``.

    `weight`, float64[n] of a mean of about 1, is how many people each row stands for, 0 where its outcome is not known.
    Intervals are of the events that were seen.
    """
    for name in np.unique(names):
        mine = names == name
        if mine.sum() < SMALLEST_GROUP:
            continue
        y, p = outcome[mine], risk[mine]
        w = np.ones(len(y)) if weight is None else weight[mine]
        y = y & (w > 0)
        yield {
            "group": f"{kind}: {name}",
            "rows": int(mine.sum()),
            "events": int(y.sum()),
            "observed": float((w * y).mean()),
            "expected": float(p.mean()),
            "auroc": _area(y, p, w),
            "observed_over_expected": _ratio(y, p, w),
        }


def gaps(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each kind of group and each measure the widest gap, with a 95 % interval, and between whom it lies."""
    kinds = sorted({row["group"].partition(": ")[0] for row in rows})
    found = []
    for kind in kinds:
        groups = [row for row in rows if row["group"].startswith(f"{kind}: ")]
        for measure in GAPS:
            known = [row for row in groups if row[measure]["value"] is not None]
            pairs = list(combinations(known, 2))
            if pairs:
                widest = max(pairs, key=lambda pair: _apart(pair, measure))
                found.append(_gap(kind, measure, widest))
    return found


def _apart(pair: tuple[dict[str, Any], dict[str, Any]], measure: str) -> float:
    return abs(float(pair[0][measure]["value"]) - float(pair[1][measure]["value"]))


def _gap(kind: str, measure: str, pair: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    high, low = sorted(pair, key=lambda row: -row[measure]["value"])
    difference = high[measure]["value"] - low[measure]["value"]
    half = np.hypot(*[(row[measure]["high"] - row[measure]["low"]) / 2 for row in pair])
    return {
        "between": kind,
        "measure": measure,
        "gap": {
            "value": difference,
            "low": float(difference - half),
            "high": float(difference + half),
        },
        "highest": high["group"],
        "lowest": low["group"],
    }


def _area(
    outcome: npt.NDArray[np.bool_], risk: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> dict[str, float | None]:
    area = auroc(outcome, risk, weight)
    if not np.isfinite(area):
        return {"value": None, "low": None, "high": None}
    events, others = int(outcome.sum()), int((~outcome & (weight > 0)).sum())
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (
        area * (1 - area) + (events - 1) * (q1 - area**2) + (others - 1) * (q2 - area**2)
    ) / (events * others)
    half = Z * float(np.sqrt(max(variance, 0.0)))
    return {"value": area, "low": max(0.0, area - half), "high": min(1.0, area + half)}


def count_interval(events: int) -> tuple[float, float]:
    """The exact 95 % interval of the mean of a Poisson count (Garwood 1936, doi 10.1093/biomet/28.3-4.437)."""
    low = chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    return float(low), float(chi2.ppf(0.975, 2 * events + 2) / 2)


def _ratio(
    outcome: npt.NDArray[np.bool_], risk: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> dict[str, float | None]:
    expected, events = float(risk.sum()), int(outcome.sum())
    each = float((weight * outcome).sum()) / events if events else 1.0
    if expected <= 0:
        return {"value": None, "low": None, "high": None}
    low, high = count_interval(events)
    return {
        "value": each * events / expected,
        "low": each * low / expected,
        "high": each * high / expected,
    }
