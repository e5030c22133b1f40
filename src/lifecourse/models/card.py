"""The model card: what it learned from, how it did on people it had not seen, and for whom it is not meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.models.evaluation import (
    auprc,
    auroc,
    brier,
    by_group,
    calibration_errors,
    calibration_intercept,
    calibration_slope,
    calibration_table,
    curve_table,
    decision_curve,
    draws_of,
    observed_over_expected,
    over_draws,
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
    "observed_over_expected": observed_over_expected,
}
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
    """Metrics with intervals, calibration in tenths of risk and as a curve, and what acting on the risk is worth."""

    def measured(rows: npt.NDArray[np.int64]) -> dict[str, float]:
        y, p = outcome[rows], risk[rows]
        return {
            **{name: metric(y, p) for name, metric in METRICS.items()},
            **calibration_errors(y, p),
        }

    draws = draws_of(len(outcome))
    return {
        "metrics": over_draws(measured, subject_ids, seed=seed, draws=draws),
        "draws": draws,
        "calibration": calibration_table(outcome, risk),
        "calibration_curve": curve_table(outcome, risk),
        "decision_curve": decision_curve(outcome, risk),
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
    return [row for kind, names in labels.items() for row in by_group(kind, names, outcome, risk)]


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
