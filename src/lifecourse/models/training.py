"""Train: label, featurize, learn in folds of subjects, calibrate on what was held out, and say how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.progress import SILENT, Progress
from lifecourse.features import Recipe, load_recipe
from lifecourse.models.binary import BinaryStudy
from lifecourse.models.competing import HazardStudy
from lifecourse.models.diagnostics import diagnose
from lifecourse.models.diagnostics.deaths import deaths
from lifecourse.models.diagnostics.support import LEAST_OF_EACH, people_of_each, support
from lifecourse.models.importance import goes_by
from lifecourse.models.model import Abstention, RiskModel, TrainingResult
from lifecourse.models.monitoring.snapshot import snapshot
from lifecourse.models.reporting import study_of
from lifecourse.tasks import Task, label

if TYPE_CHECKING:
    from lifecourse.features import FeatureMatrix
    from lifecourse.models.diagnostics import Concern
    from lifecourse.tasks import AnyTask
    from lifecourse.timeline.access import Timeline

MOST_SAID = 3
"""Grave concerns in the reason of an abstention; all of them are in its list."""


def train(
    timeline: Timeline,
    task: AnyTask,
    *,
    recipe: Recipe | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> TrainingResult:
    """A calibrated model of `task`, or an abstention.

    A logistic regression and boosted trees are trained on the same folds; the one with the lower log loss on
    people it had not seen is kept, and both are reported. For a task of times to events it is hazards of its
    causes, linear and boosted, and their average (`lifecourse.models.hazards`). A study that is hopeless or leaks
    (`diagnose`) gives no model. Everything is a function of timeline, task, recipe and seed.
    """
    labels = label(timeline, task, progress=progress)
    table = _answered(task, labels.table)
    abstention = _too_few(table)
    if abstention is not None:
        return TrainingResult(abstention=abstention)
    chosen = recipe or load_recipe()
    if isinstance(task, Task) and task.is_time_to_event:
        hazards = HazardStudy.of(timeline, task, labels.table, chosen, seed, progress)
        concerns = [
            *hazards.concerns(),
            *deaths(labels.table, timeline.persons(), task.horizon_days),
        ]
        if any(concern.grave for concern in concerns):
            return TrainingResult(abstention=_stopped(table, concerns))
        return _described(
            hazards.model(timeline, labels, concerns),
            hazards.features,
            timeline,
            labels.table,
            seed,
        )
    study = BinaryStudy.of(timeline, task, table, chosen, seed, progress)
    unseen = labels.summary()["negatives_with_too_little_follow_up"]
    concerns = diagnose(study.features, study.outcome, negatives_unseen=unseen)
    if any(concern.grave for concern in concerns):
        return TrainingResult(abstention=_stopped(table, concerns))
    return _described(
        study.model(timeline, labels, concerns), study.features, timeline, table, seed
    )


def _described(
    model: RiskModel, features: FeatureMatrix, timeline: Timeline, rows: pl.DataFrame, seed: int
) -> TrainingResult:
    """The model with a card that also says what it goes by, what the study was and what it met."""
    found = goes_by(model, features.of_codes(model.vocabulary), seed=seed)
    for fact in found["facts"]:
        fact["title"] = timeline.codes.description(fact["fact"])
    model.card["importance"] = found
    model.card["study"] = study_of(model, rows)
    model.card["snapshot"] = snapshot(model, timeline, seed=seed)
    return TrainingResult(model=model)


def _answered(task: AnyTask, table: pl.DataFrame) -> pl.DataFrame:
    """The rows that something is known of: an answer, or of times to events how long they were seen for."""
    if isinstance(task, Task) and task.is_time_to_event:
        seen = table.filter(pl.col("duration_days") > task.gap_days)
        return seen.with_columns(boolean_value=pl.col("event") == 1)
    return table.filter(pl.col("boolean_value").is_not_null())


def _too_few(table: pl.DataFrame) -> Abstention | None:
    outcome = table["boolean_value"].to_numpy().astype(bool)
    grave = [one for one in support(table["subject_id"].to_numpy(), outcome) if one.grave]
    return _stopped(table, grave) if grave else None


def _stopped(table: pl.DataFrame, concerns: list[Concern]) -> Abstention:
    outcome = table["boolean_value"].to_numpy().astype(bool)
    counts = people_of_each(table["subject_id"].to_numpy(), outcome)
    grave = [concern for concern in concerns if concern.grave]
    return Abstention(
        n_events=min(counts.values()),
        n_needed=LEAST_OF_EACH,
        reason="; ".join(concern.said for concern in grave[:MOST_SAID]),
        concerns=[concern.to_dict() for concern in concerns],
    )
