"""The compiled sweep that answers for every code: a subject's rows from the earliest to the latest.

A window that takes in everything before its end goes forward from row to row: each event is taken in once for all rows.
Other windows are swept backward at each row, those that end at the same moment in one pass, from the shortest to the
longest. What is held of codes lies side by side in the order in which they were met, so that writing a row is copying.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.engine.compiled import kernel, part
from lifecourse.timeline.bisection import first_at_or_after
from lifecourse.timeline.numbering import (
    COUNT,
    COUNT_VALUES,
    EXISTS,
    FIRST,
    MAX,
    MEAN,
    MIN,
    SUM,
    TIME_FIRST,
    TIME_SINCE,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Ids = npt.NDArray[np.int32]
    Numbers = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.bool_]
    Events = tuple[Integers, Ids, Numbers, Ids]
    Held = tuple[Ids, Integers, npt.NDArray[np.float64], Numbers]

STATIC = -(2**63)
US_PER_DAY = 86_400_000_000.0

# What is held, each a line of `Memory`'s arrays: the slot of a column, the column of a slot, and numbers by slot.
# Codes that have numbers have slots of their own.
SLOT_OF, COLUMN_OF, N_EVENTS, VALUE_SLOT_OF, VALUE_COLUMN_OF, N_VALUES = range(6)
EARLIEST, LATEST = 0, 1
OLDEST, NEWEST, SMALLEST, LARGEST = range(4)


@kernel(
    "int64[]", "int64[]", "int32[]", "float32[]", "int32[][]",
    "int32[]", "bool[]", "int64[]", "int64[]", "int64[][]", "int64[][]",
    "int32[][][]", "int64[][][]", "float64[][]", "float32[][][]", "int64[][]", "int64[]",
    "int64[]", "int32[]", "float32[]",
)  # fmt: skip
def fill_cells(
    offsets: Integers, time: Integers, code: Ids, value: Numbers, columns: Ids,
    summaries: Ids, goes_forward: Flags,
    subject_index: Integers, prediction_time: Integers, lows: Integers, highs: Integers,
    ids: Ids, moments: Integers, totals: npt.NDArray[np.float64], numbers: Numbers,
    sizes: Integers, order: Integers,
    ends: Integers, indices: Ids, cells: Numbers,
) -> None:  # fmt: skip
    """Fill `indices` and `cells` with the rows' cells, one row after the other, and `ends` int64[r] with their ends.

    Rows are sorted by subject, then time. `columns` int32[layers, codes] are those of `Columns`. `goes_forward` bool[w]
    marks the windows that take in all before their end.
    `ids`, `moments`, `totals`, `numbers` and `sizes` are memory for what is held, a line for each window that goes
    forward and a last one for the others; the slots of all columns are -1.
    """
    events = (time, code, value, columns)
    last_line = ids.shape[0] - 1
    to, row, n_rows = 0, 0, len(subject_index)
    while row < n_rows:
        subject = subject_index[row]
        begin = finish = 0
        if subject >= 0:
            begin, finish = offsets[subject], offsets[subject + 1]
        for line in range(last_line):
            _forget((ids[line], moments[line], totals[line], numbers[line]), sizes[line])
            sizes[line, 2] = first_at_or_after(time, begin, finish, STATIC + 1)
        while row < n_rows and subject_index[row] == subject:
            line = 0
            for window in range(lows.shape[0]):
                if not goes_forward[window]:
                    continue
                held = (ids[line], moments[line], totals[line], numbers[line])
                if lows[window, row] <= highs[window, row]:
                    stop = first_at_or_after(time, sizes[line, 2], finish, highs[window, row] + 1)
                    _take_in(sizes[line, 2], stop, 1, events, held, sizes[line])
                    sizes[line, 2] = stop
                    to = _write(
                        summaries, window, False, prediction_time[row],
                        held, sizes[line], indices, cells, to,
                    )  # fmt: skip
                line += 1
            held = (ids[last_line], moments[last_line], totals[last_line], numbers[last_line])
            to = _write_backward(
                row, begin, finish, lows, highs, goes_forward, order, summaries,
                prediction_time[row], events, held, sizes[last_line], indices, cells, to,
            )  # fmt: skip
            ends[row] = to
            row += 1


@part
def _write_backward(
    row: int, begin: int, finish: int, lows: Integers, highs: Integers, goes_forward: Flags,
    order: Integers, summaries: Ids, prediction_time: int,
    events: Events, held: Held, size: Integers, indices: Ids, cells: Numbers, to: int,
) -> int:  # fmt: skip
    """Windows that end together share a pass, which goes on where the shorter one stopped."""
    at = begin
    for nested in range(_nested_order(lows, highs, row, goes_forward, order)):
        window = order[nested]
        low, high = lows[window, row], highs[window, row]
        if nested == 0 or high != highs[order[nested - 1], row]:
            _forget(held, size)
            at = first_at_or_after(events[0], begin, finish, high + 1)
        stop = first_at_or_after(events[0], begin, at, low)
        _take_in(at - 1, stop - 1, -1, events, held, size)
        at = stop
        to = _write(
            summaries, window, low == STATIC, prediction_time, held, size, indices, cells, to
        )
    return to


@part
def _nested_order(
    lows: Integers, highs: Integers, row: int, goes_forward: Flags, order: Integers
) -> int:
    """The windows to sweep backward that are not empty, by their end, then from the latest start: how many."""
    n = 0
    for window in range(lows.shape[0]):
        if goes_forward[window] or lows[window, row] > highs[window, row]:
            continue
        place = n
        while place > 0:
            other = order[place - 1]
            earlier = highs[window, row] > highs[other, row]
            same = highs[window, row] == highs[other, row]
            if not (earlier or (same and lows[window, row] > lows[other, row])):
                break
            order[place] = other
            place -= 1
        order[place] = window
        n += 1
    return n


@part
def _forget(held: Held, size: Integers) -> None:
    ids = held[0]
    for slot in range(size[0]):
        ids[SLOT_OF, ids[COLUMN_OF, slot]] = -1
    for slot in range(size[1]):
        ids[VALUE_SLOT_OF, ids[VALUE_COLUMN_OF, slot]] = -1
    size[0] = 0
    size[1] = 0


@part
def _take_in(start: int, stop: int, step: int, events: Events, held: Held, size: Integers) -> None:
    """Take in the events from `start` to `stop` (not included), forward or backward."""
    time, code, value, columns = events
    ids, moments, totals, numbers = held
    far, near = (LATEST, EARLIEST) if step > 0 else (EARLIEST, LATEST)
    far_value, near_value = (NEWEST, OLDEST) if step > 0 else (OLDEST, NEWEST)
    n_slots, n_values = size[0], size[1]
    for i in range((stop - start) * step):
        at = start + i * step
        for layer in range(columns.shape[0]):
            column = columns[layer, code[at]]
            if column < 0:
                continue
            slot = ids[SLOT_OF, column]
            if slot < 0:
                slot = n_slots
                n_slots += 1
                ids[SLOT_OF, column] = slot
                ids[COLUMN_OF, slot] = column
                ids[N_EVENTS, slot] = 0
                moments[near, slot] = time[at]
            ids[N_EVENTS, slot] += 1
            moments[far, slot] = time[at]
            number = value[at]
            if np.isnan(number):
                continue
            slot = ids[VALUE_SLOT_OF, column]
            if slot < 0:
                slot = n_values
                n_values += 1
                ids[VALUE_SLOT_OF, column] = slot
                ids[VALUE_COLUMN_OF, slot] = column
                ids[N_VALUES, slot] = 0
                totals[slot] = 0.0
                numbers[near_value, slot] = number
                numbers[SMALLEST, slot] = number
                numbers[LARGEST, slot] = number
            ids[N_VALUES, slot] += 1
            totals[slot] += number
            numbers[far_value, slot] = number
            numbers[SMALLEST, slot] = min(numbers[SMALLEST, slot], number)
            numbers[LARGEST, slot] = max(numbers[LARGEST, slot], number)
    size[0] = n_slots
    size[1] = n_values


@part
def _write(
    summaries: Ids, window: int, is_static: bool, prediction_time: int,
    held: Held, size: Integers, indices: Ids, cells: Numbers, to: int,
) -> int:  # fmt: skip
    """Write each summary of what is held, and say where the next cell goes."""
    ids = held[0]
    n_columns = ids.shape[1]
    for s in range(len(summaries)):
        summary = summaries[s]
        of_times = summary in (TIME_SINCE, TIME_FIRST)
        if of_times and is_static:
            continue
        of_events = of_times or summary in (EXISTS, COUNT)
        n = size[0] if of_events else size[1]
        columns = ids[COLUMN_OF] if of_events else ids[VALUE_COLUMN_OF]
        first_column = (window * len(summaries) + s) * n_columns
        column = indices[to : to + n]
        for slot in range(n):
            column[slot] = first_column + columns[slot]
        if of_events:
            _write_of_events(summary, n, prediction_time, held, cells[to : to + n])
        else:
            _write_of_values(summary, n, held, cells[to : to + n])
        to += n
    return to


@part
def _write_of_events(summary: int, n: int, at: int, held: Held, cells: Numbers) -> None:
    ids, moments, _, _ = held
    if summary == EXISTS:
        for slot in range(n):
            cells[slot] = 1.0
    elif summary == COUNT:
        events = ids[N_EVENTS]
        for slot in range(n):
            cells[slot] = events[slot]
    elif summary == TIME_SINCE:
        latest = moments[LATEST]
        for slot in range(n):
            cells[slot] = (at - latest[slot]) / US_PER_DAY
    else:
        earliest = moments[EARLIEST]
        for slot in range(n):
            cells[slot] = (earliest[slot] - at) / US_PER_DAY


@part
def _write_of_values(summary: int, n: int, held: Held, cells: Numbers) -> None:
    ids, _, totals, numbers = held
    if summary == COUNT_VALUES:
        values = ids[N_VALUES]
        for slot in range(n):
            cells[slot] = values[slot]
    elif summary == SUM:
        for slot in range(n):
            cells[slot] = totals[slot]
    elif summary == MEAN:
        values = ids[N_VALUES]
        for slot in range(n):
            cells[slot] = totals[slot] / values[slot]
    else:
        line = numbers[_line_of(summary)]
        for slot in range(n):
            cells[slot] = line[slot]


@part
def _line_of(summary: int) -> int:
    if summary == MIN:
        return SMALLEST
    if summary == MAX:
        return LARGEST
    return OLDEST if summary == FIRST else NEWEST
