"""Calibration: probabilities that come true, by logistic recalibration of the log-odds (Platt 1999; Cox 1958)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

if TYPE_CHECKING:
    import numpy.typing as npt

SMALLEST = 1e-6
STEPS, CLOSE = 50, 1e-10
"""Newton's steps at most, and the one that is the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """log-odds -> intercept + slope x log-odds."""

    intercept: float
    slope: float

    def apply(self, probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """float64[r] calibrated probabilities."""
        return np.asarray(expit(self.intercept + self.slope * log_odds(probability)))

    def then(self, after: Calibrator) -> Calibrator:
        """What it says, mapped again by `after`."""
        return Calibrator(
            intercept=after.intercept + after.slope * self.intercept,
            slope=after.slope * self.slope,
        )


def log_odds(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64[r]; probabilities of 0 and 1 are drawn in by 1e-6."""
    return np.asarray(logit(np.clip(probability, SMALLEST, 1 - SMALLEST)))


def fit_calibrator(
    probability: npt.NDArray[np.float64],
    outcome: npt.NDArray[np.bool_],
    weight: npt.NDArray[np.float64] | None = None,
    *,
    slopes: bool = True,
) -> Calibrator:
    """The maximum-likelihood recalibration of `probability` to `outcome`, by Newton's method.

    Without `slopes` the slope stays 1 and the intercept alone is fitted.
    `weight`, float64[r], is how many people each row stands for; 1 each when None. The slope is kept in [0.05, 3]:
    outside, the ranking says nothing worth stretching.
    """
    mass = np.ones(len(probability)) if weight is None else weight
    y = outcome.astype(float)
    if not slopes:
        return Calibrator(intercept=_intercept(probability, y, mass, 1.0), slope=1.0)
    x = np.column_stack([np.ones(len(probability)), log_odds(probability)])
    beta = fit_logistic(x, y, mass, start=np.array([0.0, 1.0]), ridge=1e-9)
    slope = float(np.clip(beta[1], 0.05, 3.0))
    fits = slope == float(beta[1])
    intercept = float(beta[0]) if fits else _intercept(probability, y, mass, slope)
    return Calibrator(intercept=intercept, slope=slope)


def fit_logistic(
    x: npt.NDArray[np.float64],
    outcome: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    *,
    start: npt.NDArray[np.float64],
    ridge: float,
) -> npt.NDArray[np.float64]:
    """float64[k] coefficients of x (float64[r, k]) by Newton's method from `start`; `ridge` holds what is free."""
    beta = start
    for _ in range(STEPS):
        p = expit(x @ beta)
        hessian = x.T @ (x * (weight * p * (1 - p))[:, None]) + ridge * np.eye(len(beta))
        step = np.linalg.solve(hessian, x.T @ (weight * (outcome - p)))
        beta = beta + step
        if np.abs(step).max() < CLOSE:
            break
    return beta


def _intercept(
    probability: npt.NDArray[np.float64],
    outcome: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    slope: float,
) -> float:
    offset, level = slope * log_odds(probability), 0.0
    for _ in range(STEPS):
        p = expit(offset + level)
        wanted = float((weight * (outcome - p)).sum())
        step = wanted / max(float((weight * p * (1 - p)).sum()), SMALLEST)
        level += step
        if abs(step) < CLOSE:
            break
    return level
