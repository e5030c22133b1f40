"""OMOP on a real PostgreSQL server: the same timelines as from files, one snapshot, and errors that keep secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import polars as pl
import postgres
import pytest

from lifecourse.base.errors import SourceError
from lifecourse.records.omop import OmopSource
from lifecourse.records.omop import postgres as packing
from lifecourse.records.registry import detect
from lifecourse.schema.event import EVENT_COLUMNS, PROVENANCE_COLUMNS
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PERSON = "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,person_source_value\n1,8532,1950,4,12,P1\n2,8507,1961,,,P2\n"
MEASUREMENT = "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,value_as_number,unit_concept_id,measurement_source_value\n"
CONTENT = [name for name in EVENT_COLUMNS if name not in PROVENANCE_COLUMNS]


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    if postgres.binaries() is None:
        why = "no PostgreSQL server here: install postgresql"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    pytest.importorskip("adbc_driver_postgresql", reason="the extra 'postgres' is not installed")
    with postgres.running() as running:
        yield running


@pytest.fixture
def few(server: postgres.Server, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Two people's tables as files, and the settings file of a database that holds the same."""
    source = write(tmp_path / "csv", measurement=measurements(30))
    server.load(source, "few")
    yield source, settings(tmp_path, server.uri("few"))
    server.sql("DROP DATABASE few WITH (FORCE)")


def write(folder: Path, **tables: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"person": PERSON, **tables}.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def measurements(count: int) -> str:
    rows = [
        f"{n},{1 + n % 2},3004410,2020-01-{1 + n % 28:02},2020-01-{1 + n % 28:02} 08:30:{n % 60:02},{5 + n / 100},8554,x"
        for n in range(1, count + 1)
    ]
    return MEASUREMENT + "\n".join([*rows, "900,3,3004410,2020-01-01,,6.5,8554,x", ""])


def settings(folder: Path, uri: str, **more: str) -> Path:
    path = folder / "server.yaml"
    lines = [
        "postgresql:",
        f"  uri: {uri}",
        *(f"  {name}: {value}" for name, value in more.items()),
    ]
    path.write_text("\n".join([*lines, *([] if "schemas" in more else ["  schemas: [cdm]"]), ""]))
    return path


def content(store: Path) -> pl.DataFrame:
    """Every event without the file and row it was read from, in an order that shards do not change."""
    found = Store(store)
    parts = [found.read(part, CONTENT) for part in found.manifest().parts]
    return pl.concat(parts).sort(CONTENT, nulls_last=False)


def rejects(store: Path) -> list[tuple[str, str]]:
    found = Store(store)
    table = found.read(found.manifest().rejects)
    return sorted(table.select("reason", "raw").iter_rows())


def test_the_same_records_give_the_same_timelines_from_files_and_from_a_server(
    few: tuple[Path, Path], tmp_path: Path
) -> None:
    source, server = few
    assert detect(server) == "omop"
    first = ingest(source, tmp_path / "a", plain=True)
    second = ingest(server, tmp_path / "b", plain=True)
    assert content(tmp_path / "a").equals(content(tmp_path / "b"))
    assert first.events == second.events == 34
    assert rejects(tmp_path / "a") == rejects(tmp_path / "b")
    assert [reason for reason, _ in rejects(tmp_path / "b")] == ["person not in the person table"]


