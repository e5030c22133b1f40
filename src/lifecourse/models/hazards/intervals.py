"""How sure: what the risk could have been, had other people of the same kind been learned from.

Each member of a learner was taught without one fold of the people; how far the members lie from each other tells how
much the estimate hangs on who was there (the grouped jackknife: Wolter 2007, Introduction to Variance Estimation,
section 4.2, doi 10.1007/978-0-387-35099-8). On the scale of log-odds, with Student's quantile for so few folds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import t as student

from lifecourse.models.calibration import log_odds

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.hazards.curves import CurveCalibrator
    from lifecourse.models.hazards.learner import HazardLearner

    Floats = npt.NDArray[np.float64]

LEVEL = 0.90


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
    would say of the person. That the model leaves out something that matters is not in them.
    """
    n = len(learner.linear)
    if n < 2:
        return None
    value = log_odds(calibrator.apply(learner.incidence(features, horizons_days), horizons_days))
    told = np.stack(
        [
            log_odds(calibrator.apply(one.incidence(features, horizons_days), horizons_days))
            for one in learner.members()
        ]
    )
    spread = np.sqrt((n - 1) / n * ((told - told.mean(axis=0)) ** 2).sum(axis=0))
    half = student.ppf((1 + level) / 2, n - 1) * spread
    return np.asarray(expit(value - half)), np.asarray(expit(value + half))
