"""What acting on the risk is worth: true positives less false ones, at what a false one is held to cost.

Vickers & Elkin 2006, doi 10.1177/0272989X06295361; with people lost before the horizon: Vickers et al. 2008,
doi 10.1186/1472-6947-8-53.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.models.evaluation.calibration import share

if TYPE_CHECKING:
    import numpy.typing as npt

THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def net_benefit(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    threshold: float,
    weight: npt.NDArray[np.float64] | None = None,
) -> float:
    """Per person, in true positives, of treating everyone whose risk is `threshold` or more.

    One false positive costs threshold / (1 - threshold) of a true one. Treating nobody has 0.
    """
    called = risk >= threshold
    true = share(outcome & called, weight)
    false = share(~outcome & called, weight)
    return true - false * threshold / (1 - threshold)


def decision_curve(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
    thresholds: tuple[float, ...] = THRESHOLDS,
) -> list[dict[str, float]]:
    """At each threshold the net benefit of the ``model`` and of treating ``everyone``, and the share ``called``."""
    return [
        {
            "threshold": threshold,
            "model": net_benefit(outcome, risk, threshold, weight),
            "everyone": net_benefit(outcome, np.ones(len(risk)), threshold, weight),
            "called": float((risk >= threshold).mean()) if len(risk) else float("nan"),
        }
        for threshold in thresholds
    ]
