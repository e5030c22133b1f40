"""The compiled sweep that answers named covariates: no global lock, one subject after another.

A subject's events are gone through once, to list for each group of codes the places of its events.
Every row of the subject then finds its windows in those lists by bisection, so that a row costs
the events of its own groups in its own windows and not its whole history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.engine.compiled import kernel, part
from lifecourse.timeline.bisection import first_at_or_after
from lifecourse.timeline.numbering import (
    ACTIVE,
    CHANGE,
    COUNT,
    COUNT_VALUES,
    EXISTS,
    FIRST,
    LAST,
    MAX,
    MEAN,
    MIN,
    SLOPE,
    SUM,
    TIME_FIRST,
    TIME_SINCE,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Ids = npt.NDArray[np.int32]
    Numbers = npt.NDArray[np.float32]
    Answers = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

STATIC = np.iinfo(np.int64).min
NO_END = np.iinfo(np.int64).max
US_PER_DAY = float(MICROSECONDS_PER_DAY)
US_PER_YEAR = MICROSECONDS_PER_DAY * DAYS_PER_YEAR


@kernel(
    "int64[]", "int64[]", "int32[]", "float32[]", "int64[]",
    "int64[]", "int32[]", "float32[]", "float32[]", "bool[]",
    "int32[]", "int32[]", "int32[]",
    "int64[]", "int64[]", "int64[][]", "int64[][]", "int64[]",
    "int64[]", "int64[]", "int64[]",
    "float64[][]",
)  # fmt: skip
def answer_rows(
    offsets: Integers, time: Integers, code: Ids, value: Numbers, end: Integers,
    member_offsets: Integers, members: Ids, low: Numbers, high: Numbers, numeric: Flags,
    group_of: Ids, window_of: Ids, summary_of: Ids,
    order: Integers, subject_index: Integers, lows: Integers, highs: Integers, at: Integers,
    starts: Integers, filled: Integers, places: Integers,
    out: Answers,
) -> None:  # fmt: skip
    """Fill `out` float64[r, k] with the answers of k covariates at r rows.

    `order` visits the rows subject by subject. `lows` and `highs` int64[w, r] are the first and
    last microsecond inside each window at each row; a window is empty where low > high. `starts`
    int64[g + 1], `filled` int64[g] and `places`, as long as one subject's events have groups, are memory.
    """
    position = 0
    while position < len(order):
        subject = subject_index[order[position]]
        stop = position
        while stop < len(order) and subject_index[order[stop]] == subject:
            stop += 1
        if subject < 0:
            for place in range(len(starts)):
                starts[place] = 0
        else:
            first, last = _events_in_reach(
                offsets[subject], offsets[subject + 1], time, order[position:stop],
                lows, highs, at, summary_of,
            )  # fmt: skip
            _list_groups(
                first, last, code, value, member_offsets, members, low, high, numeric,
                starts, filled, places,
            )  # fmt: skip
        for place in range(position, stop):
            row = order[place]
            for k in range(len(group_of)):
                group = places[starts[group_of[k]] : starts[group_of[k] + 1]]
                window = window_of[k]
                out[row, k] = _summarise(
                    summary_of[k], group, lows[window, row], highs[window, row], at[row],
                    time, value, end,
                )  # fmt: skip
        position = stop


@part
def _events_in_reach(
    begin: int, finish: int, time: Integers, rows: Integers,
    lows: Integers, highs: Integers, at: Integers, summary_of: Ids,
) -> tuple[int, int]:  # fmt: skip
    earliest, latest = NO_END, STATIC
    for row in rows:
        for window in range(lows.shape[0]):
            if lows[window, row] <= highs[window, row]:
                earliest = min(earliest, lows[window, row])
                latest = max(latest, highs[window, row])
    # What is active now may have started long before any window.
    for summary in summary_of:
        if summary == ACTIVE:
            earliest = STATIC
            for row in rows:
                latest = max(latest, at[row])
        # What was usual before a window is told by everything that came before it.
        elif summary == CHANGE:
            earliest = STATIC
    if earliest > latest:
        return begin, begin
    first = first_at_or_after(time, begin, finish, earliest)
    # latest + 1 cannot overflow: no bound is the largest integer
    return first, first_at_or_after(time, first, finish, latest + 1)


@part
def _list_groups(
    first: int, last: int, code: Ids, value: Numbers,
    member_offsets: Integers, members: Ids, low: Numbers, high: Numbers, numeric: Flags,
    starts: Integers, filled: Integers, places: Integers,
) -> None:  # fmt: skip
    n_groups = len(filled)
    for group in range(n_groups):
        filled[group] = 0
    for event in range(first, last):
        for i in range(member_offsets[code[event]], member_offsets[code[event] + 1]):
            group = members[i]
            if _belongs(value[event], low[group], high[group], numeric[group]):
                filled[group] += 1
    starts[0] = 0
    for group in range(n_groups):
        starts[group + 1] = starts[group] + filled[group]
        filled[group] = starts[group]
    for event in range(first, last):
        for i in range(member_offsets[code[event]], member_offsets[code[event] + 1]):
            group = members[i]
            if _belongs(value[event], low[group], high[group], numeric[group]):
                places[filled[group]] = event
                filled[group] += 1


@part
def _belongs(value: float, low: float, high: float, numeric: bool) -> bool:
    # A comparison with NaN is false, so a group that asks for a number refuses events without one.
    return (not numeric) or (low <= value <= high)


@part
def _first_at_or_after(group: Integers, time: Integers, moment: int) -> int:
    left, right = 0, len(group)
    while left < right:
        middle = (left + right) // 2
        if time[group[middle]] < moment:
            left = middle + 1
        else:
            right = middle
    return left


@part
def _summarise(
    summary: int, group: Integers, low: int, high: int, at: int,
    time: Integers, value: Numbers, end: Integers,
) -> float:  # fmt: skip
    if summary == ACTIVE:
        return _active(group, low, high, at, time, end)
    start = stop = 0
    if low <= high:
        start = _first_at_or_after(group, time, low)
        # high + 1 cannot overflow: no bound is the largest integer
        stop = _first_at_or_after(group, time, high + 1)
    if summary in (COUNT, COUNT_VALUES):
        return float(stop - start)
    if summary == EXISTS:
        return 1.0 if stop > start else 0.0
    if stop <= start:
        return np.nan
    found = group[start:stop]
    if summary == CHANGE:
        return _change(group, found, start, time, value)
    if summary in (TIME_SINCE, TIME_FIRST):
        return _days(summary, found, at, time)
    if summary in (FIRST, LAST):
        return float(value[found[0 if summary == FIRST else -1]])
    if summary == SLOPE:
        return _slope(found, time, value)
    return _fold(summary, found, value)


@part
def _days(summary: int, found: Integers, at: int, time: Integers) -> float:
    if time[found[0]] == STATIC:
        return np.nan
    if summary == TIME_SINCE:
        return float(at - time[found[-1]]) / US_PER_DAY
    return float(time[found[0]] - at) / US_PER_DAY


@part
def _fold(summary: int, group: Integers, value: Numbers) -> float:
    total = 0.0
    smallest, largest = np.inf, -np.inf
    for event in group:
        number = float(value[event])
        total += number
        smallest = min(smallest, number)
        largest = max(largest, number)
    if summary == MIN:
        return smallest
    if summary == MAX:
        return largest
    return total if summary == SUM else total / len(group)


@part
def _slope(group: Integers, time: Integers, value: Numbers) -> float:
    # Running means (Welford) from the first event: microseconds apart over decades stay exact.
    reference = time[group[0]]
    if reference == time[group[-1]]:
        return np.nan
    mean_x = mean_y = spread = shared = 0.0
    for n, event in enumerate(group, 1):
        x = (time[event] - reference) / US_PER_YEAR
        y = float(value[event])
        from_mean = x - mean_x
        mean_x += from_mean / n
        mean_y += (y - mean_y) / n
        spread += from_mean * (x - mean_x)
        shared += from_mean * (y - mean_y)
    return shared / spread


@part
def _change(
    group: Integers, found: Integers, start: int, time: Integers, value: Numbers
) -> float:  # fmt: skip
    timed = _first_at_or_after(group, time, STATIC + 1)
    if start <= timed or time[found[0]] == STATIC:
        return np.nan
    return _fold(MEAN, found, value) - _fold(MEAN, group[timed:start], value)


@part
def _active(group: Integers, low: int, high: int, at: int, time: Integers, end: Integers) -> float:
    for i in range(_first_at_or_after(group, time, at + 1) - 1, -1, -1):
        event = group[i]
        if time[event] == STATIC:
            break
        if end[event] == NO_END:
            if low <= time[event] <= high:
                return 1.0
        elif end[event] > at:
            return 1.0
    return 0.0
