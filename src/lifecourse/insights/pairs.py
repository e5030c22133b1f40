"""Counting what follows what: ordered pairs of first occurrences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.engine.compiled import kernel

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]


@kernel("int64[]", "int32[]", "int64[]", "bool[]", "int64[][]")
def count_pairs(
    person: Integers, fact: npt.NDArray[np.int32], time: Integers, chosen: npt.NDArray[np.bool_],
    a_then_b: Integers,
) -> None:  # fmt: skip
    """Add to `a_then_b` (int64[n, n]) the `chosen` people who have A strictly before B."""
    start = 0
    m = len(person)
    while start < m:
        stop = start
        while stop < m and person[stop] == person[start]:
            stop += 1
        if chosen[person[start]]:
            for i in range(start, stop):
                for j in range(i + 1, stop):
                    if time[j] > time[i]:
                        a_then_b[fact[i], fact[j]] += 1
        start = stop
