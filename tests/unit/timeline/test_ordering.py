"""Events in their order: the fast way gives what sorting by every column gives."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from lifecourse.schema.event import SORT_COLUMNS
from lifecourse.timeline.ordering import in_shards
from lifecourse.timeline.spill import conform, shard_of

START = datetime(2019, 5, 1)
# Whole seconds and microseconds are put into one number with the subject; a thousand years do not fit.
TICKS = (timedelta(seconds=1), timedelta(microseconds=1), timedelta(days=3650, microseconds=1))


@pytest.mark.parametrize("tick", TICKS, ids=("seconds", "microseconds", "ages"))
@pytest.mark.parametrize("subjects", [3, 2_500], ids=("few", "many"))
def test_events_of_unsorted_sources_are_ordered_as_by_every_column(
    tick: timedelta, subjects: int
) -> None:
    chance = np.random.default_rng(7)
    n = 6_000
    moments = [None, *(START + step * tick for step in range(-40, 60))]
    events = conform(
        pl.DataFrame(
            {
                "subject_id": chance.integers(-subjects, subjects, n),
                "time": [moments[i] for i in chance.integers(0, len(moments), n)],
                "code": [f"C//{i}" for i in chance.integers(0, 4, n)],
                "numeric_value": chance.integers(0, 3, n).astype(np.float32),
                "source_id": [f"r/{i}" for i in chance.integers(0, 9, n)],
            }
        )
    )
    found = in_shards(events, 5)
    ids = events["subject_id"].to_numpy()
    slowly = events.with_columns(pl.Series("shard", shard_of(ids, 5))).sort(
        "shard", *SORT_COLUMNS, nulls_last=False, maintain_order=True
    )
    assert found.events.equals(slowly.drop("shard"))
    assert found.shards.tolist() == slowly["shard"].to_list()
    assert found.codes.gather(pl.Series(found.ranks)).equals(slowly["code"], null_equal=True)
