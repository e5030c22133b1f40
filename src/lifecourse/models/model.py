"""The nouns: a trained model, an abstention, and what training gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.errors import ModelError
from lifecourse.models.hazards import CurveCalibrator, HazardLearner, intervals
from lifecourse.models.jackknife import jackknifed
from lifecourse.models.members import told_by
from lifecourse.tasks import Task

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix, Recipe
    from lifecourse.models.calibration import Calibrator
    from lifecourse.models.linear import Logistic
    from lifecourse.models.members import Member
    from lifecourse.models.shapes import BentCalibrator
    from lifecourse.models.trees import Trees
    from lifecourse.models.venn_abers import VennAbers
    from lifecourse.tasks import AnyTask

FEWEST_MEMBERS = 5
"""Fewer folds than that where too few people have the rarer answer: how far members lie apart then says little."""
AGE_BANDS = (0, 18, 30, 40, 50, 60, 70, 80, 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskModel:
    """A calibrated model of one task.

    card : how it was made and how well it did, JSON-ready; see `lifecourse.models.card`
    members : of a model of yes or no, what was taught without each fold of the people; none of one that was kept before
    venn_abers : of such a model, between which probabilities calibration leaves a person
    """

    task: AnyTask
    recipe: Recipe
    vocabulary: list[str]
    learner: Logistic | Trees | HazardLearner
    calibrator: Calibrator | BentCalibrator | CurveCalibrator
    card: dict[str, Any]
    members: tuple[Member, ...] = ()
    venn_abers: VennAbers | None = None

    @property
    def name(self) -> str:
        """The task's name."""
        return str(self.task.name)

    @property
    def version(self) -> str:
        """The same for the same data, task, recipe and seed."""
        return str(self.card["version"])

    @property
    def horizons_days(self) -> list[int]:
        """The horizons it is calibrated at, ascending; none where the task has none."""
        return list(getattr(self.task, "horizons", []))

    @property
    def causes(self) -> list[str]:
        """The outcome, and for a task of times to events what competes with it."""
        return list(self.card.get("causes", [self.name]))

    def risk(self, features: FeatureMatrix) -> npt.NDArray[np.float64]:
        """float64[r] calibrated probabilities of the outcome, by the last horizon."""
        if isinstance(self.calibrator, CurveCalibrator) or isinstance(self.learner, HazardLearner):
            return self.incidence(features)[:, 0, -1]
        return self.calibrator.apply(self.learner.predict(features))

    def incidence(
        self, features: FeatureMatrix, horizons_days: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.float64]:
        """float64[r, c, h] calibrated: the probability of each cause by each horizon (the task's where None).

        Curves rise with the horizon, and the causes together never pass 1. A model of a yes or no knows one cause
        and its own horizon.

        Raises
        ------
        ModelError
            A horizon lies beyond what was learned from, or is not the one that the model knows.
        """
        horizons = self.horizons_days if horizons_days is None else horizons_days
        days = np.asarray(horizons, dtype=np.float64)
        if isinstance(self.calibrator, CurveCalibrator) and isinstance(self.learner, HazardLearner):
            since_gap = days - self.task.gap_days if isinstance(self.task, Task) else days
            return self.calibrator.apply(self.learner.incidence(features, since_gap), since_gap)
        if days.tolist() not in ([], [float(day) for day in self.horizons_days]):
            raise ModelError(f"'{self.name}' knows its own horizon alone: leave horizons out.")
        return self.risk(features)[:, None, None]

    def intervals(
        self, features: FeatureMatrix
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """float64[r, c, h] low and high ends of 90 % around `incidence` (`lifecourse.models.jackknife`).

        They are of the estimate: how much it hangs on who was learned from. None where the model
        cannot tell.
        """
        if isinstance(self.calibrator, CurveCalibrator) and isinstance(self.learner, HazardLearner):
            return intervals(self.learner, self.calibrator, features, self.learner.horizons_days)
        if len(self.members) < FEWEST_MEMBERS or isinstance(self.calibrator, CurveCalibrator):
            return None
        told = self.calibrator.apply(told_by(self.members, features))
        low, high = jackknifed(self.risk(features), told)
        return low[:, None, None], high[:, None, None]

    def calibrated_between(
        self, features: FeatureMatrix
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """float64[r] low and high by Venn-Abers (`lifecourse.models.venn_abers`); None of times to events."""
        if self.venn_abers is None or isinstance(self.learner, HazardLearner):
            return None
        return self.venn_abers.between(self.learner.predict(features))


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstention:
    """Why there is no model.

    n_events, n_needed : people with the rarer answer, and how many it takes
    concerns : what was found wrong with the study, as `Concern.to_dict` gives it
    """

    n_events: int
    n_needed: int
    reason: str
    concerns: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """A model, or an abstention."""

    model: RiskModel | None = None
    abstention: Abstention | None = None

    def summary(self) -> dict[str, Any]:
        """The card of the model, or the abstention's numbers."""
        if self.model is not None:
            return self.model.card
        assert self.abstention is not None  # noqa: S101 -- one of the two is there
        return {
            "n_events": self.abstention.n_events,
            "n_needed": self.abstention.n_needed,
            "reason": self.abstention.reason,
            "concerns": self.abstention.concerns,
        }


def age_band(age: float) -> str:
    """``50-59`` for 54.2; ``unknown`` for NaN."""
    if not np.isfinite(age):
        return "unknown"
    for low, high in pairwise(AGE_BANDS):
        if low <= age < high:
            return f"{low}-{high - 1}" if high < AGE_BANDS[-1] else f"{low} and over"
    return "unknown"


def sex_name(female: float) -> str:
    """``female``, ``male`` or ``unknown`` for 1, 0 and NaN."""
    if not np.isfinite(female):
        return "unknown"
    return "female" if female else "male"
