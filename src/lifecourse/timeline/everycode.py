"""The question asked of every code at once: windows x summaries x codes, as a sparse matrix."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import MICROSECONDS_PER_DAY, from_microseconds
from lifecourse.base.errors import UserError
from lifecourse.schema.covariate import Summary
from lifecourse.schema.window import EARLIEST, LATEST, Anchor, Bound, Window
from lifecourse.timeline.kernel import births_of, frozen, window_bounds
from lifecourse.timeline.numbering import SUMMARY_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from scipy.sparse import csr_matrix

    from lifecourse.timeline.shard import CodeTable, Shard

LEAST_ROWS = 1000
NOT_OF_EVERY_CODE = (Summary.SLOPE, Summary.ACTIVE)


def evaluate_every_code(
    shard: Shard,
    windows: Sequence[Window],
    summaries: Sequence[Summary],
    subject_index: npt.NDArray[np.int64],
    prediction_time: npt.NDArray[np.int64],
    vocabulary: npt.NDArray[np.int32] | None = None,
    *,
    workers: int | None = None,
) -> csr_matrix:
    """Each summary of each code in each window at r rows, float32 CSR, r x (windows x summaries x codes).

    A cell that is not stored is a count of 0 or a missing value; a stored 0 is a measured 0.

    Parameters
    ----------
    windows, summaries
        SLOPE and ACTIVE are asked by name, with `evaluate`. Windows that share their end share one
        pass.
    vocabulary : int32 code ids
        Columns within each block, in this order; all codes of the shard where None.
    workers
        Threads, one for each core where None; the answer is the same with any number.

    Returns
    -------
    csr_matrix
        Column names are `every_code_columns` with the same arguments. Column indices of a row are
        not sorted.
    """
    from scipy.sparse import csr_matrix

    from lifecourse.timeline.cells import count_cells, fill_cells

    _refuse(summaries)
    columns, n_codes = _columns_of(shard.codes, vocabulary)
    births = births_of(shard, subject_index)
    bounds = [window_bounds(window, prediction_time, births) for window in windows]
    shape = (len(subject_index), len(windows) * len(summaries) * n_codes)
    if 0 in shape:
        return csr_matrix(shape, dtype=np.float32)
    lows = np.stack([low for low, _ in bounds])
    highs = np.stack([high for _, high in bounds])
    asked = np.array([SUMMARY_NUMBERS[summary] for summary in summaries], dtype=np.int32)
    parts = _parts(shape[0], workers)

    def sweep_with(work: Callable[..., None], *more: Callable[[slice], Any]) -> None:
        def one(rows: slice) -> None:
            events = frozen(shard.offsets, shard.time, shard.code, shard.value, columns)
            asked_of = frozen(asked, subject_index[rows], lows[:, rows], highs[:, rows])
            work(*events, n_codes, *asked_of, *(of(rows) for of in more))

        with ThreadPoolExecutor(max_workers=len(parts)) as pool:
            list(pool.map(one, parts))

    sizes = np.zeros(shape[0], dtype=np.int64)
    sweep_with(count_cells, lambda rows: sizes[rows])
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
    cells = np.empty(offsets[-1], dtype=np.float32)
    indices = np.empty(offsets[-1], dtype=np.int32 if shape[1] < 2**31 else np.int64)
    sweep_with(
        fill_cells,
        lambda rows: frozen(prediction_time[rows])[0],
        lambda rows: frozen(offsets[rows])[0],
        lambda _: indices,
        lambda _: cells,
    )
    return csr_matrix((cells, indices, offsets), shape=shape, copy=False)


def _parts(n_rows: int, workers: int | None) -> list[slice]:
    """Stretches of rows for each worker, but none so short that a thread costs more than it saves."""
    n = min(workers or os.cpu_count() or 1, max(1, n_rows // LEAST_ROWS))
    edges = [n_rows * i // n for i in range(n + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


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


def _columns_of(
    codes: CodeTable, vocabulary: npt.NDArray[np.int32] | None
) -> tuple[npt.NDArray[np.int32], int]:
    if vocabulary is None:
        return np.arange(len(codes), dtype=np.int32), len(codes)
    columns = np.full(len(codes), -1, dtype=np.int32)
    columns[vocabulary] = np.arange(len(vocabulary), dtype=np.int32)
    return columns, len(vocabulary)
