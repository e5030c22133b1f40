"""Intervals by drawing subjects with replacement: rows of one subject come and go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    Metric = Callable[[npt.NDArray[np.bool_], npt.NDArray[np.float64]], float]

DRAWS = 200
LOW, HIGH = 2.5, 97.5


def with_intervals(
    metrics: Mapping[str, Metric],
    outcome: npt.NDArray[np.bool_],
    risk: npt.NDArray[np.float64],
    subject_ids: npt.NDArray[np.int64],
    *,
    seed: int,
    draws: int = DRAWS,
) -> dict[str, dict[str, float | None]]:
    """Each metric's value with its 95 % percentile interval over `draws` draws of subjects; None where undefined."""
    random = np.random.default_rng(seed)
    _, owner = np.unique(subject_ids, return_inverse=True)
    order = np.argsort(owner, kind="stable")
    starts = np.append(np.flatnonzero(np.diff(owner[order], prepend=-1)), len(order))
    n_subjects = len(starts) - 1
    drawn: dict[str, list[float]] = {name: [] for name in metrics}
    for _ in range(draws if n_subjects else 0):
        chosen = random.integers(0, n_subjects, n_subjects)
        rows = np.concatenate([order[starts[i] : starts[i + 1]] for i in chosen])
        for name, metric in metrics.items():
            drawn[name].append(metric(outcome[rows], risk[rows]))
    return {
        name: {
            "value": _finite(metric(outcome, risk)),
            "low": _percentile(drawn[name], LOW),
            "high": _percentile(drawn[name], HIGH),
        }
        for name, metric in metrics.items()
    }


def _percentile(values: list[float], percent: float) -> float | None:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.percentile(finite, percent)) if finite else None


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
