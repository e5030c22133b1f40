"""How many rows have a code by their prediction time: one forward pass over each subject's events serves its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.engine.compiled import kernel
from lifecourse.timeline.columns import Columns

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.shard import Shard

    Integers = npt.NDArray[np.int64]
    Ids = npt.NDArray[np.int32]

STATIC = -(2**63)


def rows_with_code(
    shard: Shard,
    subject_index: npt.NDArray[np.int64],
    prediction_time: npt.NDArray[np.int64],
    columns: Columns | None = None,
) -> npt.NDArray[np.int64]:
    """int64[columns]: how many of r rows have one of a column's codes by their `prediction_time`; static events aside.

    Parameters
    ----------
    subject_index : int64[r], positions in the shard; -1, a subject not there, has no code
    prediction_time : int64[r], microseconds UTC, in any order
    columns : each code by itself where None
    """
    order = np.lexsort((prediction_time, subject_index))
    asked = columns or Columns.of_all(len(shard.codes))
    found = np.zeros(asked.n, dtype=np.int64)
    count_rows(
        shard.offsets, shard.time, shard.code, asked.by_code,
        subject_index[order], prediction_time[order],
        np.full(asked.n, -1, dtype=np.int64), found,
    )  # fmt: skip
    return found


@kernel("int64[]", "int64[]", "int32[]", "int32[][]", "int64[]", "int64[]", "int64[]", "int64[]")
def count_rows(
    offsets: Integers, time: Integers, code: Ids, columns: Ids,
    subject_index: Integers, prediction_time: Integers, seen: Integers, out: Integers,
) -> None:  # fmt: skip
    """Add to `out` the rows with each column; `seen` int64[columns] is memory, -1 everywhere.

    Rows are sorted by subject, then time: those from the first at or after a code's first event have it.
    """
    row, n_rows = 0, len(subject_index)
    while row < n_rows:
        subject = subject_index[row]
        end = row
        while end < n_rows and subject_index[end] == subject:
            end += 1
        if subject >= 0:
            first = row
            for at in range(offsets[subject], offsets[subject + 1]):
                if time[at] == STATIC:
                    continue
                while first < end and prediction_time[first] < time[at]:
                    first += 1
                if first == end:
                    break
                for layer in range(columns.shape[0]):
                    column = columns[layer, code[at]]
                    if column >= 0 and seen[column] != subject:
                        seen[column] = subject
                        out[column] += end - first
        row = end
