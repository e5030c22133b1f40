"""Average precision: the area under the precision-recall curve, as steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def auprc(
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
) -> float:
    """Sum over thresholds of precision x gain in recall; NaN where there is no outcome.

    `weight`, float64[n], is how many people each row stands for; 1 each when None.
    """
    mass = np.ones(len(risk)) if weight is None else weight
    n_events = float(mass[outcome].sum())
    if n_events == 0:
        return float("nan")
    order = np.argsort(-risk, kind="stable")
    last_of_equals = np.append(np.flatnonzero(np.diff(risk[order])), len(risk) - 1)
    found = np.cumsum(np.where(outcome, mass, 0.0)[order])[last_of_equals]
    called = np.cumsum(mass[order])[last_of_equals]
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    gain = np.diff(found, prepend=0.0) / n_events
    return float((precision * gain).sum())
