"""Which shard a subject lies in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

MASK = 0xFFFFFFFFFFFFFFFF


def shard_of(subject_ids: npt.NDArray[np.int64], n_shards: int) -> npt.NDArray[np.uint32]:
    """The shard of each subject: a 64-bit mix (splitmix64) of the id, modulo `n_shards`."""
    mixed = subject_ids.astype(np.uint64)
    with np.errstate(over="ignore"):
        mixed = mixed + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(n_shards)).astype(np.uint32)


def shard_of_one(subject_id: int, n_shards: int) -> int:
    """What `shard_of` says of one id, without arrays."""
    mixed = (int(subject_id) + 0x9E3779B97F4A7C15) & MASK  # NumPy's integers would overflow
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return (mixed ^ (mixed >> 31)) % n_shards
