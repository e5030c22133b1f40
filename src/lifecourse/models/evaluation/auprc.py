"""Average precision: the area under the precision-recall curve, as steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def auprc(outcome: npt.NDArray[np.bool_], risk: npt.NDArray[np.float64]) -> float:
    """Sum over thresholds of precision x gain in recall; NaN where there is no outcome."""
    n_events = int(outcome.sum())
    if n_events == 0:
        return float("nan")
    order = np.argsort(-risk, kind="stable")
    hits = np.cumsum(outcome[order])
    last_of_equals = np.append(np.flatnonzero(np.diff(risk[order])), len(risk) - 1)
    found = hits[last_of_equals]
    precision = found / (last_of_equals + 1)
    gain = np.diff(np.concatenate([[0], found])) / n_events
    return float((precision * gain).sum())
