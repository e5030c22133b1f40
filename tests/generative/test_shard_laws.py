"""Whose an event is: the same by looking it up among everyone's as by walking over the subjects."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.timeline.shard import Shard
from lifecourse.timeline.unstored import timeline_from_events


def shard_of(counts: list[int]) -> Shard:
    """People with so many events each."""
    whose = [subject for subject, count in enumerate(counts, 1) for _ in range(count)]
    start = datetime(2020, 1, 1)
    events = pl.DataFrame(
        {
            "subject_id": whose,
            "time": [start + timedelta(days=day) for day in range(len(whose))],
            "code": ["A"] * len(whose),
        },
        schema_overrides={"subject_id": pl.Int64},
    )
    return timeline_from_events(events, n_shards=1).shard(0)


@given(counts=st.lists(st.integers(1, 60), min_size=1, max_size=8), data=st.data())
def test_owners_are_those_of_a_walk_over_the_subjects(
    counts: list[int], data: st.DataObject
) -> None:
    shard = shard_of(counts)
    wanted = [subject for subject, count in enumerate(counts) for _ in range(count)]
    places = data.draw(st.lists(st.integers(0, len(wanted) - 1), max_size=2 * len(wanted)))
    found = shard.owners(np.array(places, dtype=np.int64))
    assert found.tolist() == [wanted[place] for place in places]
    assert found.dtype == np.int64
