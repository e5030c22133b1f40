"""Train: label, featurize, learn in folds of subjects, calibrate on what was held out, and say how it went."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.progress import SILENT, Progress
from lifecourse.features import Recipe, featurize, load_recipe, vocabularies
from lifecourse.models.calibration import Calibrator, fit_calibrator
from lifecourse.models.card import (
    JUDGED,
    LIMITS,
    basis_of,
    comparators,
    judge,
    population,
    subgroups,
)
from lifecourse.models.competing import HazardStudy
from lifecourse.models.diagnostics import diagnose
from lifecourse.models.diagnostics.support import LEAST_OF_EACH, people_of_each, support
from lifecourse.models.evaluation import Lesson, auroc, gaps, learning_curve, log_loss, teaches
from lifecourse.models.linear import Logistic
from lifecourse.models.model import Abstention, RiskModel, TrainingResult
from lifecourse.models.monitoring.snapshot import snapshot
from lifecourse.models.reporting import study_of
from lifecourse.models.split import N_FOLDS, folds_of, nested
from lifecourse.models.trees import Trees
from lifecourse.tasks import Task, label

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.diagnostics import Concern
    from lifecourse.tasks import AnyTask, Labels
    from lifecourse.timeline.access import Timeline

MOST_SAID = 3
"""Grave concerns in the reason of an abstention; all of them are in its list."""
LEARNERS: dict[str, type[Logistic] | type[Trees]] = {"logistic": Logistic, "trees": Trees}


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
    table = labels.table.filter(pl.col("boolean_value").is_not_null())
    abstention = _too_few(table)
    if abstention is not None:
        return TrainingResult(abstention=abstention)
    chosen = recipe or load_recipe()
    if isinstance(task, Task) and task.is_time_to_event:
        hazards = HazardStudy.of(timeline, task, labels.table, chosen, seed, progress)
        concerns = hazards.concerns()
        if any(concern.grave for concern in concerns):
            return TrainingResult(abstention=_stopped(table, concerns))
        return _described(hazards.model(timeline, labels, concerns), timeline, labels.table, seed)
    study = _Study.of(timeline, task, table, chosen, seed, progress)
    unseen = labels.summary()["negatives_with_too_little_follow_up"]
    concerns = diagnose(study.features, study.outcome, negatives_unseen=unseen)
    if any(concern.grave for concern in concerns):
        return TrainingResult(abstention=_stopped(table, concerns))
    return _described(study.model(timeline, labels, concerns), timeline, table, seed)


def _described(
    model: RiskModel, timeline: Timeline, rows: pl.DataFrame, seed: int
) -> TrainingResult:
    """The model with a card that also says what the study was and what it met."""
    model.card["study"] = study_of(model, rows)
    model.card["snapshot"] = snapshot(model, timeline, seed=seed)
    return TrainingResult(model=model)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldOut:
    """Of people the learner had not seen: risks, calibrated and raw; and what was found outside the first fold."""

    risk: npt.NDArray[np.float64]
    calibrator: Calibrator
    raw: npt.NDArray[np.float64]
    settings: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Study:
    task: AnyTask
    recipe: Recipe
    features: FeatureMatrix
    outcome: npt.NDArray[np.bool_]
    subjects: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]
    vocabulary: list[str]  # what everyone teaches: the final model's
    vocabularies: list[
        list[str]
    ]  # by fold, what the people outside it teach: those who are judged teach nothing
    seed: int

    @classmethod
    def of(
        cls,
        timeline: Timeline,
        task: AnyTask,
        table: pl.DataFrame,
        recipe: Recipe,
        seed: int,
        progress: Progress,
    ) -> _Study:
        subjects = table["subject_id"].to_numpy()
        folds = folds_of(subjects, N_FOLDS, seed)
        outside = [subjects[folds != fold] for fold in range(N_FOLDS)]
        everyones, *others = vocabularies(timeline, table, recipe, [None, *outside])
        known = sorted({*everyones, *(code for vocabulary in others for code in vocabulary)})
        return cls(
            task=task,
            recipe=recipe,
            features=featurize(timeline, table, recipe, vocabulary=known, progress=progress),
            outcome=table["boolean_value"].to_numpy().astype(bool),
            subjects=subjects,
            folds=folds,
            vocabulary=everyones,
            vocabularies=others,
            seed=seed,
        )

    def model(self, timeline: Timeline, labels: Labels, concerns: list[Concern]) -> RiskModel:
        held_out = {name: self._held_out(learner) for name, learner in LEARNERS.items()}
        losses = {name: log_loss(self.outcome, one.risk) for name, one in held_out.items()}
        winner = min(losses, key=lambda name: losses[name])
        everyone = np.arange(len(self.outcome))
        learner = self._fit(LEARNERS[winner], self.features.of_codes(self.vocabulary), everyone)
        card = self._card(timeline, labels, held_out, winner, losses)
        card["learning_curve"] = self._learning(LEARNERS[winner], held_out[winner])
        card["concerns"] = [concern.to_dict() for concern in concerns]
        return RiskModel(
            task=self.task,
            recipe=self.recipe,
            vocabulary=self.vocabulary,
            learner=learner,
            calibrator=held_out[winner].calibrator,
            card=card,
        )

    def _held_out(self, learner: type[Logistic] | type[Trees]) -> _HeldOut:
        """Calibrated risks of people the learner had not seen, and the calibrator for the final model.

        The risks of a fold are calibrated on the other folds' held-out risks, so no one judges themselves.
        """
        folds = self.folds
        raw = np.full(len(self.outcome), float(self.outcome.mean()))
        settings: dict[int, Any] = {}

        def judge_fold(fold: int) -> None:
            learning, judged = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            if len(judged) and 0 < self.outcome[learning].mean() < 1:
                features = self.features.of_codes(self.vocabularies[fold])
                fitted = self._fit(learner, features, learning)
                raw[judged] = fitted.predict(features.of_rows(judged))
                settings[fold] = fitted.settings

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(judge_fold, range(N_FOLDS)))
        calibrated = raw.copy()
        for fold in range(N_FOLDS):
            others, judged = folds != fold, folds == fold
            if judged.any() and 0 < self.outcome[others].mean() < 1:
                calibrated[judged] = fit_calibrator(raw[others], self.outcome[others]).apply(
                    raw[judged]
                )
        return _HeldOut(
            risk=calibrated,
            calibrator=fit_calibrator(raw, self.outcome),
            raw=raw,
            settings=settings.get(0),
        )

    def _learning(
        self, learner: type[Logistic] | type[Trees], all_taught: _HeldOut
    ) -> dict[str, Any]:
        """AUROC in the first fold against the people who taught, with the settings that all outside it found."""
        judged, learning = np.flatnonzero(self.folds == 0), np.flatnonzero(self.folds != 0)
        features = self.features.of_codes(self.vocabularies[0])
        lessons: list[Lesson] = []

        def taught_by(part: tuple[float, npt.NDArray[np.int64]]) -> Lesson:
            fitted = self._fit(learner, features, part[1], all_taught.settings)
            told = fitted.predict(features.of_rows(judged))
            return Lesson(share=part[0], rows=part[1], told=told)

        if all(teaches(self.subjects, self.outcome, rows) for rows in (learning, judged)):
            parts = [
                part
                for part in nested(self.subjects, learning, self.seed)
                if teaches(self.subjects, self.outcome, part[1])
            ]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                lessons = list(pool.map(taught_by, parts))
            lessons.append(Lesson(share=1.0, rows=learning, told=all_taught.raw[judged]))
        return learning_curve(
            lessons,
            lambda told, places: auroc(self.outcome[judged[places]], told[places]),
            measure="auroc",
            judged=judged,
            subjects=self.subjects,
            happened=self.outcome,
            seed=self.seed,
        )

    def _fit(
        self,
        learner: type[Logistic] | type[Trees],
        features: FeatureMatrix,
        rows: npt.NDArray[np.int64],
        settings: Any = None,
    ) -> Logistic | Trees:
        """The learner on `rows`; a fifth of their people choose how hard it is held back, unless `settings` say."""
        inner = folds_of(self.subjects[rows], N_FOLDS, self.seed + 1) == 0
        return learner.fit(features, self.outcome, rows, inner, settings=settings)

    def _card(
        self,
        timeline: Timeline,
        labels: Labels,
        held_out: dict[str, _HeldOut],
        winner: str,
        losses: dict[str, float],
    ) -> dict[str, Any]:
        age, female = self.features.dense[:, 0], self.features.dense[:, 1]
        risk = held_out[winner].risk
        told = {
            name: judge(self.outcome, twin.risk, self.subjects, seed=self.seed)
            for name, twin in held_out.items()
        }
        groups = subgroups(self.outcome, risk, age, female)
        return {
            **basis_of(timeline, self.task, self.recipe, self.seed),
            "learner": winner,
            "rows": len(self.outcome),
            "subjects": len(np.unique(self.subjects)),
            "events": int(self.outcome.sum()),
            **told[winner],
            "twins": {
                name: {"log_loss": losses[name], **twin["metrics"]} for name, twin in told.items()
            },
            "subgroups": groups,
            "gaps": gaps(groups),
            "comparators": comparators(risk, age, female),
            "population": population(age),
            "attrition": labels.attrition.to_dicts(),
            "judged": JUDGED,
            "limits": list(LIMITS),
        }  # fmt: skip
