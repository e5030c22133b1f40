"""The model card: what it learned from, how it did on people it had not seen, and for whom it is not meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.models.evaluation import (
    auprc,
    auroc,
    brier,
    calibration_intercept,
    calibration_slope,
    calibration_table,
    with_intervals,
)
from lifecourse.models.model import age_band, sex_name

if TYPE_CHECKING:
    import numpy.typing as npt

METRICS = {
    "auroc": auroc,
    "auprc": auprc,
    "brier": brier,
    "calibration_slope": calibration_slope,
    "calibration_intercept": calibration_intercept,
}
SMALLEST_GROUP = 50
LIMITS = (
    "Judged on people of the same store, out of fold; another site needs its own evaluation.",
    "A risk is an association in these records, not the effect of anything that could be changed.",
    "Not a cleared medical device.",
)


def judge(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    subject_ids: npt.NDArray[np.int64],
    *,
    seed: int,
) -> dict[str, Any]:
    """Metrics with intervals, and calibration in tenths of risk."""
    return {
        "metrics": with_intervals(METRICS, outcome, risk, subject_ids, seed=seed),
        "calibration": calibration_table(outcome, risk),
    }


def subgroups(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    age: npt.NDArray[np.float64],
    female: npt.NDArray[np.float64],
) -> list[dict[str, Any]]:
    """Discrimination and observed over expected in each sex and age band of at least 50 rows."""
    labels = {
        "sex": np.array([sex_name(value) for value in female]),
        "age": np.array([age_band(value) for value in age]),
    }
    rows = []
    for kind, names in labels.items():
        for name in np.unique(names):
            mine = names == name
            if mine.sum() < SMALLEST_GROUP:
                continue
            area = auroc(outcome[mine], risk[mine])
            rows.append(
                {
                    "group": f"{kind}: {name}",
                    "rows": int(mine.sum()),
                    "auroc": area if np.isfinite(area) else None,
                    "observed": float(outcome[mine].mean()),
                    "expected": float(risk[mine].mean()),
                }
            )
    return rows


def comparators(
    risk: npt.NDArray[np.float64],
    age: npt.NDArray[np.float64],
    female: npt.NDArray[np.float64],
) -> dict[str, dict[str, float]]:
    """Mean risk and number of rows by sex and age band: whom a person is compared with."""
    names = np.array(
        [f"{sex_name(f)}, {age_band(a)}" for f, a in zip(female, age, strict=True)], dtype=str
    )
    return {
        str(name): {"risk": float(risk[names == name].mean()), "rows": int((names == name).sum())}
        for name in np.unique(names)
    }
