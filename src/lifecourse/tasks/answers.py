"""The answers of a task in a shard as arrays, and the table of all shards' answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.schema.label import label_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Rows of one shard.

    subject_id : int64[r]; time : int64[r], microseconds of the prediction
    happened : bool[r], None where the task asks nothing
    cause : int64[r], 0 for none, else which outcome came first; known : bool[r]; duration : int64[r], microseconds
        Only of a task of times to events.
    """

    subject_id: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]
    happened: npt.NDArray[np.bool_] | None
    cause: npt.NDArray[np.int64] | None = None
    known: npt.NDArray[np.bool_] | None = None
    duration: npt.NDArray[np.int64] | None = None


def table_of(parts: Sequence[Answers], outcomes: Sequence[str] | None) -> pl.DataFrame:
    """The MEDS label table of all shards, sorted by subject, then time.

    `outcomes` names the causes of a task of times to events; it has ``event`` and ``duration_days`` too.
    """
    import polars as pl

    schema = label_schema()
    if outcomes is not None:
        schema |= {"event": pl.Int64(), "duration_days": pl.Float64()}
    if not parts:
        return pl.DataFrame(schema=schema)
    subject_id, time = _joined(parts, "subject_id"), _joined(parts, "time")
    order = _order(subject_id, time)
    ordered = {name: _joined(parts, name, order) for name in ("happened", "cause", "known")}
    columns: dict[str, Any] = {
        "subject_id": subject_id[order],
        "prediction_time": pl.Series(time[order], dtype=pl.Int64).cast(pl.Datetime("us")),
        "boolean_value": ordered["happened"],
        "integer_value": None,
        "float_value": None,
        "categorical_value": None,
    }
    if outcomes is not None:
        cause = ordered["cause"]
        known = pl.Series(ordered["known"], dtype=pl.Boolean)
        nothing = pl.Series([None] * len(time), dtype=pl.Boolean)
        columns["boolean_value"] = pl.Series(cause == 1, dtype=pl.Boolean).zip_with(known, nothing)
        names = np.array([None, *outcomes], dtype=object)
        columns["categorical_value"] = pl.Series(names[cause].tolist(), dtype=pl.String)
        columns["event"] = cause
        columns["duration_days"] = _joined(parts, "duration", order) / MICROSECONDS_PER_DAY
    return pl.DataFrame(columns, schema=schema)


def _order(subject_id: npt.NDArray[np.int64], time: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """The places by subject, then time, then place."""
    order = np.argsort(subject_id, kind="stable")
    whose, when = subject_id[order], time[order]
    # A subject is in one shard, whose rows come in the order of time: to sort by time too takes ten times as long.
    if ((whose[1:] == whose[:-1]) & (when[1:] < when[:-1])).any():
        order = np.lexsort((time, subject_id))
    return order


def _joined(parts: Sequence[Answers], name: str, order: Any = slice(None)) -> Any:
    arrays = [getattr(part, name) for part in parts]
    return None if any(array is None for array in arrays) else np.concatenate(arrays)[order]
