"""Published risk scores as data: one evaluator, one file a score, each passing its own worked cases."""

from lifecourse.care.risk.library import names, score, score_all, score_model

evaluate = score

__all__ = ["evaluate", "names", "score", "score_all", "score_model"]
