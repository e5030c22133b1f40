"""Train for a task of times to events: hazards of its causes, and a card that judges them at each horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.progress import SILENT, Progress
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
from lifecourse.models.diagnostics import diagnose_followed
from lifecourse.models.evaluation import (
    Followed,
    auroc,
    brier,
    calibration_errors,
    calibration_slope,
    concordance,
    cumulative_incidence,
    gaps,
    learning_curve,
)
from lifecourse.models.hazards import fit_hazards
from lifecourse.models.hazards.learner import LINEAR
from lifecourse.models.hazards.start import places_of
from lifecourse.models.model import RiskModel
from lifecourse.models.split import N_FOLDS, folds_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.diagnostics import Concern
    from lifecourse.models.hazards import HazardFit
    from lifecourse.tasks import Labels, Task
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardStudy:
    """What a task of times to events asks of a store, ready to be learned."""

    task: Task
    recipe: Recipe
    features: FeatureMatrix
    followed: Followed
    subjects: Integers
    known: list[npt.NDArray[np.bool_]]
    seed: int

    @classmethod
    def of(
        cls,
        timeline: Timeline,
        task: Task,
        table: pl.DataFrame,
        recipe: Recipe,
        seed: int,
        progress: Progress = SILENT,
    ) -> HazardStudy:
        """The study of the rows of a table of labels; what is lost at the prediction time itself tells nothing."""
        table = table.filter(pl.col("duration_days") > task.gap_days)
        subjects = table["subject_id"].to_numpy()
        folds = folds_of(subjects, N_FOLDS, seed)
        outside = [subjects[folds != fold] for fold in range(N_FOLDS)]
        everyones, *others = vocabularies(timeline, table, recipe, [None, *outside])
        features = featurize(timeline, table, recipe, vocabulary=everyones, progress=progress)
        return cls(
            task=task,
            recipe=recipe,
            features=features,
            followed=followed_of(table, task),
            subjects=subjects,
            known=[_taught(features, vocabulary) for vocabulary in others],
            seed=seed,
        )

    def concerns(self) -> list[Concern]:
        """What is wrong with the study."""
        return diagnose_followed(
            self.features, self.followed, self.horizons, causes=self.task.names
        )

    def model(self, timeline: Timeline, labels: Labels, concerns: list[Concern]) -> RiskModel:
        """Hazards of all causes, calibrated, with their card."""
        fitted = self.fit(lessons=True)
        return RiskModel(
            task=self.task,
            recipe=self.recipe,
            vocabulary=self.features.vocabulary,
            learner=fitted.learner,
            calibrator=fitted.calibrator,
            card=self._card(timeline, labels, fitted)
            | {"concerns": [concern.to_dict() for concern in concerns]},
        )

    def fit(self, *, lessons: bool = False) -> HazardFit:
        """The hazards of all causes, and with `lessons` those that parts of the people teach."""
        return fit_hazards(
            self.features,
            self.followed,
            self.subjects,
            horizons_days=self.horizons,
            n_causes=len(self.task.names),
            seed=self.seed,
            known=self.known,
            lessons=lessons,
        )

    @property
    def horizons(self) -> Floats:
        """float64[h] days after the end of the task's gap."""
        return from_gap(self.task, self.task.horizons)

    def _card(self, timeline: Timeline, labels: Labels, fitted: HazardFit) -> dict[str, Any]:
        rows = fitted.judged
        until = float(self.horizons[-1])
        answers, weight = self.followed.rows(rows).known_at(until)
        risk = fitted.held_out[fitted.learner.kind][:, 0, -1]
        age, female = self.features.dense[rows, 0], self.features.dense[rows, 1]
        twins = {
            name: {"log_loss": fitted.losses[name], "horizons": self._at_horizons(rows, told)}
            for name, told in fitted.held_out.items()
        }
        groups = subgroups(answers, risk, age, female, weight)
        judged = JUDGED if len(rows) == len(self.subjects) else "on a tenth of the people, held out"
        return {
            **basis_of(timeline, self.task, self.recipe, self.seed),
            "learner": fitted.learner.kind,
            "causes": self.task.names,
            "calibrated_by": fitted.calibrator.kinds,
            "levelled_by": self._levelled_by(fitted),
            "rows": len(self.subjects),
            "subjects": len(np.unique(self.subjects)),
            "events": int((self.followed.event == 1).sum()),
            **judge(answers, risk, self.subjects[rows], seed=self.seed, weight=weight),
            "horizons": twins[fitted.learner.kind]["horizons"],
            "learning_curve": self._learning(fitted),
            "twins": twins,
            "plain_twin": LINEAR,
            "subgroups": groups,
            "gaps": gaps(groups),
            "comparators": comparators(risk, age, female),
            "population": population(age),
            "attrition": labels.attrition.to_dicts(),
            "judged": judged,
            "limits": list(LIMITS),
        }

    def _levelled_by(self, fitted: HazardFit) -> list[str]:
        """The columns of who people are by which the hazards are level."""
        if fitted.learner.levelling is None:
            return []
        return [self.features.dense_names[place] for place in places_of(self.features)]

    def _learning(self, fitted: HazardFit) -> dict[str, Any]:
        """Uno's C by the last horizon against the people who taught."""
        judged, until = fitted.held_out_first, float(self.horizons[-1])

        def measured(told: Floats, places: Integers) -> float:
            came = self.followed.rows(judged[places])
            return concordance(came, told[places], until_days=until)

        return learning_curve(
            fitted.lessons,
            measured,
            measure="concordance",
            judged=judged,
            subjects=self.subjects,
            happened=self.followed.event == 1,
            seed=self.seed,
        )

    def _at_horizons(self, rows: Integers, incidence: Floats) -> list[dict[str, Any]]:
        return at_horizons(self.task, self.followed.rows(rows), incidence)


