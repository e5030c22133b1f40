"""Do the risks come true: slope, intercept, and observed against predicted in tenths.

Van Calster et al. 2019, doi 10.1186/s12916-019-1466-7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.models.calibration import both_kinds, fit_calibrator

if TYPE_CHECKING:
    import numpy.typing as npt

TENTHS = 10
Z = 1.959963984540054


def calibration_slope(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
) -> float:
    """1 is right; below 1 the risks are too extreme. NaN where there is only one kind of outcome."""
    if not both_kinds(outcome, np.ones(len(outcome)) if weight is None else weight):
        return float("nan")
    return fit_calibrator(risk, outcome, weight).slope


def calibration_intercept(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
) -> float:
    """log(observed odds / expected odds) at large: 0 is right, above 0 the risks are too low."""
    observed, expected = share(outcome, weight), float(risk.mean())
    if not 0 < observed < 1:
        return float("nan")
    return float(np.log(observed / (1 - observed)) - np.log(expected / (1 - expected)))


def observed_over_expected(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
) -> float:
    """The share with the outcome over the mean risk: 1 is right, above 1 the risks are too low."""
    expected = float(risk.mean()) if len(risk) else 0.0
    return share(outcome, weight) / expected if expected > 0 else float("nan")


def share(outcome: npt.NDArray[np.bool_], weight: npt.NDArray[np.float64] | None = None) -> float:
    """The share with the outcome; `weight` (float64[n], mean 1) is how many people each row stands for."""
    if len(outcome) == 0:
        return float("nan")
    return float(outcome.mean() if weight is None else np.mean(weight * outcome))


def calibration_table(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    tenths: int = TENTHS,
    *,
    weight: npt.NDArray[np.float64] | None = None,
) -> list[dict[str, Any]]:
    """Groups of equal size by risk: predicted and observed share, with a 95 % Wilson interval.

    `weight`, float64[r], is how many people each row stands for, 0 where its outcome is not known; the interval is that
    of as many people as the weights are worth (Kish 1965: the square of their sum over the sum of their squares).
    """
    order = np.argsort(risk, kind="stable")
    rows = []
    for group in np.array_split(order, min(tenths, max(len(order), 1))):
        if len(group) == 0:
            continue
        mass = np.ones(len(group)) if weight is None else weight[group]
        if not mass.any():
            continue
        seen = float((mass * outcome[group]).sum() / mass.sum())
        worth = float(mass.sum() ** 2 / (mass**2).sum())
        low, high = wilson(seen * worth, worth)
        rows.append(
            {
                "people": len(group),
                "predicted": float(risk[group].mean()),
                "observed": seen,
                "low": low,
                "high": high,
                "from": float(risk[group].min()),
                "to": float(risk[group].max()),
            }
        )
    return rows


def wilson(events: float, people: float) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, doi 10.1080/01621459.1927.10502953)."""
    share, z2 = events / people, Z * Z
    centre = (share + z2 / (2 * people)) / (1 + z2 / people)
    half = Z / (1 + z2 / people) * np.sqrt(share * (1 - share) / people + z2 / (4 * people**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
