"""Where a moment lies among a subject's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.engine.compiled import part

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@part
def first_at_or_after(time: npt.NDArray[np.int64], begin: int, finish: int, moment: int) -> int:
    """The first place from `begin` to `finish` whose event is at or after `moment`; `finish` where none is."""
    left, right = begin, finish
    while left < right:
        middle = (left + right) >> 1
        if time[middle] < moment:
            left = middle + 1
        else:
            right = middle
    return left
