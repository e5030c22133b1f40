"""The question asked of every code at once: windows x summaries x codes, as a sparse matrix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import MICROSECONDS_PER_DAY, from_microseconds
from lifecourse.base.errors import UserError
from lifecourse.schema.covariate import Summary
from lifecourse.schema.window import EARLIEST, LATEST, Anchor, Bound, Window
from lifecourse.timeline.cells import SLOT_OF, VALUE_SLOT_OF, fill_cells
from lifecourse.timeline.columns import Columns
from lifecourse.timeline.kernel import births_of, window_bounds
from lifecourse.timeline.numbering import SUMMARY_NUMBERS
from lifecourse.timeline.sparse import SparseRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from lifecourse.timeline.shard import CodeTable, Shard

CELLS_AT_ONCE = 2**27
NOT_OF_EVERY_CODE = (Summary.SLOPE, Summary.CHANGE, Summary.ACTIVE)


def evaluate_every_code(
    shard: Shard,
    windows: Sequence[Window],
    summaries: Sequence[Summary],
    subject_index: npt.NDArray[np.int64],
    prediction_time: npt.NDArray[np.int64],
    vocabulary: npt.NDArray[np.int32] | Columns | None = None,
    *,
    memory: CellMemory | None = None,
) -> SparseRows:
    """Each summary of each code in each window at r rows, r x (windows x summaries x codes).

    A cell that is not stored is a count of 0 or a missing value; a stored 0 is a measured 0.

    Parameters
    ----------
    windows, summaries
        SLOPE, CHANGE and ACTIVE are asked by name, with `evaluate`. Windows that share their end share one
        pass; those that take in all history share it between the rows of a subject.
    vocabulary : int32 code ids, or columns of groups of codes
        Columns within each block, in this order. All codes of the shard where None.
    memory
        Where the cells may lie until the next question with the same memory; their own where None.

    Returns
    -------
    SparseRows
        Column names are `every_code_columns` with the same arguments.
    """
    _refuse(summaries)
    columns = _columns_of(shard.codes, vocabulary)
    n_codes = columns.n
    shape = (len(subject_index), len(windows) * len(summaries) * n_codes)
    if shape[1] >= 2**31:
        raise UserError(
            f"{shape[1]:,} columns are more than a matrix holds. Ask for fewer codes, windows or summaries."
        )
    if 0 in shape:
        return SparseRows.none(shape)
    order = np.lexsort((prediction_time, subject_index))
    asked = _Asked(
        events=(shard.offsets, shard.time, shard.code, shard.value, columns.by_code),
        n_codes=n_codes,
        summaries=np.array([SUMMARY_NUMBERS[summary] for summary in summaries], dtype=np.int32),
        goes_forward=np.array([_takes_in_all_before(window) for window in windows]),
    )
    births = births_of(shard, subject_index)
    bounds = [window_bounds(window, prediction_time, births) for window in windows]
    lows = np.stack([low for low, _ in bounds])[:, order]
    highs = np.stack([high for _, high in bounds])[:, order]
    subjects, times = subject_index[order], prediction_time[order]
    stretches = list(_stretches(asked.most_cells(subjects)))
    shared = memory if memory is not None and len(stretches) == 1 else None
    blocks = [
        asked.cells(subjects[rows], times[rows], lows[:, rows], highs[:, rows], shared)
        for rows in stretches
    ]
    found = SparseRows.joined(blocks, shape[1])
    return found.placed(order)


class CellMemory:
    """Room for cells, taken once for many questions: memory that is new to a process is cleared by the system first."""

    def __init__(self) -> None:
        self._columns = np.empty(0, dtype=np.int32)
        self._cells = np.empty(0, dtype=np.float32)

    def room(self, most: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Two arrays of at least `most` places. Those that are never written to are never taken: too much is free."""
        if len(self._cells) < most:
            self._columns = np.empty(most, dtype=np.int32)
            self._cells = np.empty(most, dtype=np.float32)
        return self._columns, self._cells


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What `fill_cells` is asked of a shard, whoever the rows."""

    events: tuple[npt.NDArray[Any], ...]
    n_codes: int
    summaries: npt.NDArray[np.int32]
    goes_forward: npt.NDArray[np.bool_]

    def most_cells(self, subjects: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """int64[r]: no row has more cells than this."""
        lengths = np.append(np.diff(self.events[0]), 0)[subjects]
        blocks = len(self.goes_forward) * len(self.summaries)
        layers = len(self.events[-1])
        most: npt.NDArray[np.int64] = np.minimum(lengths * layers, self.n_codes) * blocks
        return most

    def cells(
        self,
        subjects: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64],
        lows: npt.NDArray[np.int64],
        highs: npt.NDArray[np.int64],
        memory: CellMemory | None,
    ) -> SparseRows:
        """The cells of some rows, sorted by subject, then time."""
        most = int(self.most_cells(subjects).sum())
        indices, cells = (memory or CellMemory()).room(most)
        offsets = np.zeros(len(subjects) + 1, dtype=np.int64)
        lines = int(self.goes_forward.sum()) + 1
        ids = np.empty((lines, 6, self.n_codes), dtype=np.int32)
        ids[:, (SLOT_OF, VALUE_SLOT_OF)] = -1
        fill_cells(
            *self.events, self.summaries, self.goes_forward,
            subjects, times, np.ascontiguousarray(lows), np.ascontiguousarray(highs),
            ids,
            np.empty((lines, 2, self.n_codes), dtype=np.int64),
            np.empty((lines, self.n_codes), dtype=np.float64),
            np.empty((lines, 4, self.n_codes), dtype=np.float32),
            np.zeros((lines, 3), dtype=np.int64),
            np.empty(len(self.goes_forward), dtype=np.int64),
            offsets[1:], indices, cells,
        )  # fmt: skip
        n = int(offsets[-1])
        n_columns = len(self.goes_forward) * len(self.summaries) * self.n_codes
        return SparseRows(
            offsets=offsets, columns=indices[:n], cells=cells[:n], n_columns=n_columns
        )


def _takes_in_all_before(window: Window) -> bool:
    return (
        window.start.anchor == Anchor.PREDICTION_TIME
        and window.start.offset <= EARLIEST
        and not window.is_static
    )


def _stretches(most_cells: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Runs of rows that together have no more than CELLS_AT_ONCE cells, or one row that has more."""
    reached = np.cumsum(most_cells)
    start = 0
    while start < len(reached):
        before = int(reached[start - 1]) if start else 0
        stop = int(np.searchsorted(reached, before + CELLS_AT_ONCE, side="right"))
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop


