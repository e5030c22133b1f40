"""The mean squared distance between risk and outcome (Brier 1950)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def brier(outcome: npt.NDArray[np.bool_], risk: npt.NDArray[np.float64]) -> float:
    """0 is perfect; a constant risk at the frequency f scores f (1 - f)."""
    return float(np.mean((risk - outcome.astype(float)) ** 2)) if len(risk) else float("nan")
