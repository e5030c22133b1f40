"""How good a model is: one measure per file, each with an interval over subjects.

Measures of a yes-or-no outcome take a weight per row; with those of `Followed.known_at` they are the measures of a
risk by a horizon among people of whom some were lost before it.
"""

from lifecourse.models.evaluation.auprc import auprc
from lifecourse.models.evaluation.auroc import auroc
from lifecourse.models.evaluation.brier import brier, integrated_brier
from lifecourse.models.evaluation.calibration import (
    calibration_intercept,
    calibration_slope,
    calibration_table,
    observed_over_expected,
)
from lifecourse.models.evaluation.concordance import concordance
from lifecourse.models.evaluation.curve import calibration_errors, curve_table
from lifecourse.models.evaluation.followed import (
    FEWEST_SEEN,
    Followed,
    horizons_seen,
    is_unseen,
    seen_to,
)
from lifecourse.models.evaluation.groups import by_group, gaps
from lifecourse.models.evaluation.incidence import Incidence, cumulative_incidence
from lifecourse.models.evaluation.intervals import draws_of, over_draws, with_intervals
from lifecourse.models.evaluation.learning import Lesson, learning_curve, teaches
from lifecourse.models.evaluation.log_loss import log_loss
from lifecourse.models.evaluation.net_benefit import decision_curve, net_benefit

__all__ = [
    "FEWEST_SEEN",
    "Followed",
    "Incidence",
    "Lesson",
    "auprc",
    "auroc",
    "brier",
    "by_group",
    "calibration_errors",
    "calibration_intercept",
    "calibration_slope",
    "calibration_table",
    "concordance",
    "cumulative_incidence",
    "curve_table",
    "decision_curve",
    "draws_of",
    "gaps",
    "horizons_seen",
    "integrated_brier",
    "is_unseen",
    "learning_curve",
    "log_loss",
    "net_benefit",
    "observed_over_expected",
    "over_draws",
    "seen_to",
    "teaches",
    "with_intervals",
]
