"""Many outcomes at once: every diagnosis that enough people came to, on one matrix of features."""

from lifecourse.models.outcomes.keeping import is_of_outcomes, load_outcomes, save_outcomes
from lifecourse.models.outcomes.model import OutcomesModel
from lifecourse.models.outcomes.predicting import predict_outcomes
from lifecourse.models.outcomes.training import train_outcomes

__all__ = [
    "OutcomesModel",
    "is_of_outcomes",
    "load_outcomes",
    "predict_outcomes",
    "save_outcomes",
    "train_outcomes",
]
