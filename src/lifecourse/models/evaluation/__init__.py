"""How good a model is: one measure per file, each with an interval over subjects."""

from lifecourse.models.evaluation.auprc import auprc
from lifecourse.models.evaluation.auroc import auroc
from lifecourse.models.evaluation.brier import brier
from lifecourse.models.evaluation.calibration import (
    calibration_intercept,
    calibration_slope,
    calibration_table,
)
from lifecourse.models.evaluation.intervals import over_draws, with_intervals
from lifecourse.models.evaluation.log_loss import log_loss

__all__ = [
    "auprc",
    "auroc",
    "brier",
    "calibration_intercept",
    "calibration_slope",
    "calibration_table",
    "log_loss",
    "over_draws",
    "with_intervals",
]
