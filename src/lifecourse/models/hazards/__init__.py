"""Hazards of competing causes: risks at any horizon, calibrated, from wide sparse records."""

from lifecourse.models.hazards.curves import CurveCalibrator
from lifecourse.models.hazards.fitting import HazardFit, fit_hazards
from lifecourse.models.hazards.incidence import cumulative_incidence
from lifecourse.models.hazards.intervals import intervals
from lifecourse.models.hazards.learner import HazardLearner

__all__ = [
    "CurveCalibrator",
    "HazardFit",
    "HazardLearner",
    "cumulative_incidence",
    "fit_hazards",
    "intervals",
]
