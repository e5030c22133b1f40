"""Sources written by tests: MEDS folders and OMOP folders of a few people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from pathlib import Path


def meds_events(subjects: int, *, seed: int = 0, events_each: int = 20) -> pl.DataFrame:
    """Random MEDS events of `subjects` people, each with a birth and a sex."""
    random = np.random.default_rng(seed)
    rows: list[tuple[int, datetime | None, str, float | None]] = []
    for subject in range(1, subjects + 1):
        born = datetime(1950, 1, 1) + timedelta(days=int(random.integers(0, 15_000)))
        rows.append((subject, None, f"SEX//{random.choice(['female', 'male'])}", None))
        rows.append((subject, born, "MEDS_BIRTH", None))
        for _ in range(events_each):
            time = born + timedelta(days=int(random.integers(7_000, 20_000)))
            code = random.choice(["LOINC//4548-4", "ICD10CM//E11.9", "LOINC//2160-0"])
            value = float(np.float32(random.normal(6, 1))) if code.startswith("LOINC") else None
            rows.append((subject, time, str(code), value))
    return pl.DataFrame(
        rows,
        schema={
            "subject_id": pl.Int64,
            "time": pl.Datetime("us"),
            "code": pl.String,
            "numeric_value": pl.Float32,
        },
        orient="row",
    )


def write_meds(folder: Path, events: pl.DataFrame, *, files: int = 3) -> Path:
    """`events` as a MEDS folder of `files` shards."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        part = events.filter(pl.col("subject_id") % files == number)
        part.write_parquet(data / f"{number}.parquet")
    return folder


PERSON = "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,person_source_value"
MEASUREMENT = (
    "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,"
    "value_as_number,unit_source_value,measurement_source_value"
)


def write_omop(
    folder: Path, persons: dict[int, int], measurements: dict[int, tuple[int, str, float]]
) -> Path:
    """An OMOP folder: `persons` to birth year, measurement id to (person, date, HbA1c in %)."""
    folder.mkdir(parents=True, exist_ok=True)
    people = [f"{person},8532,{year},1,1,P{person}" for person, year in persons.items()]
    values = [
        f"{number},{person},0,{date},{date} 10:00:00,{value},%,4548-4"
        for number, (person, date, value) in measurements.items()
    ]
    (folder / "person.csv").write_text("\n".join([PERSON, *people]) + "\n")
    (folder / "measurement.csv").write_text("\n".join([MEASUREMENT, *values]) + "\n")
    return folder
