"""The chance that one with the outcome has the higher risk.

Hanley & McNeil 1982, doi 10.1148/radiology.143.1.7063747. With the weights of `Followed.known_at` it is the
cumulative/dynamic area at a horizon (Uno et al. 2007, doi 10.1198/016214507000000149).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def auroc(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
) -> float:
    """Area under the ROC curve, ties counted half; NaN where there is only one kind of outcome.

    `weight`, float64[n], is how many people each row stands for; 1 each when None.
    """
    mass = np.ones(len(risk)) if weight is None else weight
    order = np.argsort(risk, kind="stable")
    first_of_equals = np.flatnonzero(np.diff(risk[order], prepend=np.nan) != 0)
    if len(first_of_equals) == 0:
        return float("nan")
    events = np.add.reduceat(np.where(outcome, mass, 0.0)[order], first_of_equals)
    others = np.add.reduceat(np.where(outcome, 0.0, mass)[order], first_of_equals)
    pairs = float(events.sum() * others.sum())
    if pairs == 0:
        return float("nan")
    below = np.cumsum(others) - others
    return float((events * (below + others / 2)).sum() / pairs)
