"""Ingest of what sources do: odd ids, ties, repeats, disorder, bad lines, bad values; and no plain text on disk."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import MEASUREMENT, PERSON, meds_events, write_meds, write_omop

from lifecourse.base.errors import SourceError, StoreDamaged
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.schema.event import EVENT_COLUMNS, SORT_COLUMNS
from lifecourse.timeline import planning, spill
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.ordering import in_shards
from lifecourse.timeline.sealed import read_table, write_table
from lifecourse.timeline.shard import sorted_events
from lifecourse.timeline.spill import Buckets, conform, shard_of, spill_events, spilled_events
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

IDS = [-(2**63), -5, 0, 7, 2**27 + 1, 2**53 + 1, 2**53 + 2, 2**63 - 1]
NOON = datetime(2020, 1, 1, 12)


def table(rows: list[tuple[int, datetime | None, str, float | None]]) -> pl.DataFrame:
    schema = {
        "subject_id": pl.Int64,
        "time": pl.Datetime("us"),
        "code": pl.String,
        "numeric_value": pl.Float32,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def stored(store: Path) -> pl.DataFrame:
    opened = Store(store)
    return pl.concat(opened.read(part, EVENT_COLUMNS) for part in opened.manifest().parts)


def test_ids_of_every_size_stay_apart(tmp_path: Path) -> None:
    events = table([(subject, NOON, f"A//{place}", None) for place, subject in enumerate(IDS)])
    ingest(write_meds(tmp_path / "source", events, files=1), tmp_path / "store")
    timeline = open_timeline(
        tmp_path / "store", actor=Actor(name="test"), purpose=Purpose.DIRECT_CARE
    )
    assert timeline.subject_ids().tolist() == sorted(IDS)
    for place, subject in enumerate(IDS):
        assert timeline.chart(subject).events["code"].to_list() == [f"A//{place}"]


def test_ties_to_the_microsecond_have_one_order_whatever_the_order_of_rows(tmp_path: Path) -> None:
    tick = timedelta(microseconds=1)
    moments = (None, NOON, NOON + tick)
    rows = [
        (subject, moment, code, value)
        for subject in (1, 2)
        for moment in moments
        for code in ("B", "A", "a", "ä")
        for value in (None, 2.0, 1.0, 1.0)
    ]
    events = table(rows)
    hashes = set()
    for seed in range(4):
        shuffled = events.sample(fraction=1.0, shuffle=True, seed=seed)
        source = write_meds(tmp_path / f"source-{seed}", shuffled, files=1 + seed)
        hashes.add(ingest(source, tmp_path / f"store-{seed}").content_hash)
    assert len(hashes) == 1
    found = stored(tmp_path / "store-3")
    assert found.height == len(rows)
    mine = found.filter(pl.col("subject_id") == 1).select("time", "code", "numeric_value")
    expected = events.filter(pl.col("subject_id") == 1).drop("subject_id")
    assert mine.equals(expected.sort("time", "code", "numeric_value", nulls_last=False))


def test_rows_that_come_twice_in_meds_stand_twice(tmp_path: Path) -> None:
    events = meds_events(4)
    report = ingest(write_meds(tmp_path / "source", pl.concat([events, events])), tmp_path / "s")
    assert (report.events, report.event_rows, report.duplicate_rows) == (
        2 * events.height,
        2 * events.height,
        0,
    )


def test_numbers_that_are_none_do_not_become_values(tmp_path: Path) -> None:
    values = [float("nan"), float("inf"), float("-inf"), 1.5, None]
    events = table([(1, NOON, f"A//{i}", value) for i, value in enumerate(values)])
    ingest(write_meds(tmp_path / "source", events, files=1), tmp_path / "store")
    found = stored(tmp_path / "store")["numeric_value"].to_list()
    assert found == [None, float("inf"), float("-inf"), 1.5, None]


def test_a_meds_column_of_another_type_is_one_clear_error(tmp_path: Path) -> None:
    events = meds_events(2).with_columns(time=pl.lit("yesterday"))
    with pytest.raises(SourceError, match="time"):
        ingest(write_meds(tmp_path / "source", events), tmp_path / "store")
    assert not Store(tmp_path / "store").exists()


def test_codes_bring_the_descriptions_and_parents_of_their_metadata(tmp_path: Path) -> None:
    source = write_meds(tmp_path / "source", table([(1, NOON, "MINE//1", None)]), files=1)
    (source / "metadata").mkdir()
    told = {"code": ["MINE//1"], "description": ["a thing"], "parent_codes": [["LOINC//4548-4"]]}
    pl.DataFrame(told).write_parquet(source / "metadata" / "codes.parquet")
    store = tmp_path / "store"
    ingest(source, store)
    later = write_meds(tmp_path / "later", table([(2, NOON, "MINE//1", None)]), files=1)
    (later / "data" / "0.parquet").rename(later / "data" / "1.parquet")
    for _ in range(2):
        row = Store(store).read(Store(store).manifest().codes).row(0, named=True)
        assert (row["description"], row["parent_codes"]) == ("a thing", ["LOINC//4548-4"])
        ingest(later, store)


def omop_lines(folder: Path, lines: list[str]) -> Path:
    folder.mkdir()
    (folder / "person.csv").write_text(f"{PERSON}\n1,8532,1950,1,1,P1\n")
    (folder / "measurement.csv").write_text("\n".join([MEASUREMENT, *lines]) + "\n")
    return folder


def test_bad_lines_of_a_table_read_in_parts_are_named_by_their_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = '{},1,0,2020-01-01,2020-01-01 10:00:00,6.1,%,"4548-4"'
    lines = [good.format(number) for number in range(1, 401)]
    lines[99] = "100,1,0,2020-01-01"
    lines[199] += ",surplus"
    lines[299] = lines[299].replace("6.1", "NaN")
    lines[349] = lines[349].replace("6.1", "1e400")
    monkeypatch.setattr("lifecourse.records.separated.UNIT_BYTES", 2_000)
    monkeypatch.setattr("lifecourse.records.separated.FIRST_BLOCK_BYTES", 500)
    source = omop_lines(tmp_path / "source", lines)
    report = ingest(source, tmp_path / "store", kind="omop")
    store = Store(tmp_path / "store")
    rejects = store.read(store.manifest().rejects)
    rows = dict(rejects.select("row", "reason").iter_rows())
    assert rows == {
        100: "malformed row",
        200: "malformed row",
        300: "value is not a number",
        350: "value is not a number",
    }
    assert report.rows_read == 401
    assert report.event_rows + sum(report.rejects.values()) == 401
    found = stored(tmp_path / "store").filter(pl.col("source_id").str.starts_with("measurement"))
    number = pl.col("source_id").str.strip_prefix("measurement/").cast(pl.UInt32)
    assert found.filter(number != pl.col("source_row")).height == 0
    assert found.height == 396


def test_parts_of_a_table_give_the_store_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {i: (1 + i % 3, f"2020-01-{1 + i % 28:02d}", i / 10) for i in range(1, 300)}
    source = write_omop(tmp_path / "source", {1: 1950, 2: 1960, 3: 1970}, rows)
    whole = ingest(source, tmp_path / "whole", kind="omop")
    monkeypatch.setattr("lifecourse.records.separated.UNIT_BYTES", 1_000)
    parts = ingest(source, tmp_path / "parts", kind="omop")
    assert (parts.content_hash, parts.rows_read) == (whole.content_hash, whole.rows_read)


def test_buckets_and_shards_do_not_change_what_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_meds(tmp_path / "source", meds_events(40))
    sizes = ((64_000, 400_000), (50, 50), (50, 200), (20, 400_000))
    found = []
    for number, (shard, bucket) in enumerate(sizes):
        monkeypatch.setattr(planning, "EVENTS_PER_SHARD", shard)
        monkeypatch.setattr(planning, "EVENTS_PER_BUCKET", {planning.DEFAULT: bucket})
        ingest(source, tmp_path / str(number))
        events = stored(tmp_path / str(number)).drop("source_file", "source_row")
        found.append(events.sort(SORT_COLUMNS, nulls_last=False))
    assert all(events.equals(found[0]) for events in found)


@given(
    n_shards=st.integers(1, 300),
    n_buckets=st.integers(1, 300),
    ids=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30),
)
def test_a_bucket_is_a_run_of_shards(n_shards: int, n_buckets: int, ids: list[int]) -> None:
    buckets = Buckets(n_shards=n_shards, n_buckets=min(n_buckets, n_shards))
    every = [shard for bucket in range(buckets.n_buckets) for shard in buckets.shards(bucket)]
    assert every == list(range(n_shards))
    subjects = np.array(ids, dtype=np.int64)
    for bucket, shard in zip(buckets.of(subjects), shard_of(subjects, n_shards), strict=True):
        assert shard in buckets.shards(int(bucket))


SOME_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(IDS),
        st.one_of(st.none(), st.sampled_from([NOON, NOON + timedelta(microseconds=1)])),
        st.sampled_from(["A", "B", "ä"]),
        st.sampled_from([None, 1.0, 2.0]),
        st.sampled_from([None, "x", "y"]),
        st.sampled_from([None, "lab/1", "lab/2"]),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(rows=SOME_EVENTS, n_shards=st.integers(1, 4))
def test_the_quick_order_is_the_plain_sort(rows: list[tuple], n_shards: int) -> None:
    names = ("subject_id", "time", "code", "numeric_value", "text_value", "source_id")
    schema = {n: t for n, t in conform(pl.DataFrame()).schema.items() if n in names}
    events = conform(pl.DataFrame(rows, schema=schema, orient="row"))
    ordered = in_shards(events, n_shards)
    shard = pl.Series("shard", shard_of(events["subject_id"].to_numpy(), n_shards))
    plain = sorted_events(events)
    plainly = [
        plain.filter(pl.Series(shard_of(plain["subject_id"].to_numpy(), n_shards) == number))
        for number in range(n_shards)
    ]
    assert ordered.events.equals(pl.concat(plainly))
    assert ordered.shards.tolist() == sorted(shard.to_list())
    assert ordered.codes.gather(ordered.ranks).to_list() == ordered.events["code"].to_list()


@pytest.mark.parametrize("key", [None, b"k" * 32])
def test_what_is_laid_aside_comes_back_by_bucket(tmp_path: Path, key: bytes | None) -> None:
    events = conform(meds_events(50).with_columns(text_value=pl.col("code") + "!"))
    buckets = Buckets(n_shards=10, n_buckets=4)
    spill_events(tmp_path, events, buckets=buckets, key=key, name="000000-0000")
    places = buckets.of(events["subject_id"].to_numpy())
    for bucket in range(4):
        ((name, found),) = spilled_events(tmp_path, bucket, buckets=buckets, key=key)
        assert name == "000000-0000"
        assert conform(found).equals(events.filter(pl.Series(places == bucket)))


def test_events_laid_aside_are_sealed_and_bound_to_their_place(tmp_path: Path) -> None:
    events = meds_events(20).with_columns(text_value=pl.lit("CANARY-NAME"))
    buckets, key = Buckets(n_shards=4, n_buckets=2), b"k" * 32
    spill_events(tmp_path, events, buckets=buckets, key=key, name="000000-0000")
    path = tmp_path / "events-000000-0000.spill"
    raw = path.read_bytes()
    assert b"CANARY" not in raw
    assert b"LOINC" not in raw
    shutil.copy(path, tmp_path / "events-000001-0000.spill")
    with pytest.raises(StoreDamaged, match="000001"):
        spilled_events(tmp_path, 0, buckets=buckets, key=key)


def test_nothing_plain_lies_in_the_work_of_a_killed_ingest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = meds_events(20).with_columns(text_value=pl.lit("CANARY-NAME"))
    source = write_meds(tmp_path / "source", events)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "publish", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest(source, tmp_path / "store")
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert any(path.suffix == ".spill" for path in files)
    assert not [path.name for path in files if b"CANARY" in path.read_bytes()]
    assert ingest(source, tmp_path / "store").events == events.height


def test_work_laid_aside_in_another_form_is_not_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_meds(tmp_path / "source", meds_events(5))
    with monkeypatch.context() as patch:
        patch.setattr(planning, "SPILL_FORMAT", spill.SPILL_FORMAT - 1)
        patch.setattr(Store, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ingest(source, tmp_path / "store")
    for path in (tmp_path / "store" / ".ingest").glob("*.spill"):
        path.write_bytes(b"of another form")
    assert ingest(source, tmp_path / "store").events == meds_events(5).height


def test_a_sealed_part_lacks_the_columns_that_say_nothing_and_gives_them_back(
    tmp_path: Path,
) -> None:
    events = conform(meds_events(5).with_columns(unit=pl.lit("mg/dL")))
    path, key = tmp_path / "part.parquet", b"k" * 32
    write_table(events, path, key=key, aad="part")
    kept = read_table(path, key=key, aad="part").columns
    assert "unit" in kept
    assert "onset_time" not in kept
    assert read_table(path, key=key, aad="part", columns=EVENT_COLUMNS).equals(events)
    write_table(events, path, key=None, aad="part")
    assert read_table(path, key=None, aad="part").columns == list(EVENT_COLUMNS)
