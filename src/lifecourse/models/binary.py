"""Train for a task of yes or no: a regression and trees on the same folds, the better one calibrated, and its card."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.progress import Progress
from lifecourse.features import Recipe, featurize, vocabularies
from lifecourse.models.card import (
    JUDGED,
    LIMITS,
    basis_of,
    comparators,
    judge,
    population,
    subgroups,
)
from lifecourse.models.evaluation import Lesson, auroc, gaps, learning_curve, log_loss, teaches
from lifecourse.models.linear import Logistic
from lifecourse.models.members import Member
from lifecourse.models.model import RiskModel
from lifecourse.models.shapes import chosen_calibrator, kind_of
from lifecourse.models.split import N_FOLDS, folds_of, nested
from lifecourse.models.trees import Trees
from lifecourse.models.venn_abers import VennAbers

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.calibration import Calibrator
    from lifecourse.models.diagnostics import Concern
    from lifecourse.models.shapes import BentCalibrator
    from lifecourse.tasks import AnyTask, Labels
    from lifecourse.timeline.access import Timeline

LEARNERS: dict[str, type[Logistic] | type[Trees]] = {"logistic": Logistic, "trees": Trees}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Of people the learner had not seen: risks, calibrated and raw; and what said so, by fold."""

    risk: npt.NDArray[np.float64]
    calibrator: Calibrator | BentCalibrator
    raw: npt.NDArray[np.float64]
    members: dict[int, Member]


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryFit:
    """The learner that foretold better, taught by everyone, and what each said of people it had not seen, by name.

    members : the winner, taught without each fold
    """

    winner: str
    learner: Logistic | Trees
    members: tuple[Member, ...]
    held_out: dict[str, HeldOut]
    losses: dict[str, float]

    @property
    def kept(self) -> HeldOut:
        """The winner's."""
        return self.held_out[self.winner]


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryStudy:
    """What a task of yes or no asks of a store, ready to be learned.

    vocabulary : codes with columns, by what everyone teaches: the final model's
    vocabularies : by fold, by what the people outside it teach, so that those who are judged teach nothing
    """

    task: AnyTask
    recipe: Recipe
    features: FeatureMatrix
    outcome: npt.NDArray[np.bool_]
    subjects: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]
    vocabulary: list[str]
    vocabularies: list[list[str]]
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
    ) -> BinaryStudy:
        """The study of the rows of a table of labels."""
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

    def fit(self) -> BinaryFit:
        """Both learners on the same folds; the one with the lower log loss out of them is taught by everyone."""
        held_out = {name: self._held_out(learner) for name, learner in LEARNERS.items()}
        losses = {name: log_loss(self.outcome, one.risk) for name, one in held_out.items()}
        winner = min(losses, key=lambda name: losses[name])
        everyone = np.arange(len(self.outcome))
        learner = self._fit(LEARNERS[winner], self.features.of_codes(self.vocabulary), everyone)
        return BinaryFit(
            winner=winner,
            learner=learner,
            members=self._members(learner, held_out[winner].members),
            held_out=held_out,
            losses=losses,
        )

    def model(self, timeline: Timeline, labels: Labels, concerns: list[Concern]) -> RiskModel:
        """The calibrated model, with its card."""
        fitted = self.fit()
        card = self._card(timeline, labels, fitted)
        card["learning_curve"] = self._learning(LEARNERS[fitted.winner], fitted.kept)
        card["concerns"] = [concern.to_dict() for concern in concerns]
        return RiskModel(
            task=self.task,
            recipe=self.recipe,
            vocabulary=self.vocabulary,
            learner=fitted.learner,
            calibrator=fitted.kept.calibrator,
            members=fitted.members,
            venn_abers=VennAbers.fit(fitted.kept.raw, self.outcome),
            card=card,
        )

    def _held_out(self, learner: type[Logistic] | type[Trees]) -> HeldOut:
        """Calibrated risks of people the learner had not seen, and the calibrator for the final model.

        The risks of a fold are calibrated on the other folds' held-out risks, so no one judges themselves; whether the
        map is bent (`lifecourse.models.shapes`) is chosen there too.
        """
        folds = self.folds
        raw = np.full(len(self.outcome), float(self.outcome.mean()))
        members: dict[int, Member] = {}

        def judge_fold(fold: int) -> None:
            learning, judged = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            if len(judged) and 0 < self.outcome[learning].mean() < 1:
                features = self.features.of_codes(self.vocabularies[fold])
                fitted = self._fit(learner, features, learning)
                raw[judged] = fitted.predict(features.of_rows(judged))
                members[fold] = Member(learner=fitted, vocabulary=self.vocabularies[fold])

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(judge_fold, range(N_FOLDS)))
        calibrated = raw.copy()
        for fold in range(N_FOLDS):
            others, judged = folds != fold, folds == fold
            if judged.any() and 0 < self.outcome[others].mean() < 1:
                found = chosen_calibrator(raw[others], self.outcome[others], folds[others])
                calibrated[judged] = found.apply(raw[judged])
        return HeldOut(
            risk=calibrated,
            calibrator=chosen_calibrator(raw, self.outcome, folds),
            raw=raw,
            members={fold: members[fold] for fold in sorted(members)},
        )

    def _members(self, learner: Logistic | Trees, found: dict[int, Member]) -> tuple[Member, ...]:
        """One a fold, of which intervals are made that hold about as often as they say.

        Measured on drawn people (`tests/unit/models/test_intervals_of_yes_or_no.py`): regressions as their folds found
        them, the choice of penalty among what varies; trees taught again with the settings that everyone found, since
        how many trees a fold stops at jumps so far that intervals would be too wide.
        """
        if isinstance(learner, Logistic):
            return tuple(found.values())

        def alike(fold: int) -> Member:
            if found[fold].learner.settings == learner.settings:
                return found[fold]
            features = self.features.of_codes(found[fold].vocabulary)
            rows = np.flatnonzero(self.folds != fold)
            fitted = self._fit(type(learner), features, rows, learner.settings)
            return Member(learner=fitted, vocabulary=found[fold].vocabulary)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return tuple(pool.map(alike, found))

    def _learning(
        self, learner: type[Logistic] | type[Trees], all_taught: HeldOut
    ) -> dict[str, Any]:
        """AUROC in the first fold against the people who taught, with the settings that all outside it found."""
        judged, learning = np.flatnonzero(self.folds == 0), np.flatnonzero(self.folds != 0)
        features = self.features.of_codes(self.vocabularies[0])
        lessons: list[Lesson] = []
        settings = all_taught.members[0].learner.settings if 0 in all_taught.members else None

        def taught_by(part: tuple[float, npt.NDArray[np.int64]]) -> Lesson:
            fitted = self._fit(learner, features, part[1], settings)
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
        fitted: BinaryFit,
    ) -> dict[str, Any]:
        age, female = self.features.dense[:, 0], self.features.dense[:, 1]
        risk, winner = fitted.kept.risk, fitted.winner
        told = {
            name: judge(self.outcome, twin.risk, self.subjects, seed=self.seed)
            for name, twin in fitted.held_out.items()
        }
        groups = subgroups(self.outcome, risk, age, female)
        return {
            **basis_of(timeline, self.task, self.recipe, self.seed),
            "learner": winner,
            "calibrated_by": [kind_of(fitted.kept.calibrator)],
            "rows": len(self.outcome),
            "subjects": len(np.unique(self.subjects)),
            "events": int(self.outcome.sum()),
            **told[winner],
            "twins": {
                name: {"log_loss": fitted.losses[name], **twin["metrics"]} for name, twin in told.items()
            },
            "subgroups": groups,
            "gaps": gaps(groups),
            "comparators": comparators(risk, age, female),
            "population": population(age),
            "attrition": labels.attrition.to_dicts(),
            "judged": JUDGED,
            "limits": list(LIMITS),
        }  # fmt: skip
