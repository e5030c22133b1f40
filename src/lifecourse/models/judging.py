"""Evaluate: a model on people it has not learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.errors import ModelError
from lifecourse.features import featurize
from lifecourse.models.card import judge, subgroups
from lifecourse.models.competing import at_horizons, followed_of, from_gap
from lifecourse.models.evaluation import gaps
from lifecourse.tasks import Task, label

if TYPE_CHECKING:
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
)


def evaluate(model: RiskModel, timeline: Timeline, *, seed: int = 0) -> dict[str, Any]:
    """Metrics with intervals, calibration, what acting on it is worth and subgroups of `model` in `timeline`.

    On the very records it was trained on, what its card says of people held out; on others, an external
    validation with the same labels and features. Of times to events the measures are of the last horizon, those lost
    before it weighted for (IPCW); ``horizons`` has each cause at each.

    Raises
    ------
    ModelError
        The timeline has no row of the model's task, or only one answer.
    """
    basis = {"task": model.name, "version": model.version, "learner": model.card["learner"]}
    if timeline.content_hash == model.card["data"]:
        return {**basis, **{name: model.card[name] for name in KEPT if name in model.card}}
    everyone = label(timeline, model.task).table
    table = everyone.filter(pl.col("boolean_value").is_not_null())
    outcome = table["boolean_value"].to_numpy().astype(bool)
    if len(outcome) == 0 or not 0 < outcome.mean() < 1:
        raise ModelError(
            f"task '{model.name}' has {int(outcome.sum())} events in {len(outcome)} rows of this store: "
            "nothing to judge a model on. Use a store with both answers."
        )
    weight, horizons = None, {}
    if isinstance(model.task, Task) and model.task.is_time_to_event:
        table = everyone.filter(pl.col("duration_days") > model.task.gap_days)
        came = followed_of(table, model.task)
        outcome, weight = came.known_at(float(from_gap(model.task, model.task.horizons)[-1]))
    features = featurize(timeline, table, model.recipe, vocabulary=model.vocabulary)
    incidence = model.incidence(features)
    if weight is not None and isinstance(model.task, Task):
        horizons = {"horizons": at_horizons(model.task, came, incidence)}
    risk = incidence[:, 0, -1]
    subjects = table["subject_id"].to_numpy()
    groups = subgroups(outcome, risk, features.dense[:, 0], features.dense[:, 1], weight)
    return {
        **basis,
        "rows": len(outcome),
        "subjects": len(np.unique(subjects)),
        "events": int(outcome.sum()),
        "judged": "on another store",
        **judge(outcome, risk, subjects, seed=seed, weight=weight),
        **horizons,
        "subgroups": groups,
        "gaps": gaps(groups),
    }
