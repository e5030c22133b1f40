"""Evaluate: a model on people it has not learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.errors import ModelError
from lifecourse.features import featurize
from lifecourse.models.card import judge, subgroups
from lifecourse.models.competing import at_horizons, by_then, followed_of, from_gap, last_seen
from lifecourse.models.evaluation import gaps
from lifecourse.tasks import Task, label

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.model import RiskModel
    from lifecourse.timeline.access import Timeline

KEPT = (
    "metrics",
    "draws",
    "horizons",
    "calibration",
    "calibration_curve",
    "decision_curve",
    "learning_curve",
    "subgroups",
    "gaps",
    "rows",
    "subjects",
    "events",
    "judged",
    "judged_at_days",
)

ELSEWHERE = "on another store"


def evaluate(model: RiskModel, timeline: Timeline, *, seed: int = 0) -> dict[str, Any]:
    """Metrics with intervals, calibration, what acting on it is worth and subgroups of `model` in `timeline`.

    On the very records it was trained on, what its card says of people held out; on others, an external validation
    with the same labels and features. Of times to events the measures are of the last horizon to which people were
    seen (``judged_at_days``), those lost before it weighted for (IPCW); ``horizons`` has each cause at each.

    Raises
    ------
    ModelError
        The timeline has no row of the model's task, or only one answer; or too few people were seen to its first
        horizon.
    """
    basis = {"task": model.name, "version": model.version, "learner": model.card["learner"]}
    if timeline.content_hash == model.card["data"]:
        return {**basis, **{name: model.card[name] for name in KEPT if name in model.card}}
    everyone = label(timeline, model.task).table
    if isinstance(model.task, Task) and model.task.is_time_to_event:
        return basis | _of_times(model, model.task, timeline, everyone, seed)
    table = everyone.filter(pl.col("boolean_value").is_not_null())
    outcome = table["boolean_value"].to_numpy().astype(bool)
    _check(model, outcome)
    features = featurize(timeline, table, model.recipe, vocabulary=model.vocabulary)
    measured = _measured(features, outcome, model.risk(features), None, seed)
    return {**basis, "judged": ELSEWHERE, **measured}


def _of_times(
    model: RiskModel, task: Task, timeline: Timeline, everyone: pl.DataFrame, seed: int
) -> dict[str, Any]:
    table = everyone.filter(pl.col("duration_days") > task.gap_days)
    came = followed_of(table, task)
    last = last_seen(task, came)
    outcome, weight = came.known_at(float(from_gap(task, task.horizons)[last]))
    _check(model, outcome[weight > 0])
    features = featurize(timeline, table, model.recipe, vocabulary=model.vocabulary)
    incidence = model.incidence(features)
    return {
        "judged": f"{ELSEWHERE}{by_then(task, last)}",
        "judged_at_days": task.horizons[last],
        **_measured(features, outcome, incidence[:, 0, last], weight, seed),
        "horizons": at_horizons(task, came, incidence),
    }


def _check(model: RiskModel, outcome: npt.NDArray[np.bool_]) -> None:
    if len(outcome) == 0 or not 0 < outcome.mean() < 1:
        raise ModelError(
            f"task '{model.name}' has {int(outcome.sum())} events in {len(outcome)} rows of this store: "
            "nothing to judge a model on. Use a store with both answers."
        )


def _measured(
    features: FeatureMatrix,
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None,
    seed: int,
) -> dict[str, Any]:
    subjects = features.rows["subject_id"].to_numpy()
    groups = subgroups(outcome, risk, features.dense[:, 0], features.dense[:, 1], weight)
    return {
        "rows": len(outcome),
        "subjects": len(np.unique(subjects)),
        "events": int(outcome.sum()),
        **judge(outcome, risk, subjects, seed=seed, weight=weight),
        "subgroups": groups,
        "gaps": gaps(groups),
    }
