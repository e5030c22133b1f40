"""Who learns and who judges: folds by subject, never by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

N_FOLDS = 5
"""Of people: each fold is judged by what the others taught."""


def folds_of(subject_ids: npt.NDArray[np.int64], n_folds: int, seed: int) -> npt.NDArray[np.int64]:
    """int64[r] fold 0..n_folds-1 of each row; all rows of a subject share one, whoever else is there."""
    mixed = subject_ids.astype(np.uint64) ^ np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    with np.errstate(over="ignore"):
        for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(33)
    return (mixed % np.uint64(n_folds)).astype(np.int64)


def both_answers(outcome: npt.NDArray[np.bool_], inner: npt.NDArray[np.bool_]) -> bool:
    """Whether the rows that `inner` marks, and the others, each have both answers."""
    return all(outcome[side].any() and not outcome[side].all() for side in (inner, ~inner))
