"""The mean squared distance between risk and outcome.

Brier 1950, doi 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. With the weights of `Followed.known_at` it is the
censored score at a horizon (Graf et al. 1999, Stat Med 18:2529).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models.evaluation.followed import Followed


def brier(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
) -> float:
    """0 is perfect; a constant risk at the frequency f scores f (1 - f).

    `weight`, float64[n], is how many people each row stands for; it has a mean of 1.
    """
    if len(risk) == 0:
        return float("nan")
    squared = (risk - outcome.astype(float)) ** 2
    return float(np.mean(squared if weight is None else weight * squared))


def integrated_brier(
    followed: Followed,
    risk: npt.NDArray[np.float64],
    horizons_days: npt.NDArray[np.float64],
    *,
    cause: int = 1,
) -> float:
    """The mean of the Brier score over time, between the first and the last horizon, by the trapezoid rule.

    Parameters
    ----------
    risk : float64[n, h], of `cause` by each horizon
    horizons_days : float64[h], ascending, two or more
    """
    scores = [
        brier(*_given(followed.known_at(horizon, cause=cause), risk[:, i]))
        for i, horizon in enumerate(horizons_days)
    ]
    return float(np.trapezoid(scores, horizons_days) / (horizons_days[-1] - horizons_days[0]))


def _given(
    known: tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]], risk: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    outcome, weight = known
    return outcome, risk, weight
