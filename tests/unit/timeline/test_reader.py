"""A reader gives what a chart gives, in bounded memory, to those who learn and not to those who look."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import meds_events, write_meds

from lifecourse.base.errors import PolicyRefused, UserError
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline import reader as reading
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.reader import shard_of_one
from lifecourse.timeline.shard import STATIC
from lifecourse.timeline.spill import shard_of
from lifecourse.timeline.store import Store
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.timeline.access import Timeline

WHO = Actor(name="tester")


def learning(events: pl.DataFrame, n_shards: int = 1) -> Timeline:
    return timeline_from_events(events, n_shards=n_shards, purpose=Purpose.OPERATIONS)


def opened(store: Path, version: int | None = None) -> Timeline:
    return open_timeline(store, actor=WHO, purpose=Purpose.OPERATIONS, as_of_version=version)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An encrypted store of 40 people."""
    source = write_meds(tmp_path / "source", meds_events(40))
    ingest(source, tmp_path / "store", plain=False)
    return tmp_path / "store"


def assert_same_as_charts(timeline: Timeline, *, max_bytes: int = reading.DEFAULT_BYTES) -> None:
    reader = timeline.reader(max_bytes=max_bytes)
    for subject in timeline.subject_ids()[::-1].tolist():
        history, shard = reader.subject(subject), timeline.chart(subject).shard
        expected = (shard.time, shard.code, shard.value, shard.end)
        assert len(history) == shard.n_events
        for ours, theirs in zip(history.columns(), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def largest_shard(timeline: Timeline) -> int:
    return max(
        shard.n_events * reading.BYTES_PER_EVENT + shard.n_subjects * reading.BYTES_PER_SUBJECT
        for shard in timeline.shards()
    )


@pytest.mark.parametrize("n_shards", [1, 7])
def test_a_history_is_the_chart_as_columns(n_shards: int) -> None:
    assert_same_as_charts(learning(meds_events(30), n_shards))


def test_an_encrypted_store_gives_the_same(store: Path) -> None:
    assert_same_as_charts(opened(store))


def test_memory_stays_within_the_bound_and_answers_stay_right() -> None:
    timeline = learning(meds_events(60), n_shards=12)
    bound = 2 * largest_shard(timeline)
    assert_same_as_charts(timeline, max_bytes=bound)
    reader = timeline.reader(max_bytes=bound)
    for subject in np.random.default_rng(1).choice(timeline.subject_ids(), 300).tolist():
        assert reader.subject(subject).subject_id == subject
        assert 0 < reader.held_bytes <= bound


def test_what_is_looked_at_often_stays_in_memory() -> None:
    timeline = learning(meds_events(60), n_shards=12)
    read: list[int] = []
    reader = timeline.reader(max_bytes=4 * largest_shard(timeline))
    whole = reader._read_shard
    reader._read_shard = lambda number: read.append(number) or whole(number)
    often, *others = timeline.subject_ids().tolist()
    home = shard_of_one(often, 12)
    for subject in others:
        reader.subject(often)
        reader.subject(subject)
    assert read.count(home) < max(read.count(n) for n in range(12) if n != home)


def test_one_person_of_a_large_shard_is_read_alone(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGE_SHARD_EVENTS", 10)
    timeline = opened(store)
    assert_same_as_charts(timeline)
    reader = timeline.reader()
    one = reader.subject(int(timeline.subject_ids()[3]))
    assert reader.held_bytes == len(one) * reading.BYTES_PER_EVENT + reading.BYTES_PER_SUBJECT


def test_everyone_is_iterated_once_with_all_events() -> None:
    events = meds_events(25)
    timeline = learning(events, n_shards=4)
    reader = timeline.reader()
    found = {history.subject_id: history.tuples() for history in reader.histories()}
    assert found == dict(reader.tuples())
    assert sorted(found) == timeline.subject_ids().tolist()
    assert sum(map(len, found.values())) == events.height
    some = {history.subject_id for history in reader.histories([0, 2])}
    assert some == {i for i in found if shard_of_one(i, 4) in (0, 2)}


def test_tuples_say_what_the_events_say() -> None:
    events = meds_events(5)
    reader = learning(events).reader()
    expected = events.sort("subject_id", "time", "code", "numeric_value", nulls_last=False)
    rows = expected.select("time", "code", "numeric_value").rows()
    found = [event for _, history in reader.tuples() for event in history]
    assert found == [
        (time and time.replace(tzinfo=None), code, value) for time, code, value in rows
    ]
    first = reader.subject(int(events["subject_id"].min()))
    assert first.codes() == [code for _, code, _ in first.tuples()]


def test_static_and_missing_are_none() -> None:
    events = pl.DataFrame(
        {
            "subject_id": [1, 1],
            "time": [None, datetime(2020, 1, 1)],
            "code": ["SEX//female", "X//1"],
        },
        schema_overrides={"time": pl.Datetime("us")},
    )
    history = learning(events).reader().subject(1)
    assert history.tuples() == [(None, "SEX//female", None), (datetime(2020, 1, 1), "X//1", None)]
    assert history.time[0] == STATIC


def test_no_one_can_write_through_a_history() -> None:
    reader = learning(meds_events(3)).reader()
    for history in [*reader.histories(), reader.subject(1)]:
        for column in history.columns():
            with pytest.raises(ValueError, match="read-only"):
                column[:] = 0


def test_a_subject_who_is_not_there_is_an_error() -> None:
    timeline = learning(meds_events(3))
    reader = timeline.reader()
    with pytest.raises(UserError, match="no subject 999"):
        reader.subject(999)
    assert reader.subject(np.int64(1)).subject_id == 1
    with pytest.raises(UserError):
        reader.subject(-1)


def test_an_empty_timeline_has_no_histories() -> None:
    reader = learning(meds_events(1)[:0]).reader()
    assert list(reader.histories()) == []
    assert list(reader.tuples()) == []
    with pytest.raises(UserError):
        reader.subject(1)


def test_a_stored_nobody_opens_and_has_no_one(tmp_path: Path) -> None:
    source = write_meds(tmp_path / "source", meds_events(1)[:0], files=1)
    report = ingest(source, tmp_path / "store")
    timeline = opened(tmp_path / "store")
    assert (report.events, timeline.n_events, timeline.n_subjects) == (0, 0, 0)
    assert timeline.end_of_records() == 0
    assert list(timeline.charts()) == []
    reader = timeline.reader()
    assert list(reader.tuples()) == []
    for look in (reader.subject, timeline.chart):
        with pytest.raises(UserError, match="no subject 1"):
            look(1)


def test_direct_care_looks_at_one_person_at_a_time(tmp_path: Path) -> None:
    source = write_meds(tmp_path / "source", meds_events(2))
    ingest(source, tmp_path / "store", identifiability=Identifiability.SYNTHETIC)
    timeline = open_timeline(tmp_path / "store", actor=WHO, purpose=Purpose.DIRECT_CARE)
    with pytest.raises(PolicyRefused, match="chart"):
        timeline.reader()
    *_, last = AuditLog(Store(tmp_path / "store").audit_folder).entries()
    assert (last["action"], last["outcome"]) == ("look at all", "refused")


def test_a_reader_is_one_audit_entry_before_any_answer(store: Path) -> None:
    audit = AuditLog(Store(store).audit_folder)
    timeline = opened(store)
    before = len(list(audit.entries()))
    reader = timeline.reader()
    for subject in timeline.subject_ids().tolist():
        reader.subject(subject)
    entries = list(audit.entries())[before:]
    assert [(e["action"], e["purpose"], e["outcome"]) for e in entries] == [
        ("look at all", "operations", "success")
    ]


def test_a_reader_stays_with_its_version_while_others_write(tmp_path: Path) -> None:
    store = tmp_path / "store"
    events = meds_events(20)
    later = events.with_columns(
        subject_id=pl.col("subject_id") + 100, time=pl.col("time") + timedelta(days=1)
    )
    ingest(write_meds(tmp_path / "one", events), store)
    first = opened(store)
    reader, wrong = first.reader(max_bytes=1), []
    expected = {subject: reader.subject(subject).tuples() for subject in range(1, 21)}
    done = threading.Event()

    def read() -> None:
        while not done.wait(0.005):
            for subject, history in expected.items():
                if reader.subject(subject).tuples() != history:
                    wrong.append(subject)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    ingest(write_meds(tmp_path / "two", later), store, issuer="other")
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    with pytest.raises(UserError):
        reader.subject(101)
    assert opened(store).reader().subject(101).subject_id == 101
    assert dict(opened(store, version=1).reader().tuples()) == expected


@given(
    subject=st.integers(min_value=-(2**63), max_value=2**63 - 1),
    n_shards=st.integers(min_value=1, max_value=5_000),
)
def test_a_subject_is_looked_for_where_it_was_put(subject: int, n_shards: int) -> None:
    put = shard_of(np.array([subject], dtype=np.int64), n_shards)
    assert shard_of_one(subject, n_shards) == int(put[0])
