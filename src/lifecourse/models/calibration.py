"""Calibration: probabilities that come true, by logistic recalibration of the log-odds (Platt 1999; Cox 1958)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from lifecourse.base.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SMALLEST = 1e-6
SLOPES = (0.05, 3.0)
"""Outside, the ranking says nothing worth stretching."""
NARROW = 1e-8
"""Log-odds of a smaller variance teach no slope."""
STEPS, CLOSE = 100, 1e-10
"""Newton's steps at most, and the one that is the last."""
SETTLED = 1e-6
"""After all steps the end may be so near that the log-likelihood would rise by half of it, a thousandth of a standard
error: where columns tell nearly the same or the outcome apart, steps stay longer than the last."""
SURE = 1.79
"""Newton's step raises the likelihood where no log-odds moves farther by it: m with e^m - m - 1 < m^2 (Bach 2010,
proposition 1, doi 10.1214/09-EJS521)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """log-odds -> intercept + slope x log-odds."""

    intercept: float
    slope: float

    def apply(self, probability: Floats) -> Floats:
        """float64[r] calibrated probabilities."""
        return np.asarray(expit(self.intercept + self.slope * log_odds(probability)))

    def then(self, after: Calibrator) -> Calibrator:
        """What it says, mapped again by `after`."""
        return Calibrator(
            intercept=after.intercept + after.slope * self.intercept,
            slope=after.slope * self.slope,
        )


def log_odds(probability: Floats) -> Floats:
    """float64[r]; probabilities of 0 and 1 are drawn in by 1e-6."""
    return np.asarray(logit(np.clip(probability, SMALLEST, 1 - SMALLEST)))


def fit_calibrator(
    probability: Floats,
    outcome: npt.NDArray[np.bool_],
    weight: Floats | None = None,
    *,
    slopes: bool = True,
) -> Calibrator:
    """The maximum-likelihood recalibration of `probability` to `outcome`, the slope within `SLOPES`.

    Without `slopes` the slope stays 1 and the intercept alone is fitted; so it does where all probabilities are one.

    weight : float64[r], how many people each row stands for; 1 each when None

    Raises
    ------
    ModelError
        Nobody or everybody had the outcome, or a probability or weight is not finite.
    """
    mass = np.ones(len(probability)) if weight is None else weight
    if not both_kinds(outcome, mass):
        raise ModelError(
            f"of {int((mass > 0).sum())} rows whose outcome is known, {int((outcome & (mass > 0)).sum())} had it: "
            "risks cannot be brought to that. Take people of whom some had it and some had not."
        )
    intercept, slope = fit_line(log_odds(probability), outcome.astype(float), mass, slopes=slopes)
    return Calibrator(intercept=intercept, slope=slope)


def both_kinds(outcome: npt.NDArray[np.bool_] | Floats, weight: Floats) -> bool:
    """Whether some of those with a weight had the outcome, and some had not."""
    return bool(0 < (weight * outcome).sum() < weight.sum())


def fit_line(
    x: Floats,
    outcome: Floats,
    weight: Floats,
    *,
    slopes: bool = True,
    prior_events: float = 0.0,
    start: Sequence[float] | Floats = (0.0, 1.0),
    close: float = CLOSE,
) -> tuple[float, float]:
    """Intercept and slope on the log-odds `x` (float64[r]) of the greatest weighted likelihood, the slope in `SLOPES`.

    A slope that would leave its limits stays at one, and the intercept is that of the greatest likelihood with it.

    outcome : float64[r] in [0, 1], of both kinds; slopes : else the slope stays that of `start`
    prior_events : the slope is held to 1 as if by so many
    close : Newton's steps go on from `start` until one is shorter

    Raises
    ------
    ModelError
        What is to be mapped is not finite.
    """
    if not (weight > 0).all():
        seen = weight > 0
        x, outcome, weight = x[seen], outcome[seen], weight[seen]
    spread = _spread(x, weight) if slopes else 0.0
    prior, slopes = prior_events * spread, spread > NARROW
    lowest, highest = float(x.min()), float(x.max())

    def likelihood(at: Floats) -> float:
        return _likelihood(at[0] + at[1] * x, outcome, weight) - prior * float(at[1] - 1) ** 2 / 2

    at = np.array(start, dtype=np.float64)
    at[1] = np.clip(at[1], *SLOPES)
    for _ in range(STEPS):
        p = expit(at[0] + at[1] * x)
        rest = weight * (outcome - p)
        v = weight * p * (1 - p)
        wanted, mass = rest.sum(), v.sum()
        step = alone = np.array([wanted / max(mass, 1e-9), 0.0])
        gradient = np.array([wanted, 0.0])
        if slopes:
            vx = v * x
            across = vx.sum()
            gradient[1] = rest @ x - prior * (at[1] - 1)
            hessian = np.array([[mass, across], [across, vx @ x + prior]])
            step = np.linalg.solve(hessian + 1e-9 * np.eye(2), gradient)
        within = _within(at[1], step[1])
        if within == 0:
            step, within = alone, 1.0
        reach = max(abs(step[0] + step[1] * lowest), abs(step[0] + step[1] * highest))
        at = at + _length(at, step, reach, likelihood, within) * step
        at[1] = np.clip(at[1], *SLOPES)
        if np.abs(step).max() < close:
            break
    else:
        _check_settled(gradient @ step, len(at), len(x))
    return float(at[0]), float(at[1])


def fit_logistic(
    x: Floats,
    outcome: Floats,
    weight: Floats,
    *,
    start: Floats,
    ridge: float | Floats,
    bounds: tuple[Floats, Floats] | None = None,
) -> Floats:
    """float64[k] coefficients of x (float64[r, k]) of the greatest penalised likelihood within `bounds`.

    outcome : float64[r] in [0, 1], of both kinds
    ridge : of the squared distances of coefficients from `start`, halved; one number is of all but the first
    bounds : float64[k] each; start lies between them

    Raises
    ------
    ModelError
        They were not found: a value is not finite, or nobody or everybody had the outcome.
    """
    penalty = np.array([0.0, *[ridge] * (len(start) - 1)]) if np.isscalar(ridge) else ridge
    low, high = bounds or (np.full(len(start), -np.inf), np.full(len(start), np.inf))

    def likelihood(at: Floats) -> float:
        return _likelihood(x @ at, outcome, weight) - float(penalty @ (at - start) ** 2) / 2

    at = start.astype(np.float64)
    for _ in range(STEPS):
        z = x @ at
        p, q = expit(z), expit(-z)
        gradient = x.T @ (weight * (outcome * q - (1 - outcome) * p)) - penalty * (at - start)
        hessian = x.T @ (x * (weight * p * q)[:, None]) + np.diag(penalty + 1e-12)
        step = _step_within(hessian, gradient, at <= low, at >= high)
        reach = float(np.abs(x @ step).max())
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(step > 0, (high - at) / step, (low - at) / step)
        most = float(np.min(room, where=step != 0, initial=1.0))
        at = np.clip(at + _length(at, step, reach, likelihood, most) * step, low, high)
        if reach < CLOSE:
            break
    else:
        _check_settled(gradient @ step, len(at), len(x))
    return at


def _step_within(
    hessian: Floats, gradient: Floats, lowest: npt.NDArray[np.bool_], highest: npt.NDArray[np.bool_]
) -> Floats:
    """Newton's step of what can move: a coefficient that would leave its bounds stays."""
    free = ~((lowest & (gradient < 0)) | (highest & (gradient > 0)))
    while True:
        step = np.zeros(len(gradient))
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
        leaves = (lowest & (step < 0)) | (highest & (step > 0))
        if not leaves.any():
            return step
        free &= ~leaves


