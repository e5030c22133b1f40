"""Members of a model of yes or no: learners that were each taught without one fold of the people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.linear import Logistic
    from lifecourse.models.trees import Trees


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A learner, and the codes that those who taught it have: it reads no other."""

    learner: Logistic | Trees
    vocabulary: list[str]

    def predict(self, features: FeatureMatrix) -> npt.NDArray[np.float64]:
        """float64[r], before calibration; a code that the features have no column of counts as not found."""
        return self.learner.predict(features.of_codes(self.vocabulary))


def told_by(members: Sequence[Member], features: FeatureMatrix) -> npt.NDArray[np.float64]:
    """float64[members, r] probabilities, before calibration."""
    return np.stack([member.predict(features) for member in members])
