"""The mean negative log likelihood of outcomes under foretold probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

SMALLEST = 1e-9


def log_loss(outcome: npt.NDArray[np.bool_], risk: npt.NDArray[np.float64]) -> float:
    """Natural logarithm; probabilities of 0 and 1 are drawn in by 1e-9."""
    inside = np.clip(risk, SMALLEST, 1 - SMALLEST)
    return float(-np.mean(np.where(outcome, np.log(inside), np.log1p(-inside))))
