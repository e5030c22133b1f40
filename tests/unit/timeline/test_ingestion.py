"""Ingest: once is twice, incremental is fresh, nothing is lost, and damage is found by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from sources import meds_events, write_meds, write_omop

from lifecourse.base.errors import (
    KeyUnavailable,
    PolicyRefused,
    SourceError,
    StoreBusy,
    StoreDamaged,
    StoreError,
    UserError,
)
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline import manifest as log
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

WHO = Actor(name="tester")
PEOPLE = {1: 1950, 2: 1960, 3: 1970}
FIRST = {10: (1, "2020-01-01", 6.1), 11: (2, "2020-02-01", 7.2), 12: (3, "2020-03-01", 5.5)}


def opened(store: Path, version: int | None = None):
    return open_timeline(store, actor=WHO, purpose=Purpose.DIRECT_CARE, as_of_version=version)


def values(store: Path, version: int | None = None) -> list[float]:
    timeline = opened(store, version)
    found = [
        value for shard in timeline.shards() for value in shard.value.tolist() if value == value
    ]
    return sorted(round(value, 3) for value in found)


def test_ingesting_twice_is_ingesting_once(tmp_path: Path) -> None:
    source = write_meds(tmp_path / "source", meds_events(12))
    first = ingest(source, tmp_path / "store")
    second = ingest(source, tmp_path / "store")
    assert second.version == first.version == 1
    assert (second.added, second.removed, second.content_hash) == (0, 0, first.content_hash)


def test_rows_read_are_all_accounted_for(tmp_path: Path) -> None:
    events = meds_events(5)
    broken = pl.concat([events, events[:2].with_columns(code=pl.lit(None, pl.String))])
    report = ingest(write_meds(tmp_path / "source", broken), tmp_path / "store")
    assert report.rows_read == broken.height
    accounted = report.event_rows + report.duplicate_rows + sum(report.rejects.values())
    assert report.rows_read == accounted + sum(report.reference_rows.values())
    assert sum(report.rejects.values()) == 2


def test_order_and_number_of_files_do_not_matter(tmp_path: Path) -> None:
    events = meds_events(20)
    shuffled = events.sample(fraction=1.0, shuffle=True, seed=3)
    one = ingest(write_meds(tmp_path / "a", events, files=1), tmp_path / "one")
    many = ingest(write_meds(tmp_path / "b", shuffled, files=4), tmp_path / "many")
    assert one.content_hash == many.content_hash


def test_incremental_load_adds_and_replaces_by_source_id(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write_omop(tmp_path / "monday", PEOPLE, FIRST), store, kind="omop")
    final = {**FIRST, 11: (2, "2020-02-01", 8.8), 13: (1, "2021-01-01", 6.6)}
    report = ingest(write_omop(tmp_path / "tuesday", PEOPLE, final), store, kind="omop")
    fresh = ingest(write_omop(tmp_path / "fresh", PEOPLE, final), tmp_path / "other", kind="omop")
    assert (report.added, report.changed, report.removed) == (1, 1, 0)
    assert report.content_hash == fresh.content_hash
    assert values(store) == [5.5, 6.1, 6.6, 8.8]


def test_rows_that_a_snapshot_no_longer_has_are_removed(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write_omop(tmp_path / "monday", PEOPLE, FIRST), store, kind="omop")
    final = {10: FIRST[10]}
    people = {1: 1950}
    report = ingest(
        write_omop(tmp_path / "tuesday", people, final), store, kind="omop", snapshot=True
    )
    fresh = ingest(write_omop(tmp_path / "fresh", people, final), tmp_path / "other", kind="omop")
    assert report.removed == 4
    assert report.content_hash == fresh.content_hash
    assert opened(store).n_subjects == 1


def test_an_old_version_answers_as_it_did(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write_omop(tmp_path / "monday", PEOPLE, FIRST), store, kind="omop")
    later = {11: (2, "2020-02-01", 8.8)}
    ingest(write_omop(tmp_path / "tuesday", PEOPLE, later), store, kind="omop")
    assert values(store, version=1) == [5.5, 6.1, 7.2]
    assert values(store) == [5.5, 6.1, 8.8]


def test_meds_file_that_changed_replaces_its_rows(tmp_path: Path) -> None:
    events = meds_events(9)
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", events), store)
    fewer = events.filter(pl.col("subject_id") != 4)
    ingest(write_meds(tmp_path / "source", fewer), store)
    fresh = ingest(write_meds(tmp_path / "copy", fewer), tmp_path / "fresh")
    assert opened(store).content_hash == fresh.content_hash


def test_one_flipped_bit_is_found_and_named(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", meds_events(9)), store)
    part = sorted((store / "parts").glob("00000-*"))[0]
    raw = bytearray(part.read_bytes())
    raw[np.random.default_rng(1).integers(len(raw))] ^= 1
    part.write_bytes(bytes(raw))
    with pytest.raises(StoreDamaged, match=part.name):
        Store(store).verify()


def test_truncated_manifest_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", meds_events(3)), store)
    path = store / log.LOG / "00000001.json"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(StoreDamaged, match="version 1"):
        opened(store)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ('"encrypted": ', '"encrypted": 0, "was": '),
        ('"dataset": ', '"data_set": '),
        ('"rows": ', '"rows": "9", "was": '),
        ('"identifiability": "', '"identifiability": "perhaps '),
        ('"issuer": ', '"issuer": null, "was": '),
        ('"parts": [', '"parts": [7, '),
    ],
)
def test_changed_manifest_is_refused(tmp_path: Path, said: str, instead: str) -> None:
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", meds_events(3)), store, plain=True)
    path = store / log.LOG / "00000001.json"
    text = path.read_text()
    assert said in text
    path.write_text(text.replace(said, instead, 1))
    with pytest.raises(StoreDamaged, match="version 1"):
        opened(store)


def test_store_of_a_later_format_says_so(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", meds_events(3)), store)
    path = store / log.LOG / "00000001.json"
    path.write_bytes(path.read_bytes().replace(b'"format": 2', b'"format": 9'))
    with pytest.raises(StoreError, match="format 9"):
        opened(store)


def test_identified_store_is_encrypted_and_opens_only_with_its_key(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", meds_events(3)), store)
    assert (tmp_path / "store.key").stat().st_mode & 0o077 == 0
    assert not (store / "data").exists()
    (tmp_path / "store.key").rename(tmp_path / "elsewhere")
    with pytest.raises(KeyUnavailable, match=r"store\.key"):
        opened(store).persons()


def test_file_in_anothers_place_does_not_open(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", meds_events(3)), store)
    (codes,) = (store / "parts").glob("codes-*")
    (persons,) = (store / "parts").glob("persons-*")
    codes.write_bytes(persons.read_bytes())
    with pytest.raises(StoreDamaged):
        _ = opened(store).codes


def test_synthetic_store_is_plain_meds(tmp_path: Path) -> None:
    events = meds_events(6)
    store = tmp_path / "store"
    source = write_meds(tmp_path / "source", events)
    ingest(source, store, identifiability=Identifiability.SYNTHETIC)
    shown = pl.read_parquet(store / "data" / "*.parquet")
    assert shown.height == events.height
    assert set(shown["subject_id"]) == set(events["subject_id"])


def test_pseudonymous_store_has_no_identity_map_and_refuses_direct_care(tmp_path: Path) -> None:
    store = tmp_path / "store"
    source = write_omop(tmp_path / "source", PEOPLE, FIRST)
    ingest(source, store, kind="omop", identifiability=Identifiability.PSEUDONYMOUS)
    assert Store(store).manifest().identity is None
    with pytest.raises(PolicyRefused, match="pseudonymous"):
        opened(store)
    outcomes = [entry["outcome"] for entry in AuditLog(store / "audit").entries()]
    assert outcomes[-1] == "refused"


def test_what_a_run_killed_after_publishing_left_is_cleared_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    source = write_meds(tmp_path / "source", meds_events(3))

    def killed(_folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lifecourse.timeline.ingestion.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest(source, store)
    assert (store / ".ingest").exists()
    assert ingest(source, store).added == 0
    assert not (store / ".ingest").exists()


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    source = write_meds(tmp_path / "source", meds_events(3))
    store = Store(tmp_path / "store")
    with store.locked(), pytest.raises(StoreBusy):
        ingest(source, store.path)


def test_every_look_at_a_person_is_audited(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", meds_events(3)), store)
    timeline = opened(store)
    timeline.chart(2)
    with pytest.raises(UserError, match="no subject 99"):
        timeline.chart(99)
    looks = [
        (e["target"], e["outcome"])
        for e in AuditLog(store / "audit").entries()
        if e["action"] == "look"
    ]
    assert looks == [("subject/2", "success"), ("subject/99", "not found")]


def test_chart_holds_exactly_the_subjects_events(tmp_path: Path) -> None:
    events = meds_events(7)
    store = tmp_path / "store"
    ingest(write_meds(tmp_path / "source", events), store)
    chart = opened(store).chart(5)
    mine = events.filter(pl.col("subject_id") == 5)
    assert chart.events.height == mine.height
    assert chart.sex in ("female", "male")
    assert chart.birth is not None


def test_empty_folder_is_one_clear_error_and_leaves_no_store(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with pytest.raises(SourceError):
        ingest(tmp_path / "source", tmp_path / "store")
    assert not Store(tmp_path / "store").exists()


def test_the_meds_folder_shows_the_newest_version_and_is_there_all_along(tmp_path: Path) -> None:
    store, data = tmp_path / "store", tmp_path / "store" / "data"
    ingest(write_meds(tmp_path / "one", meds_events(6)), store, plain=True)
    inode = data.stat().st_ino
    later = meds_events(6, seed=2).with_columns(subject_id=pl.col("subject_id") + 10)
    ingest(write_meds(tmp_path / "two", later), store, issuer="other")
    Store(store).show_as_meds(Store(store).manifest())
    assert data.stat().st_ino == inode
    assert pl.read_parquet(data / "*.parquet")["subject_id"].n_unique() == 12
    assert not list(store.rglob("*.part"))
    metadata = pl.read_parquet(store / "metadata" / "persons.parquet")
    assert metadata.height == 12
