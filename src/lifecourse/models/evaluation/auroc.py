"""The chance that one with the outcome has the higher risk.

Hanley & McNeil 1982, doi 10.1148/radiology.143.1.7063747.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

if TYPE_CHECKING:
    import numpy.typing as npt


def auroc(outcome: npt.NDArray[np.bool_], risk: npt.NDArray[np.float64]) -> float:
    """Area under the ROC curve, ties counted half; NaN where there is only one kind of outcome."""
    n_events = int(outcome.sum())
    n_others = len(outcome) - n_events
    if n_events == 0 or n_others == 0:
        return float("nan")
    ranks = rankdata(risk)
    above = ranks[outcome].sum() - n_events * (n_events + 1) / 2
    return float(above / (n_events * n_others))
