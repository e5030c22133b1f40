"""Models that learn from records: trained by subject, calibrated out of fold, honest about whom they know."""

from lifecourse.models.judging import evaluate
from lifecourse.models.model import Abstention, RiskModel, TrainingResult
from lifecourse.models.monitoring import monitor
from lifecourse.models.persistence import kind_of_model, load_model, save_model
from lifecourse.models.predicting import RiskEstimate, predict
from lifecourse.models.recalibration import recalibrate
from lifecourse.models.training import train
from lifecourse.models.truth import compare_with_truth

__all__ = [
    "Abstention",
    "RiskEstimate",
    "RiskModel",
    "TrainingResult",
    "compare_with_truth",
    "evaluate",
    "kind_of_model",
    "load_model",
    "monitor",
    "predict",
    "recalibrate",
    "save_model",
    "train",
]
