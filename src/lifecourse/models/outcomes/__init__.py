"""Many outcomes at once: every diagnosis that enough people came to, on one matrix of features."""

from lifecourse.models.outcomes.evaluating import evaluate_outcomes
from lifecourse.models.outcomes.keeping import load_outcomes, save_outcomes
from lifecourse.models.outcomes.model import ModelOfOutcomes, OutcomesModel
from lifecourse.models.outcomes.predicting import predict_outcomes
from lifecourse.models.outcomes.training import train_outcomes

__all__ = [
    "ModelOfOutcomes",
    "OutcomesModel",
    "evaluate_outcomes",
    "load_outcomes",
    "predict_outcomes",
    "save_outcomes",
    "train_outcomes",
]
