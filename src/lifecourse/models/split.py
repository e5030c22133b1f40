"""Who learns and who judges: folds by subject, never by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

N_FOLDS = 5
"""Of people: each fold is judged by what the others taught."""
EIGHTHS = 8
MOST_IN_PART = 150_000
"""Rows that a part of those who teach may have, for a learning curve."""


def folds_of(subject_ids: npt.NDArray[np.int64], n_folds: int, seed: int) -> npt.NDArray[np.int64]:
    """int64[r] fold 0..n_folds-1 of each row; all rows of a subject share one, whoever else is there."""
    mixed = subject_ids.astype(np.uint64) ^ np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    with np.errstate(over="ignore"):
        for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(33)
    return (mixed % np.uint64(n_folds)).astype(np.int64)


def nested(
    subject_ids: npt.NDArray[np.int64], learning: npt.NDArray[np.int64], seed: int
) -> Iterator[tuple[float, npt.NDArray[np.int64]]]:
    """An eighth, a quarter and a half of the people of the rows `learning`, each within the next: share and rows.

    Parts of more than `MOST_IN_PART` rows are left out, so that a learning curve is never what training takes long for.
    """
    eighth = folds_of(subject_ids[learning], EIGHTHS, seed + 3)
    for part in (1, 2, 4):
        rows = learning[eighth < part]
        if len(rows) <= MOST_IN_PART:
            yield part / EIGHTHS, rows


def both_answers(outcome: npt.NDArray[np.bool_], inner: npt.NDArray[np.bool_]) -> bool:
    """Whether the rows that `inner` marks, and the others, each have both answers."""
    return all(outcome[side].any() and not outcome[side].all() for side in (inner, ~inner))
