"""Where a moment lies among a subject's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.engine.compiled import kernel, part

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]


@part
def first_at_or_after(time: Integers, begin: int, finish: int, moment: int) -> int:
    """The first place from `begin` to `finish` whose event is at or after `moment`; `finish` where none is."""
    left, right = begin, finish
    while left < right:
        middle = (left + right) >> 1
        if time[middle] < moment:
            left = middle + 1
        else:
            right = middle
    return left


@kernel("int64[]", "int64[]", "int64[]", "int64[]", "int64[]", "int64[]", "int64[]")
def find_between(
    offsets: Integers, time: Integers,
    subject_index: Integers, lows: Integers, highs: Integers,
    starts: Integers, stops: Integers,
) -> None:  # fmt: skip
    """Fill `starts` and `stops` with where each row's events from its low to its high begin and end."""
    for row in range(len(subject_index)):
        subject = subject_index[row]
        begin = finish = 0
        if subject >= 0 and lows[row] <= highs[row]:
            begin, finish = offsets[subject], offsets[subject + 1]
        start = first_at_or_after(time, begin, finish, lows[row])
        starts[row] = start
        # highs + 1 cannot overflow: no bound is the largest integer
        stops[row] = first_at_or_after(time, start, finish, highs[row] + 1)
