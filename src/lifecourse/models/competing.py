"""Train for a task of times to events: hazards of its causes, and a card that judges them at each horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.errors import ModelError
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
    FEWEST_SEEN,
    Followed,
    auroc,
    brier,
    calibration_errors,
    calibration_slope,
    calibration_table,
    concordance,
    cumulative_incidence,
    gaps,
    horizons_seen,
    learning_curve,
    seen_to,
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
            self.features,
            self.followed,
            self.horizons,
            causes=self.task.names,
            gap_days=self.task.gap_days,
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
        came = self.followed.rows(rows)
        last = last_seen(self.task, came)
        answers, weight = came.known_at(float(self.horizons[last]))
        told = fitted.held_out[fitted.learner.kind][:, 0]
        risk = told[:, last]
        age, female = self.features.dense[rows, 0], self.features.dense[rows, 1]
        measured = {
            name: at_horizons(self.task, came, said) for name, said in fitted.held_out.items()
        }
        twins = {
            name: {"log_loss": fitted.losses[name], "horizons": _without_groups(found)}
            for name, found in measured.items()
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
            "horizons": measured[fitted.learner.kind],
            "learning_curve": self._learning(fitted),
            "twins": twins,
            "plain_twin": LINEAR,
            "subgroups": groups,
            "gaps": gaps(groups),
            "comparators": comparators(told[:, -1], age, female),
            "population": population(age),
            "attrition": labels.attrition.to_dicts(),
            "judged": f"{judged}{by_then(self.task, last)}",
            "judged_at_days": self.task.horizons[last],
            "limits": [*LIMITS, *_limits(self.task, last)],
        }

    def _levelled_by(self, fitted: HazardFit) -> list[str]:
        """The columns of who people are by which the hazards are level."""
        if fitted.learner.levelling is None:
            return []
        return [self.features.dense_names[place] for place in places_of(self.features)]

    def _learning(self, fitted: HazardFit) -> dict[str, Any]:
        """Uno's C by the last horizon to which people were seen against the people who taught."""
        judged, last = fitted.held_out_first, last_seen(self.task, self.followed)
        until = float(self.horizons[last])

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


def from_gap(task: Task, horizons_days: npt.ArrayLike) -> Floats:
    """Horizons, counted from the end of the task's gap: until then nobody who is asked about has an outcome."""
    return np.asarray(horizons_days, dtype=np.float64) - task.gap_days


def followed_of(table: pl.DataFrame, task: Task) -> Followed:
    """The outcomes in a table of the task's labels, durations counted from the end of its gap."""
    return Followed(
        duration_days=table["duration_days"].to_numpy() - task.gap_days,
        event=table["event"].to_numpy(),
    )


def last_seen(task: Task, came: Followed) -> int:
    """The place of the last of the task's horizons to which people were seen: measures are by then.

    Raises
    ------
    ModelError
        There is none.
    """
    horizons = from_gap(task, task.horizons)
    seen = horizons_seen(came, horizons)
    if seen == 0:
        raise ModelError(
            f"{seen_to(came, float(horizons[0])):,} people were seen to {task.horizons[0]:,} days without an "
            f"event, the first horizon of task '{task.name}', and {FEWEST_SEEN} are needed: nobody can tell here what "
            "comes by then. Use a store whose records go on for longer, or a model of a shorter horizon."
        )
    return seen - 1


def by_then(task: Task, last: int) -> str:
    """What to add to how it was judged, where the place `last` is not the task's last horizon."""
    if last == len(task.horizons) - 1:
        return ""
    return f", by {task.horizons[last]:,} days: to {task.horizons[last + 1]:,} days too few people were seen"


def _limits(task: Task, last: int) -> list[str]:
    return [
        f"Risks by {days:,} days were not judged: too few people were seen for so long. They are hazards carried on, "
        f"brought to the level that was found by {task.horizons[last]:,} days."
        for days in task.horizons[last + 1 :]
    ]


def at_horizons(task: Task, came: Followed, incidence: Floats) -> list[dict[str, Any]]:
    """For each cause and horizon: events, observed (Aalen-Johansen) and expected share, and how good the risks are.

    ``calibration`` has them in tenths of risk. Of a horizon to which too few were seen (`is_unseen`) measures are None,
    with a ``reason``.
    """
    rows = []
    horizons = from_gap(task, task.horizons)
    seen = horizons_seen(came, horizons)
    for c, name in enumerate(task.names):
        observed = cumulative_incidence(came, horizons, cause=c + 1)
        for h, days in enumerate(horizons):
            risk = incidence[:, c, h]
            happened, weight = came.known_at(float(days), cause=c + 1)
            expected, share = float(risk.mean()), float(observed.value[h])
            measured: dict[str, float | None] = {
                "observed": share,
                "low": float(observed.low[h]),
                "high": float(observed.high[h]),
                "expected": expected,
                "observed_over_expected": share / expected if expected else float("nan"),
                "auroc": auroc(happened, risk, weight),
                "brier": brier(happened, risk, weight),
                "calibration_slope": calibration_slope(happened, risk, weight),
                **calibration_errors(happened, risk, weight),
            }
            if h >= seen:
                measured = dict.fromkeys(measured) | {"expected": expected}
            rows.append(
                {
                    "cause": name,
                    "horizon_days": task.horizons[h],
                    "events": int(happened.sum()),
                    **{key: _told(value) for key, value in measured.items()},
                    "reason": None if h < seen else _unseen(came, float(days)),
                    "calibration": calibration_table(happened, risk, weight=weight)
                    if h < seen
                    else [],
                }
            )
    return rows


def _without_groups(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "calibration"} for row in rows]


def _unseen(came: Followed, days: float) -> str:
    return f"{seen_to(came, days):,} people were seen for so long, and {FEWEST_SEEN} are needed"


def _told(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _taught(features: FeatureMatrix, vocabulary: list[str]) -> npt.NDArray[np.bool_]:
    """bool[m]: the columns of codes that are of a vocabulary."""
    if not features.vocabulary:
        return np.zeros(0, dtype=np.bool_)
    known = np.isin(features.vocabulary, vocabulary)
    return np.tile(known, len(features.code_names) // len(features.vocabulary))
