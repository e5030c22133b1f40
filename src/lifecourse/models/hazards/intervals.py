"""How sure: what the risk could have been, had other people of the same kind been learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.models.jackknife import LEVEL, jackknifed

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.hazards.curves import CurveCalibrator
    from lifecourse.models.hazards.learner import HazardLearner

    Floats = npt.NDArray[np.float64]


def intervals(
    learner: HazardLearner,
    calibrator: CurveCalibrator,
    features: FeatureMatrix,
    horizons_days: Floats,
    *,
    level: float = LEVEL,
) -> tuple[Floats, Floats] | None:
    """float64[r, c, h] low and high ends around the calibrated incidence; None of a learner with one member.

    They are of the estimate: in so many of 100 studies like this one the interval holds the mean of what such studies
    would say of the person (`lifecourse.models.jackknife`). That the model leaves out something that matters is not in
    them.
    """
    if len(learner.linear) < 2:
        return None
    value = calibrator.apply(learner.incidence(features, horizons_days), horizons_days)
    told = [
        calibrator.apply(one.incidence(features, horizons_days), horizons_days)
        for one in learner.members()
    ]
    return jackknifed(value, np.stack(told), level=level)