def every_code_columns(
    codes: CodeTable,
    windows: Sequence[Window],
    summaries: Sequence[Summary],
    vocabulary: npt.NDArray[np.int32] | None = None,
) -> list[str]:
    """The columns of `evaluate_every_code`, ``LOINC//4548-4.last.365d``."""
    _refuse(summaries)
    chosen = range(len(codes)) if vocabulary is None else vocabulary.tolist()
    names = [codes.codes[i] for i in chosen]
    return [
        f"{name}.{summary}.{window_name(window)}"
        for window in windows
        for summary in summaries
        for name in names
    ]


def window_name(window: Window) -> str:
    """A window in a few letters: ``365d`` before t, ``all``, ``next 30d``, ``age 18-40``, ``static``."""
    if window.is_static:
        return "static"
    start, end = window.start, window.end
    if end == Bound() and start.anchor == Anchor.PREDICTION_TIME:
        return "all" if start.offset <= EARLIEST else _duration(-start.offset)
    if start == Bound() and end.anchor == Anchor.PREDICTION_TIME:
        return "next all" if end.offset >= LATEST else f"next {_duration(end.offset)}"
    return f"{_bound_name(start)} to {_bound_name(end)}"


def _bound_name(bound: Bound) -> str:
    if abs(bound.offset) >= LATEST:
        return "ever"
    if bound.anchor == Anchor.CALENDAR:
        return from_microseconds(bound.offset).strftime("%Y-%m-%d")
    if bound.anchor == Anchor.BIRTH:
        return f"age {bound.offset / (MICROSECONDS_PER_DAY * 365.25):g}"
    return f"{'+' if bound.offset >= 0 else '-'}{_duration(abs(bound.offset))}"


def _duration(microseconds: int) -> str:
    for unit, letter in ((MICROSECONDS_PER_DAY, "d"), (MICROSECONDS_PER_DAY // 24, "h")):
        if microseconds % unit == 0:
            return f"{microseconds // unit}{letter}"
    return str(timedelta(microseconds=microseconds))


def _refuse(summaries: Sequence[Summary]) -> None:
    for summary in summaries:
        if summary in NOT_OF_EVERY_CODE:
            raise UserError(
                f"the summary '{summary}' is not made of every code. Name a covariate for it."
            )


def _columns_of(codes: CodeTable, vocabulary: npt.NDArray[np.int32] | Columns | None) -> Columns:
    if vocabulary is None:
        return Columns.of_all(len(codes))
    if isinstance(vocabulary, Columns):
        return vocabulary
    return Columns.of([vocabulary[i : i + 1] for i in range(len(vocabulary))], len(codes))
