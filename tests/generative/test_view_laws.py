"""What a view shows is what Cedar, asked about each event by itself, permits: by every way of reading."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl
import pytest
from access import World, decided_alone, timeline_columns, world

from lifecourse.timeline.guarded import Guarded, seen_through
from lifecourse.timeline.persons import persons_of
from lifecourse.timeline.sight import kinds_of
from lifecourse.timeline.view import view_of_people

if TYPE_CHECKING:
    from pathlib import Path

WORLDS = 30
MORE_WORLDS = 200


def expected(made: World) -> pl.DataFrame:
    """The events that are permitted, one by one; those whose text is not, without it."""

    @lru_cache
    def alone(subject: int, code: str, time: int | None, column: str) -> bool:
        return decided_alone(made, subject, code, time, column)

    rows = []
    for subject, time, code, value, text in made.events.with_columns(
        pl.col("time").cast(pl.Int64)
    ).iter_rows():
        if alone(subject, code, time, "event"):
            shown = text if alone(subject, code, time, "text") else None
            rows.append((subject, time, code, value, shown))
    return pl.DataFrame(rows, schema=made.events.schema, orient="row")


def check(seed: int, folder: Path) -> int:
    """Check one world; gives how many of its events are closed."""
    made = world(seed, folder)
    holding = made.timeline.holding
    view = view_of_people(
        made.eye, made.known, made.timeline.subject_ids(), kinds_of(made.timeline.codes)
    )
    seen, shards, columns = seen_through(holding, view), range(holding.n_shards), timeline_columns()
    wanted = expected(made)
    whole = seen.matching(shards, columns, None)
    assert whole.equals(wanted), made.policies
    for shard in shards:
        part = holding.events(shard, columns=columns)
        theirs = wanted.filter(pl.col("subject_id").is_in(part["subject_id"].unique().implode()))
        assert seen.events(shard, columns=columns).equals(theirs)
        narrow = seen.events(shard, columns=["numeric_value"])
        assert narrow.equals(theirs.select("numeric_value"))
    for subject in made.timeline.subject_ids().tolist():
        theirs = wanted.filter(pl.col("subject_id") == subject)
        assert seen.subject_events(0, subject, whole=True).select(columns).equals(theirs)
    some = ["ICD10CM//I10", "ICD10CM//F10.20"]
    assert seen.matching(shards, columns, some).equals(wanted.filter(pl.col("code").is_in(some)))
    assert seen.n_events() == wanted.height
    if wanted.height:
        assert seen.persons().equals(persons_of(wanted))
    else:
        assert seen.persons().height == 0
    if isinstance(seen, Guarded):
        everything = frozenset(wanted["subject_id"])
        for subject in seen.whole() & everything:
            mine = made.events.filter(pl.col("subject_id") == subject)
            assert mine.equals(wanted.filter(pl.col("subject_id") == subject))
    return made.events.height - wanted.height


def test_a_view_is_the_decision_on_each_event(tmp_path: Path) -> None:
    hidden = [check(seed, tmp_path) for seed in range(WORLDS)]
    assert sum(n > 0 for n in hidden) > WORLDS / 2
    assert sum(n == 0 for n in hidden) > 0


@pytest.mark.prove
def test_a_view_is_the_decision_on_each_event_of_two_hundred_worlds(tmp_path: Path) -> None:
    for seed in range(WORLDS, MORE_WORLDS):
        check(seed, tmp_path)
