"""An excerpt: of some shards the events of a few codes, and when each record begins and ends.

A question that names its codes needs no other event: a scan passes over the rest without building arrays of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.engine.compiled import kernel
from lifecourse.timeline.shard import NO_END, STATIC, CodeTable, Shard

if TYPE_CHECKING:
    import numpy.typing as npt

NO_TIME = -(2**63)
WHAT = ("subject_id", "time", "code")
WITH_VALUES = (*WHAT, "numeric_value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Some events of `n` subjects, who come in the order of the shards: their ids are not sorted.

    shard : their events of the codes asked for, with no ends, and without values unless these were asked for; values
        are as the source wrote them, in its units, impossible ones too
    first, last : int64[n], microseconds of the first and the last dated event of any code, births included
    moments : one event at each moment of anyone's record, where these were asked for; their code says nothing
    """

    shard: Shard
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    moments: Shard | None


def excerpt_of(
    events: pl.DataFrame,
    everything: pl.DataFrame | None,
    persons: pl.DataFrame,
    codes: CodeTable,
) -> Excerpt:
    """The excerpt of `events` (`WHAT` or `WITH_VALUES`): each subject's together, and in the order of time.

    `everything` has who and when of all events, for the moments, its subjects in the same order.
    """
    owner = events["subject_id"].to_numpy()
    code = events["code"].cast(codes.enumeration).to_physical().cast(pl.Int32).to_numpy()
    value = np.full(len(owner), np.nan, dtype=np.float32)
    if "numeric_value" in events.columns:
        value = events["numeric_value"].cast(pl.Float32).fill_null(float("nan")).to_numpy()
    whose = owner if everything is None else everything["subject_id"].to_numpy()
    subject_ids = whose[_changes(whose)]
    shard = Shard(
        codes=codes,
        subject_ids=subject_ids,
        offsets=_offsets(owner, subject_ids),
        time=_times(events["time"]),
        code=code,
        value=value,
        end=np.full(len(owner), NO_END),
    )
    places = np.searchsorted(persons["subject_id"].to_numpy(), subject_ids)
    birth, first, last = (
        _times(persons[name])[places] for name in ("birth", "first_time", "last_time")
    )
    earlier = np.minimum(birth, np.where(first == STATIC, birth, first))
    return Excerpt(
        shard=shard,
        first=np.where(birth == STATIC, first, earlier),
        last=np.maximum(birth, last),
        moments=None if everything is None else _moments(everything, shard),
    )


def _moments(everything: pl.DataFrame, shard: Shard) -> Shard:
    owner = everything["subject_id"].to_numpy()
    time = _times(everything["time"])
    moments, offsets = np.empty(len(time), dtype=np.int64), np.zeros_like(shard.offsets)
    find_moments(owner, time, moments, offsets)
    n = int(offsets[-1])
    # One number seen n times: nobody asks what happened then.
    return Shard(
        codes=shard.codes,
        subject_ids=shard.subject_ids,
        offsets=offsets,
        time=moments[:n],
        code=np.broadcast_to(np.int32(0), n),
        value=np.broadcast_to(np.float32(np.nan), n),
        end=np.broadcast_to(np.int64(NO_END), n),
    )


@kernel("int64[]", "int64[]", "int64[]", "int64[]")
def find_moments(
    owner: npt.NDArray[np.int64],
    time: npt.NDArray[np.int64],
    moments: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
) -> None:
    """Put each owner's different times into `moments`, NO_TIME aside, and where those of each end into `offsets`."""
    found = whose = 0
    for at in range(len(time)):
        fresh = at == 0 or time[at] != time[at - 1]
        if at > 0 and owner[at] != owner[at - 1]:
            whose += 1
            offsets[whose] = found
            fresh = True
        if fresh and time[at] != NO_TIME:
            moments[found] = time[at]
            found += 1
    if len(time) > 0:
        offsets[whose + 1] = found


def _changes(owner: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where each subject's events begin."""
    return np.flatnonzero(np.append(len(owner) > 0, owner[1:] != owner[:-1]))


def _offsets(
    owner: npt.NDArray[np.int64], subject_ids: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Where the events of each of `subject_ids` begin and end; those of some may be none."""
    begins = _changes(owner)
    counts = np.diff(np.append(begins, len(owner)))
    order = np.argsort(subject_ids)
    places = order[np.searchsorted(subject_ids, owner[begins], sorter=order)]
    held = np.zeros(len(subject_ids), dtype=np.int64)
    held[places] = counts
    return np.append(0, np.cumsum(held)).astype(np.int64)


def _times(column: pl.Series) -> npt.NDArray[np.int64]:
    """Microseconds, STATIC where there is none."""
    return column.cast(pl.Int64).fill_null(STATIC).to_numpy()
