"""The model card: what it learned from, how it did on people it had not seen, and for whom it is not meant."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.files import to_json
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
from lifecourse.models.persistence import task_document
from lifecourse.models.split import N_FOLDS

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import Recipe
    from lifecourse.tasks import AnyTask
    from lifecourse.timeline.access import Timeline

METRICS = {
    "auroc": auroc,
    "auprc": auprc,
    "brier": brier,
    "calibration_slope": calibration_slope,
    "calibration_intercept": calibration_intercept,
    "observed_over_expected": observed_over_expected,
}
JUDGED = f"out of {N_FOLDS} folds by subject"
LIMITS = (
    "Judged on people of the same store, out of fold; another site needs its own evaluation.",
    "A risk is an association in these records, not the effect of anything that could be changed.",
    "Not a cleared medical device.",
)


def basis_of(timeline: Timeline, task: AnyTask, recipe: Recipe, seed: int) -> dict[str, Any]:
    """What the model is of; ``version`` is the same for the same data, task, recipe and seed."""
    basis = [timeline.content_hash, task_document(task), recipe.model_dump(mode="json"), seed]
    return {
        "title": getattr(task, "title", "") or task.name,
        "version": hashlib.sha256(to_json(basis)).hexdigest()[:12],
        "horizon_days": getattr(task, "horizon_days", None),
        "data": timeline.content_hash,
        "recipe": recipe.name,
        "seed": seed,
    }


def population(age: npt.NDArray[np.float64]) -> dict[str, float | None]:
    """The ages that were learned from; None where none is known."""
    known = age[np.isfinite(age)]
    return {
        "age_from": float(np.floor(known.min())) if len(known) else None,
        "age_to": float(np.ceil(known.max())) if len(known) else None,
    }


def judge(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    subject_ids: npt.NDArray[np.int64],
    *,
    seed: int,
    weight: npt.NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Metrics with intervals, calibration in tenths of risk and as a curve, and what acting on the risk is worth.

    `weight`, float64[r] of a mean of about 1, is how many people each row stands for, 0 where its outcome is not known
    (`Followed.known_at`); 1 each when None.
    """

    def measured(rows: npt.NDArray[np.int64]) -> dict[str, float]:
        y, p, w = outcome[rows], risk[rows], None if weight is None else weight[rows]
        return {
            **{name: metric(y, p, w) for name, metric in METRICS.items()},
            **calibration_errors(y, p, w),
        }

    draws = draws_of(len(outcome))
    return {
        "metrics": over_draws(measured, subject_ids, seed=seed, draws=draws),
        "draws": draws,
        "calibration": calibration_table(outcome, risk, weight=weight),
        "calibration_curve": curve_table(outcome, risk, weight),
        "decision_curve": decision_curve(outcome, risk, weight),
    }


def subgroups(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    age: npt.NDArray[np.float64],
    female: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
) -> list[dict[str, Any]]:
    """Discrimination and observed over expected in each sex and age band of at least 50 rows; `weight` as `judge`."""
    labels = {
        "sex": np.array([sex_name(value) for value in female]),
        "age": np.array([age_band(value) for value in age]),
    }
    return [
        row
        for kind, names in labels.items()
        for row in by_group(kind, names, outcome, risk, weight)
    ]


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
