"""The nouns: a trained model, an abstention, and what training gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix, Recipe
    from lifecourse.models.calibration import Calibrator
    from lifecourse.models.linear import Logistic
    from lifecourse.models.trees import Trees
    from lifecourse.tasks import AnyTask

AGE_BANDS = (0, 18, 30, 40, 50, 60, 70, 80, 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskModel:
    """A calibrated model of one task.

    card : how it was made and how well it did, JSON-ready; see `lifecourse.models.card`
    """

    task: AnyTask
    recipe: Recipe
    vocabulary: list[str]
    learner: Logistic | Trees
    calibrator: Calibrator
    card: dict[str, Any]

    @property
    def name(self) -> str:
        """The task's name."""
        return str(self.task.name)

    @property
    def version(self) -> str:
        """The same for the same data, task, recipe and seed."""
        return str(self.card["version"])

    def risk(self, features: FeatureMatrix) -> npt.NDArray[np.float64]:
        """float64[r] calibrated probabilities of the outcome."""
        return self.calibrator.apply(self.learner.predict(features))


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
