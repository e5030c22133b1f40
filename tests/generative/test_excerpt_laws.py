"""An excerpt holds what a plain walk over all events finds, whatever the shards, the groups and the encryption."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecourse.base.errors import StoreDamaged
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline.access import Timeline, open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.shard import STATIC
from lifecourse.timeline.store import Store
from lifecourse.timeline.unstored import timeline_from_events

START = datetime(2020, 1, 1)
CODES = ("MEDS_BIRTH", "A", "B", "C")
Event = tuple[int, int | None, str, float | None]
EVENTS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.none() | st.integers(0, 4),
        st.sampled_from(CODES),
        st.none() | st.integers(-3, 3).map(float),
    ),
    max_size=30,
)


def table_of(events: list[Event]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "subject_id": [subject for subject, _, _, _ in events],
            "time": [
                None if day is None else START + timedelta(days=day) for _, day, _, _ in events
            ],
            "code": [code for _, _, code, _ in events],
            "numeric_value": [value for _, _, _, value in events],
        },
        schema={
            "subject_id": pl.Int64,
            "time": pl.Datetime("us"),
            "code": pl.String,
            "numeric_value": pl.Float32,
        },
    )


def micros(day: int | None) -> int:
    if day is None:
        return STATIC
    return int((START + timedelta(days=day) - datetime(1970, 1, 1)) / timedelta(microseconds=1))


def told(timeline: Timeline, codes: set[str], *, moments: bool, group: int) -> dict[str, set]:
    """What excerpts say, as sets of plain tuples."""
    found: dict[str, set] = {"events": set(), "edges": set(), "moments": set()}
    for shards in timeline.groups(group):
        excerpt = timeline.excerpt(shards, codes, values=True, moments=moments)
        shard = excerpt.shard
        for place, subject in enumerate(shard.subject_ids.tolist()):
            found["edges"].add((subject, int(excerpt.first[place]), int(excerpt.last[place])))
            for i in range(int(shard.offsets[place]), int(shard.offsets[place + 1])):
                value = float(shard.value[i])
                code = shard.codes.codes[int(shard.code[i])]
                known = None if value != value else value
                found["events"].add((subject, int(shard.time[i]), code, known))
            if excerpt.moments is not None:
                whole = excerpt.moments
                span = slice(int(whole.offsets[place]), int(whole.offsets[place + 1]))
                times = whole.time[span].tolist()
                assert times == sorted(set(times))
                found["moments"] |= {(subject, time) for time in times}
    return found


def expected(events: list[Event], codes: set[str], *, moments: bool) -> dict[str, set]:
    """The same by walking over every event."""
    kept = {(s, micros(day), code, value) for s, day, code, value in events if code in codes}
    people = {s for s, *_ in (events if moments else kept)}
    edges = set()
    for subject in people:
        days = [micros(day) for s, day, _, _ in events if s == subject and day is not None]
        edges.add((subject, min(days, default=STATIC), max(days, default=STATIC)))
    every = {(s, micros(day)) for s, day, _, _ in events if day is not None}
    return {"events": kept, "edges": edges, "moments": every if moments else set()}


@given(
    events=EVENTS,
    codes=st.sets(st.sampled_from(CODES)),
    moments=st.booleans(),
    shards=st.integers(1, 4),
    group=st.integers(1, 40),
)
def test_excerpts_are_what_a_walk_over_all_events_finds(
    events: list[Event], codes: set[str], moments: bool, shards: int, group: int
) -> None:
    timeline = timeline_from_events(table_of(events), n_shards=shards)
    found = told(timeline, codes, moments=moments, group=group)
    assert found == expected(events, codes, moments=moments)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS.filter(len), moments=st.booleans())
@pytest.mark.parametrize("kept_as", [Identifiability.SYNTHETIC, Identifiability.PSEUDONYMOUS])
def test_excerpts_of_a_store_are_too(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[Event],
    moments: bool,
    kept_as: Identifiability,
) -> None:
    folder: Path = tmp_path_factory.mktemp("excerpts")
    (folder / "source" / "data").mkdir(parents=True)
    table_of(events).unique().write_parquet(folder / "source" / "data" / "0.parquet")
    ingest(folder / "source", folder / "store", kind="meds", identifiability=kept_as)
    timeline = open_timeline(folder / "store", actor=Actor(name="ada"), purpose=Purpose.OPERATIONS)
    found = told(timeline, {"A", "B"}, moments=moments, group=1_000)
    wanted = expected(events, {"A", "B"}, moments=moments)
    assert {row[1:] for row in found["events"]} == {row[1:] for row in wanted["events"]}
    assert len(found["edges"]) == len(wanted["edges"])
    assert {row[1] for row in found["moments"]} == {row[1] for row in wanted["moments"]}


def test_a_damaged_part_is_named_among_many(tmp_path: Path) -> None:
    (tmp_path / "source" / "data").mkdir(parents=True)
    many = [(subject, 1, "A", None) for subject in range(1, 40)]
    table_of(many).write_parquet(tmp_path / "source" / "data" / "0.parquet")
    ingest(tmp_path / "source", tmp_path / "store", kind="meds")
    timeline = open_timeline(
        tmp_path / "store", actor=Actor(name="ada"), purpose=Purpose.OPERATIONS
    )
    store = Store(tmp_path / "store")
    damaged = store.path / store.manifest().parts[0].path
    damaged.write_bytes(b"not a table")
    with pytest.raises(StoreDamaged, match=damaged.name):
        timeline.excerpt(range(timeline.n_shards), {"A"})
