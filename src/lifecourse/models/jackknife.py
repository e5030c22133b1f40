"""How much an estimate hangs on whom it was learned from: members that were each taught without one fold of the people.

The grouped jackknife (Wolter 2007, Introduction to Variance Estimation, section 4.2, doi 10.1007/978-0-387-35099-8), on
the scale of log-odds, with Student's quantile for so few folds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import t as student

from lifecourse.models.calibration import log_odds

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

LEVEL = 0.90


def jackknifed(value: Floats, members: Floats, *, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Low and high ends, of the shape of `value`, around what all who taught say.

    Parameters
    ----------
    value : float64[...] calibrated probabilities
    members : float64[n, ...], n at least 2: what each member says, calibrated alike
    """
    n, told = len(members), log_odds(members)
    spread = np.sqrt((n - 1) / n * ((told - told.mean(axis=0)) ** 2).sum(axis=0))
    half = student.ppf((1 + level) / 2, n - 1) * spread
    at = log_odds(value)
    return np.asarray(expit(at - half)), np.asarray(expit(at + half))