def test_a_hospitals_tables_give_the_same_timelines_from_files_and_from_a_server(
    server: postgres.Server, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "mimic-iv-demo-omop"
    server.load(source, "mimic")  # has no measurement table
    path = settings(tmp_path, server.uri("mimic"))
    first = ingest(source, tmp_path / "a", plain=True)
    second = ingest(path, tmp_path / "b", plain=True)
    assert content(tmp_path / "a").equals(content(tmp_path / "b"))
    assert second.events > 70_000
    told = ("subjects", "events", "rows_read", "event_rows", "duplicate_rows", "rejects", "counts")
    assert [getattr(first, name) for name in told] == [getattr(second, name) for name in told]
    assert first.reference_rows == second.reference_rows


def test_tables_cut_into_blocks_and_batches_give_every_row_once_with_its_number(
    few: tuple[Path, Path], server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = few
    server.sql(
        "INSERT INTO cdm.measurement SELECT g, 1, 3004410, '2021-01-01', NULL, g, 8554, repeat('x', 60)"
        " FROM generate_series(1000, 5999) g; DELETE FROM cdm.measurement WHERE measurement_id % 7 = 0",
        database="few",
    )
    rows = int(server.sql("SELECT count(*) FROM cdm.measurement", database="few"))
    monkeypatch.setattr(packing, "PART_BLOCKS", 8)
    monkeypatch.setattr("lifecourse.records.omop.server.BATCH_BYTES", 4096)
    source = OmopSource(path)
    units = [u for u in source.units() if dict(u.options)["table"] == "measurement"]
    assert len(units) > 5
    assert [u.continues for u in units] == [False] + [True] * (len(units) - 1)
    assert sum(b.rows_read for u in units for b in source.read(u)) == rows
    source.close()
    report = ingest(path, tmp_path / "store", plain=True)
    found = Store(tmp_path / "store")
    parts = [found.read(p, ["source_id", "source_row"]) for p in found.manifest().parts]
    numbers = pl.concat(parts).filter(pl.col("source_id").str.starts_with("measurement/"))
    assert numbers["source_row"].n_unique() == numbers.height == rows - sum(report.rejects.values())
    assert numbers["source_row"].max() <= rows


def test_views_partitions_and_upper_case_names_are_read_as_tables_are(
    server: postgres.Server, tmp_path: Path
) -> None:
    source = write(tmp_path / "csv", measurement=measurements(30))
    server.load(source, "shapes", schema="raw")
    server.sql(
        'CREATE SCHEMA cdm; CREATE VIEW cdm."PERSON" AS SELECT * FROM raw.person;'
        "CREATE TABLE cdm.measurement (LIKE raw.measurement) PARTITION BY LIST (person_id);"
        "CREATE TABLE cdm.first_part PARTITION OF cdm.measurement FOR VALUES IN (1);"
        "CREATE TABLE cdm.other_part PARTITION OF cdm.measurement DEFAULT;"
        "INSERT INTO cdm.measurement SELECT * FROM raw.measurement;"
        'ALTER TABLE cdm.measurement RENAME COLUMN value_as_number TO "VALUE_AS_NUMBER"',
        database="shapes",
    )
    ingest(source, tmp_path / "a", plain=True)
    ingest(settings(tmp_path, server.uri("shapes")), tmp_path / "b", plain=True)
    assert content(tmp_path / "a").equals(content(tmp_path / "b"))


def test_what_is_written_while_reading_is_not_read(
    few: tuple[Path, Path], server: postgres.Server
) -> None:
    _, path = few
    source = OmopSource(path)
    units = source.units()
    server.sql("INSERT INTO cdm.person VALUES (9, 8507, 1970, 1, 1, 'P9')", database="few")
    server.sql("DELETE FROM cdm.measurement", database="few")
    read = [batch for unit in units for batch in source.read(unit)]
    source.close()
    assert sum(batch.rows_read for batch in read) == 2 + 31


def test_a_second_ingest_of_an_unchanged_server_is_none_and_of_a_changed_one_adds(
    few: tuple[Path, Path], server: postgres.Server, tmp_path: Path
) -> None:
    _, path = few
    first = ingest(path, tmp_path / "store", plain=True)
    again = ingest(path, tmp_path / "store", plain=True)
    assert (again.version, again.added, again.unchanged) == (1, 0, first.event_rows)
    server.sql(
        "UPDATE cdm.measurement SET value_as_number = 9 WHERE measurement_id = 1;"
        "INSERT INTO cdm.person VALUES (3, 8507, 1970, 1, 1, 'P3')",
        database="few",
    )
    then = ingest(path, tmp_path / "store", plain=True)
    assert (then.version, then.changed, then.subjects) == (2, 1, 3)
    assert then.added == 2  # the person, and the measurement that had none


def test_reading_writes_nothing_to_the_server_and_leaves_no_connection(
    few: tuple[Path, Path], server: postgres.Server, tmp_path: Path
) -> None:
    _, path = few
    before = server.sql("SELECT txid_current_snapshot()", database="few")
    ingest(path, tmp_path / "store", plain=True)
    assert server.sql("SELECT txid_current_snapshot()", database="few") == before
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'few' AND pid <> pg_backend_pid()"
    )
    assert server.sql(others, database="few") == "0"


def test_the_connection_may_be_named_by_an_environment_variable(
    few: tuple[Path, Path], server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "named.yaml"
    path.write_text("postgresql:\n  uri_from: OMOP_TEST_URI\n  schemas: [cdm]\n")
    with pytest.raises(SourceError, match="OMOP_TEST_URI holds the connection, but it is not set"):
        ingest(path, tmp_path / "store")
    monkeypatch.setenv("OMOP_TEST_URI", server.uri("few"))
    assert ingest(path, tmp_path / "store", plain=True).subjects == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": "wrong-canary"}, "password is wrong or missing"),
        ({"user": "nobody_there"}, "refused the user"),
        ({"database": "nowhere"}, "no database of the connection's name"),
        ({"password": "odd@s3cret-canary:part"}, "percent-encoded"),
    ],
)
def test_a_server_that_refuses_is_one_error_that_keeps_the_password(
    few: tuple[Path, Path],
    server: postgres.Server,
    tmp_path: Path,
    change: dict[str, str],
    says: str,
) -> None:
    uri = server.uri(**{"database": "few", **change})
    with pytest.raises(SourceError, match=says) as refused:
        ingest(settings(tmp_path, uri), tmp_path / "store")
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert not (tmp_path / "store").exists()


