"""How good a model is: one measure per file, each with an interval over subjects."""

from lifecourse.models.evaluation.auprc import auprc
from lifecourse.models.evaluation.auroc import auroc
from lifecourse.models.evaluation.brier import brier
from lifecourse.models.evaluation.calibration import (
    calibration_intercept,
    calibration_slope,
    calibration_table,
)
from lifecourse.models.evaluation.intervals import with_intervals

__all__ = [
    "auprc",
    "auroc",
    "brier",
    "calibration_intercept",
    "calibration_slope",
    "calibration_table",
    "with_intervals",
]
