"""The compiled sweep that answers for every code: one backward pass per row for nested windows.

Windows that end at the same moment are visited from the shortest to the longest: the pass goes on
where the shorter one stopped, and what it holds by then is written out. The first pass counts the
cells of each row, the second fills them, so that nothing is ever larger than the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from lifecourse.timeline.numbering import (
    COUNT,
    COUNT_VALUES,
    EXISTS,
    FIRST,
    LAST,
    MAX,
    MEAN,
    MIN,
    SUM,
    TIME_FIRST,
    TIME_SINCE,
)
from lifecourse.timeline.sweep import NO_END, STATIC, US_PER_DAY

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Ids = npt.NDArray[np.int32]
    Numbers = npt.NDArray[np.float32]
    Held = npt.NDArray[np.float64]

# What is held of one code during the sweep of a row: one line of the processor's cache.
N, N_VALUES, TOTAL, SMALLEST, LARGEST, EARLIEST_VALUE, LATEST_VALUE, EARLIEST_EVENT = range(8)


@njit(cache=True, nogil=True)
def _of_any_event(summary: int) -> bool:
    return summary in (EXISTS, COUNT)


@njit(cache=True, nogil=True)
def _of_times(summary: int) -> bool:
    return summary in (TIME_SINCE, TIME_FIRST)


@njit(cache=True, nogil=True)
def _nested_order(lows: Integers, highs: Integers, row: int, order: Integers) -> None:
    """Windows by their end, then from the latest start: insertion sort of a handful."""
    for window in range(lows.shape[0]):
        place = window
        while place > 0:
            other = order[place - 1]
            earlier = highs[window, row] > highs[other, row]
            same = highs[window, row] == highs[other, row]
            if not (earlier or (same and lows[window, row] > lows[other, row])):
                break
            order[place] = other
            place -= 1
        order[place] = window


@njit(cache=True, nogil=True)
def count_cells(
    offsets: Integers, time: Integers, code: Ids, value: Numbers,
    columns: Ids, n_codes: int, summaries: Ids,
    subject_index: Integers, lows: Integers, highs: Integers,
    out: Integers,
) -> None:  # fmt: skip
    """Fill `out` int64[r] with the number of each row's cells."""
    per_event = per_value = per_time = 0
    for summary in summaries:
        if _of_any_event(summary):
            per_event += 1
        elif _of_times(summary):
            per_time += 1
        else:
            per_value += 1
    per_kind = (per_event, per_value, per_time)
    order = np.empty(lows.shape[0], dtype=np.int64)
    seen = np.full((n_codes, 2), -1, dtype=np.int64)
    stamp = 0
    for row in range(len(subject_index)):
        cells = 0
        subject = subject_index[row]
        if subject >= 0:
            _nested_order(lows, highs, row, order)
            cells, stamp = _count_row(
                offsets[subject], offsets[subject + 1], time, code, value, columns,
                per_kind, order, lows[:, row], highs[:, row], seen, stamp,
            )  # fmt: skip
        out[row] = cells


@njit(cache=True, nogil=True)
def _count_row(
    begin: int, finish: int, time: Integers, code: Ids, value: Numbers, columns: Ids,
    per_kind: tuple[int, int, int], order: Integers, lows: Integers, highs: Integers,
    seen: Integers, stamp: int,
) -> tuple[int, int]:  # fmt: skip
    """The cells of a row, and the last stamp used: what is stamped otherwise counts as unseen."""
    cells = n_seen = n_values = 0
    at, end_of_pass = finish, NO_END
    for window in order:
        if lows[window] > highs[window]:
            continue
        if highs[window] != end_of_pass:
            end_of_pass = highs[window]
            stamp += 1
            n_seen = n_values = 0
            at = begin + np.searchsorted(time[begin:finish], end_of_pass, side="right")
        while at > begin and time[at - 1] >= lows[window]:
            at -= 1
            column = columns[code[at]]
            if column < 0:
                continue
            if seen[column, 0] != stamp:
                seen[column, 0] = stamp
                n_seen += 1
            if seen[column, 1] != stamp and not np.isnan(value[at]):
                seen[column, 1] = stamp
                n_values += 1
        cells += per_kind[0] * n_seen + per_kind[1] * n_values
        if lows[window] != STATIC:
            cells += per_kind[2] * n_seen
    return cells, stamp