def _spread(x: Floats, weight: Floats) -> float:
    centre = float((weight * x).sum() / weight.sum())
    return float((weight * (x - centre) ** 2).sum() / weight.sum())


def _likelihood(z: Floats, outcome: Floats, weight: Floats) -> float:
    return float(weight @ (outcome * z - np.maximum(z, 0.0) - np.log1p(np.exp(-np.abs(z)))))


def _within(slope: float, step: float) -> float:
    """The part of a step, 1 at most, by which the slope stays within its limits."""
    limit = SLOPES[1] if step > 0 else SLOPES[0]
    return min(1.0, (limit - slope) / step) if step else 1.0


def _length(
    at: Floats,
    step: Floats,
    reach: float,
    likelihood: Callable[[Floats], float],
    most: float = 1.0,
) -> float:
    """The part of Newton's step that is taken: `most`, halved while it is farther than `SURE` and half is likelier.

    The likelihood has one top, so this is half of the way to the highest on the line at least.

    reach : no row's log-odds move farther by the whole step
    """
    length = most
    if reach * length <= SURE:
        return length
    value = likelihood(at + length * step)
    while reach * length > SURE:
        half = likelihood(at + length / 2 * step)
        if half <= value:
            break
        length, value = length / 2, half
    return length


def _check_settled(rise: float, columns: int, rows: int) -> None:
    """Refuse what is not finite or farther from its end than `SETTLED`."""
    if not rise <= SETTLED:
        raise ModelError(
            f"a logistic regression of {columns} columns on {rows} rows did not settle in {STEPS} steps: a risk, "
            "weight or covariate is not finite, or the outcome is of one kind. Look at these rows; of few, take more."
        )