def from_gap(task: Task, horizons_days: npt.ArrayLike) -> Floats:
    """Horizons, counted from the end of the task's gap: until then nobody who is asked about has an outcome."""
    return np.asarray(horizons_days, dtype=np.float64) - task.gap_days


def followed_of(table: pl.DataFrame, task: Task) -> Followed:
    """The outcomes in a table of the task's labels, durations counted from the end of its gap."""
    return Followed(
        duration_days=table["duration_days"].to_numpy() - task.gap_days,
        event=table["event"].to_numpy(),
    )


def at_horizons(task: Task, came: Followed, incidence: Floats) -> list[dict[str, Any]]:
    """For each cause and horizon: events, observed (Aalen-Johansen) and expected share, and how good the risks are."""
    rows = []
    horizons = from_gap(task, task.horizons)
    for c, name in enumerate(task.names):
        observed = cumulative_incidence(came, horizons, cause=c + 1)
        for h, days in enumerate(horizons):
            risk = incidence[:, c, h]
            happened, weight = came.known_at(float(days), cause=c + 1)
            expected, seen = float(risk.mean()), float(observed.value[h])
            row = {
                "cause": name,
                "horizon_days": task.horizons[h],
                "events": int(happened.sum()),
                "observed": seen,
                "low": float(observed.low[h]),
                "high": float(observed.high[h]),
                "expected": expected,
                "observed_over_expected": seen / expected if expected else float("nan"),
                "auroc": auroc(happened, risk, weight),
                "brier": brier(happened, risk, weight),
                "calibration_slope": calibration_slope(happened, risk, weight),
                **calibration_errors(happened, risk, weight),
            }
            rows.append({key: _told(value) for key, value in row.items()})
    return rows


def _told(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _taught(features: FeatureMatrix, vocabulary: list[str]) -> npt.NDArray[np.bool_]:
    """bool[m]: the columns of codes that are of a vocabulary."""
    if not features.vocabulary:
        return np.zeros(0, dtype=np.bool_)
    known = np.isin(features.vocabulary, vocabulary)
    return np.tile(known, len(features.code_names) // len(features.vocabulary))
