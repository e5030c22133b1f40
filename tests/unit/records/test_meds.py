"""MEDS folders and the older single file: rows stand as they are, and say where they are from."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from lifecourse.base.errors import SourceError
from lifecourse.records.meds import MedsSource
from lifecourse.records.registry import detect, open_source
from lifecourse.records.source import Batch


def batches(path: Path) -> list[Batch]:
    source = MedsSource(path)
    return [batch for unit in source.units() for batch in source.read(unit)]


def events(path: Path) -> pl.DataFrame:
    return pl.concat([b.events for b in batches(path) if b.events is not None])


def test_values_keep_their_column_under_both_of_its_names(tmp_path: Path) -> None:
    rows = {"subject_id": [1], "time": [datetime(2020, 1, 1)], "code": ["LAB//50912//mg/dL"]}
    for name in ("value", "numeric_value"):
        folder = tmp_path / name / "data"
        folder.mkdir(parents=True)
        pl.DataFrame({**rows, name: [1.5], "table": ["x"]}).write_parquet(folder / "0.parquet")
        found = events(tmp_path / name)
        assert found["numeric_value"].to_list() == [1.5]
        assert found["code"].to_list() == ["LAB//50912//mg/dL"]
        assert found["source_row"].to_list() == [1]
        assert "table" not in found.columns


def test_rows_without_subject_or_code_are_rejected(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"subject_id": [1, None, 1], "time": [None, None, None], "code": ["A", "B", None]},
        schema_overrides={"time": pl.Datetime("us")},
    )
    table.write_parquet(tmp_path / "x.parquet")
    rejects = pl.concat([b.rejects for b in batches(tmp_path) if b.rejects is not None])
    assert rejects.select("row", "reason").rows() == [(2, "no subject"), (3, "no code")]
    assert events(tmp_path)["source_row"].to_list() == [1]


def test_aware_times_come_out_in_utc(tmp_path: Path) -> None:
    time = pl.Series([datetime(2020, 1, 1, 12)]).dt.replace_time_zone("America/New_York")
    pl.DataFrame({"subject_id": [1], "time": time, "code": ["A"]}).write_parquet(
        tmp_path / "x.parquet"
    )
    assert events(tmp_path)["time"].to_list() == [datetime(2020, 1, 1, 17)]


def test_mimic_has_its_people_admissions_and_deaths(shared_data: Path) -> None:
    found = events(shared_data / "mimic-iv-demo-meds")
    assert found.height == 916_166
    assert found["subject_id"].n_unique() == 100
    code = pl.col("code")
    assert found.filter(code.str.starts_with("HOSPITAL_ADMISSION")).height == 275
    assert found.filter(code == "MEDS_DEATH").height == 31


def test_a_folder_of_nothing_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is empty\. Looked for: FHIR"):
        detect(tmp_path)
    with pytest.raises(SourceError, match="nothing at"):
        open_source(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Person.ndjson", "fhir"),
        ("PERSON.CSV.gz", "omop"),
        ("person/part-0.parquet", "omop"),
        ("cdm.duckdb", "omop"),
        ("data/train/0.parquet", "meds"),
        ("events.parquet", "meds"),
    ],
)
def test_the_kind_is_told_by_what_lies_there(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    assert detect(tmp_path) == kind