@njit(cache=True, nogil=True)
def fill_cells(
    offsets: Integers, time: Integers, code: Ids, value: Numbers,
    columns: Ids, n_codes: int, summaries: Ids,
    subject_index: Integers, lows: Integers, highs: Integers, prediction_time: Integers,
    starts: Integers, indices: Ids, cells: Numbers,
) -> None:  # fmt: skip
    """Fill `indices` and `cells`, in the places that `count_cells` made for them."""
    order = np.empty(lows.shape[0], dtype=np.int64)
    held = np.zeros((n_codes, 8), dtype=np.float64)
    latest_event = np.zeros(n_codes, dtype=np.float64)
    touched = np.empty(n_codes, dtype=np.int64)
    for row in range(len(subject_index)):
        subject = subject_index[row]
        if subject >= 0:
            _nested_order(lows, highs, row, order)
            _fill_row(
                offsets[subject], offsets[subject + 1], time, code, value, columns, summaries,
                order, lows[:, row], highs[:, row], prediction_time[row],
                held, latest_event, touched, indices, cells, starts[row],
            )  # fmt: skip


@njit(cache=True, nogil=True)
def _fill_row(
    begin: int, finish: int, time: Integers, code: Ids, value: Numbers, columns: Ids,
    summaries: Ids, order: Integers, lows: Integers, highs: Integers, prediction_time: int,
    held: Held, latest_event: Held, touched: Integers, indices: Ids, cells: Numbers, to: int,
) -> None:  # fmt: skip
    n_codes = len(latest_event)
    n_touched = 0
    at, end_of_pass = finish, NO_END
    for window in order:
        if lows[window] > highs[window]:
            continue
        if highs[window] != end_of_pass:
            end_of_pass = highs[window]
            n_touched = _forget(held, touched, n_touched)
            at = begin + np.searchsorted(time[begin:finish], end_of_pass, side="right")
        while at > begin and time[at - 1] >= lows[window]:
            at -= 1
            column = columns[code[at]]
            if column < 0:
                continue
            if held[column, N] == 0.0:
                touched[n_touched] = column
                n_touched += 1
                latest_event[column] = prediction_time - time[at]
            _hold(held[column], value[at])
            held[column, EARLIEST_EVENT] = time[at] - prediction_time
        for s in range(len(summaries)):
            if not (lows[window] == STATIC and _of_times(summaries[s])):
                to = _write(
                    summaries[s], (window * len(summaries) + s) * n_codes, held, latest_event,
                    touched, n_touched, indices, cells, to,
                )  # fmt: skip
    _forget(held, touched, n_touched)


@njit(cache=True, nogil=True)
def _forget(held: Held, touched: Integers, n_touched: int) -> int:
    for i in range(n_touched):
        held[touched[i], N] = 0.0
        held[touched[i], N_VALUES] = 0.0
    return 0


@njit(cache=True, nogil=True)
def _hold(of_code: Held, number: float) -> None:
    of_code[N] += 1.0
    if np.isnan(number):
        return
    if of_code[N_VALUES] == 0.0:
        of_code[TOTAL] = number
        of_code[SMALLEST] = number
        of_code[LARGEST] = number
        of_code[LATEST_VALUE] = number
    else:
        of_code[TOTAL] += number
        of_code[SMALLEST] = min(of_code[SMALLEST], number)
        of_code[LARGEST] = max(of_code[LARGEST], number)
    of_code[N_VALUES] += 1.0
    # The sweep goes back in time: the earliest is the one met last.
    of_code[EARLIEST_VALUE] = number


@njit(cache=True, nogil=True)
def _write(
    summary: int, first_column: int, held: Held, latest_event: Held,
    touched: Integers, n_touched: int, indices: Ids, cells: Numbers, to: int,
) -> int:  # fmt: skip
    any_event = _of_any_event(summary) or _of_times(summary)
    for i in range(n_touched):
        column = touched[i]
        if any_event or held[column, N_VALUES] > 0.0:
            indices[to] = first_column + column
            cells[to] = _cell(summary, held[column], latest_event[column])
            to += 1
    return to


@njit(cache=True, nogil=True)
def _cell(summary: int, of_code: Held, latest_event: float) -> float:
    if summary == EXISTS:
        return 1.0
    if summary == COUNT:
        return float(of_code[N])
    if summary == COUNT_VALUES:
        return float(of_code[N_VALUES])
    if summary == SUM:
        return float(of_code[TOTAL])
    if summary == MEAN:
        return float(of_code[TOTAL] / of_code[N_VALUES])
    if summary == MIN:
        return float(of_code[SMALLEST])
    if summary == MAX:
        return float(of_code[LARGEST])
    return _moment_cell(summary, of_code, latest_event)


@njit(cache=True, nogil=True)
def _moment_cell(summary: int, of_code: Held, latest_event: float) -> float:
    if summary == FIRST:
        return float(of_code[EARLIEST_VALUE])
    if summary == LAST:
        return float(of_code[LATEST_VALUE])
    if summary == TIME_SINCE:
        return latest_event / US_PER_DAY
    return float(of_code[EARLIEST_EVENT]) / US_PER_DAY
