"""Events put into the order of `lifecourse.schema.event`, shard by shard, with as little sorting as they need.

Sources mostly come in order: each subject's events together, by time. So subjects are ordered by their runs, events
inside a moment by the rank of their code, and only events of one subject, moment and code by all their columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.schema.event import SORT_COLUMNS
from lifecourse.timeline.shard import STATIC
from lifecourse.timeline.sharding import shard_of

if TYPE_CHECKING:
    import numpy.typing as npt

LAST_COLUMNS = SORT_COLUMNS[3:]
SECOND = 1_000_000
LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedEvents:
    """Events by shard, in each by subject, time, code and the rest.

    shards : uint32[n], the shard of each event, ascending
    codes : the codes that occur, sorted
    ranks : uint32[n], the place in `codes` of each event's code
    """

    events: pl.DataFrame
    shards: npt.NDArray[np.uint32]
    codes: pl.Series
    ranks: npt.NDArray[np.uint32]


def in_shards(events: pl.DataFrame, n_shards: int) -> OrderedEvents:
    """`events`, in any order, as they are laid into `n_shards` shards."""
    codes = events["code"].unique().sort()
    ranks = events["code"].cast(pl.Enum(codes)).to_physical().cast(pl.UInt32).to_numpy()
    times = events["time"].cast(pl.Int64).fill_null(STATIC).to_numpy()
    subjects, shards = _subjects(events["subject_id"].to_numpy(), n_shards)
    order = _order(subjects, times, ranks, len(codes))
    order = _with_last_columns(events, order, subjects, times, ranks)
    return OrderedEvents(
        events=_gathered(events, order),
        shards=shards[subjects[order]],
        codes=codes,
        ranks=ranks[order],
    )


def _gathered(events: pl.DataFrame, order: npt.NDArray[np.int64]) -> pl.DataFrame:
    """The rows of `events` in `order`; columns of nulls are as they were in any order."""
    places = pl.Series(order.astype(np.uint32))
    return events.select(
        series if series.null_count() == events.height else series.gather(places)
        for series in events
    )


def _subjects(
    ids: npt.NDArray[np.int64], n_shards: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """The place of each event's subject among all, by shard and id; and the shard of each place."""
    starts = np.flatnonzero(np.append(len(ids) > 0, ids[1:] != ids[:-1]))
    known, places = np.unique(ids[starts], return_inverse=True)
    shards = shard_of(known, n_shards)
    by_shard = np.lexsort((known, shards))
    place = np.empty(len(known), dtype=np.int64)
    place[by_shard] = np.arange(len(known))
    lengths = np.diff(np.append(starts, len(ids)))
    return np.repeat(place[places], lengths), shards[by_shard]


def _order(
    subjects: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    ranks: npt.NDArray[np.uint32],
    n_codes: int,
) -> npt.NDArray[np.int64]:
    """The order by subject, time and code; equal ones in the order they came."""
    # Two bytes are sorted by counting, not comparing.
    small = subjects.astype(np.uint16) if len(subjects) and subjects.max() < 2**16 else subjects
    order = np.argsort(small, kind="stable")
    subject, time = subjects[order], times[order]
    same = subject[1:] == subject[:-1]
    if np.any(same & (time[1:] < time[:-1])):
        order = _by_subject_and_time(subjects, times)
        subject, time = subjects[order], times[order]
        same = subject[1:] == subject[:-1]
    moment = np.cumsum(np.append(0, ~(same & (time[1:] == time[:-1]))))[: len(order)]
    key = moment * n_codes + ranks[order]
    return order[np.argsort(key, kind="stable")]


def _by_subject_and_time(
    subjects: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The order by subject, then time: both in one number where they fit, as one number is sorted far sooner."""
    dated = times != STATIC
    first, last = int(times[dated].min()), int(times[dated].max())
    tick = SECOND if not np.any(times[dated] % SECOND) else 1
    # Static events are before all others.
    span = (last - first) // tick + 2
    if (int(subjects.max()) + 1) * span > LARGEST_NUMBER:
        return np.lexsort((times, subjects))
    after = np.where(dated, (times - first) // tick + 1, 0)
    return np.argsort(subjects * span + after, kind="stable")


def _with_last_columns(
    events: pl.DataFrame,
    order: npt.NDArray[np.int64],
    subjects: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    ranks: npt.NDArray[np.uint32],
) -> npt.NDArray[np.int64]:
    """`order` with events of one subject, moment and code put in the order of their other columns."""
    telling = [name for name in LAST_COLUMNS if events[name].null_count() < events.height]
    if not telling or len(order) < 2:
        return order
    first, second = order[:-1], order[1:]
    tied = (
        (subjects[first] == subjects[second])
        & (times[first] == times[second])
        & (ranks[first] == ranks[second])
    )
    if not tied.any():
        return order
    places = np.flatnonzero(np.append(tied, False) | np.append(False, tied))
    group = np.cumsum(np.append(True, ~tied))[places]
    rows = order[places]
    sorted_rows = (
        events.select(pl.col(telling).gather(pl.Series(rows.astype(np.uint32))))
        .with_columns(pl.Series("group", group), pl.Series("row", rows))
        .sort("group", *telling, nulls_last=False, maintain_order=True)
    )
    order = order.copy()
    order[places] = sorted_rows["row"].to_numpy()
    return order