def test_a_schema_without_tables_is_refused_with_those_that_have_some(
    few: tuple[Path, Path], server: postgres.Server, tmp_path: Path
) -> None:
    path = settings(tmp_path, server.uri("few"), schemas="[omop]")
    with pytest.raises(SourceError, match=r"schemas omop .* A person table is in: cdm"):
        ingest(path, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_table_that_may_not_be_read_is_refused_unless_it_is_left_out(
    few: tuple[Path, Path], server: postgres.Server, tmp_path: Path
) -> None:
    server.sql(
        "CREATE ROLE reader LOGIN PASSWORD 'pw'; GRANT USAGE ON SCHEMA cdm TO reader;"
        "GRANT SELECT ON cdm.person TO reader",
        database="few",
    )
    uri = server.uri("few", user="reader", password="pw")
    try:
        with pytest.raises(SourceError, match="may not read: measurement"):
            ingest(settings(tmp_path, uri), tmp_path / "store")
        path = settings(tmp_path, uri, leave_out="[measurement]")
        assert ingest(path, tmp_path / "store", plain=True).rows_read == 2
    finally:
        server.sql("DROP OWNED BY reader; DROP ROLE reader", database="few")


def test_a_server_that_goes_away_midway_leaves_no_half_made_store(
    few: tuple[Path, Path], server: postgres.Server, tmp_path: Path
) -> None:
    _, path = few

    class Ends:
        def step(self, what: str, done: int, total: int) -> None:
            if done == 1:
                server.stop()

    try:
        with pytest.raises(SourceError, match="PostgreSQL server") as gone:
            ingest(path, tmp_path / "store", progress=Ends())
    finally:
        server.start()
    assert "canary" not in str(gone.value)
    assert not (tmp_path / "store").exists()
    # Once it is back, the same command does all of it.
    assert ingest(path, tmp_path / "store").subjects == 2


def test_a_server_that_goes_away_leaves_the_version_before(
    few: tuple[Path, Path], server: postgres.Server, tmp_path: Path
) -> None:
    _, path = few
    before = ingest(path, tmp_path / "store", plain=True)
    server.sql("DELETE FROM cdm.measurement WHERE measurement_id = 1", database="few")

    class Ends:
        def step(self, what: str, done: int, total: int) -> None:
            if done == 1:
                server.stop()

    try:
        with pytest.raises(SourceError, match="PostgreSQL server"):
            ingest(path, tmp_path / "store", snapshot=True, progress=Ends())
    finally:
        server.start()
    assert Store(tmp_path / "store").manifest().content_hash == before.content_hash
    after = ingest(path, tmp_path / "store", snapshot=True)
    assert (after.version, after.removed) == (2, 1)


@pytest.mark.parametrize("text", ["postgresql:\n", "postgresql:\n  host: x\n"])
def test_settings_that_say_too_little_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "server.yaml"
    path.write_text(text)
    with pytest.raises(SourceError, match=r"server\.yaml"):
        ingest(path, tmp_path / "store")
