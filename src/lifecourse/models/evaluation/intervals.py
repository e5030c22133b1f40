"""Intervals by drawing subjects with replacement: rows of one subject come and go together."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    Metric = Callable[[npt.NDArray[np.bool_], npt.NDArray[np.float64]], float]

DRAWS = 200
LOW, HIGH = 2.5, 97.5
MOST_ROWS_DRAWN = 4_000_000
FEWEST_DRAWS = 50
DRAWS_WAITING = 8
"""For each thread so many draws are held at once."""


def draws_of(n_rows: int) -> int:
    """How many draws so many rows need: 200, fewer where one draw says as much as it would of a hundred thousand."""
    return min(DRAWS, max(FEWEST_DRAWS, MOST_ROWS_DRAWN // max(n_rows, 1)))


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

    def measured(rows: npt.NDArray[np.int64]) -> dict[str, float]:
        return {name: metric(outcome[rows], risk[rows]) for name, metric in metrics.items()}

    return over_draws(measured, subject_ids, seed=seed, draws=draws)


def over_draws(
    measured: Callable[[npt.NDArray[np.int64]], Mapping[str, float]],
    subject_ids: npt.NDArray[np.int64],
    *,
    seed: int,
    draws: int = DRAWS,
) -> dict[str, dict[str, float | None]]:
    """What `measured` says of all rows, by name, each with its 95 % percentile interval over draws of subjects.

    `measured` is given the places of rows, int64[m]; measures of one draw are of the same people. Several
    threads ask it at once.
    """
    random = np.random.default_rng(seed)
    _, owner = np.unique(subject_ids, return_inverse=True)
    order = np.argsort(owner, kind="stable")
    starts = np.append(np.flatnonzero(np.diff(owner[order], prepend=-1)), len(order))
    n_subjects, counts = len(starts) - 1, np.diff(starts)
    values = measured(np.arange(len(order)))
    drawn: dict[str, list[float]] = {name: [] for name in values}

    def drawn_from(chosen: npt.NDArray[np.int64]) -> Mapping[str, float]:
        return measured(order[_places(starts[chosen], counts[chosen])])

    workers = os.cpu_count() or 1
    left = draws if n_subjects else 0
    with ThreadPoolExecutor(workers) as pool:
        while left > 0:
            several = min(left, DRAWS_WAITING * workers)
            left -= several
            people = [random.integers(0, n_subjects, n_subjects) for _ in range(several)]
            for told in pool.map(drawn_from, people):
                for name, value in told.items():
                    drawn[name].append(value)
    return {
        name: {
            "value": _finite(value),
            "low": _percentile(drawn[name], LOW),
            "high": _percentile(drawn[name], HIGH),
        }
        for name, value in values.items()
    }


def _places(starts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """start, start + 1, ... of each run, one run after the other."""
    before = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(starts - before, counts)


def _percentile(values: list[float], percent: float) -> float | None:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.percentile(finite, percent)) if finite else None


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
