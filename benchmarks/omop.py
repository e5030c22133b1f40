"""OMOP CSV made from generated MEDS data: ``python -m benchmarks.omop FOLDER [SIZE]`` writes FOLDER/SIZE.omop.

Ten tables of the CDM 5.4, the same bytes every time: PERSON, DEATH and VISIT_OCCURRENCE, the four tables of events
(CONDITION_OCCURRENCE, DRUG_EXPOSURE, PROCEDURE_OCCURRENCE, MEASUREMENT), CONCEPT with the codes the events use,
and two tables that say nothing of a person at a time (OBSERVATION_PERIOD, CDM_SOURCE). Every event of the MEDS data
is a row of one of them; a visit's start and end are one row.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
from benchmarks.workload import SUBJECTS, generated

VISITS = {"INPATIENT": 9201, "OUTPATIENT": 9202, "EMERGENCY": 9203}
FIRST_CONCEPT = 1_000_000
SEXES = {"GENDER//F": (8532, "F"), "GENDER//M": (8507, "M")}
RACES = {"RACE//1": 8527, "RACE//2": 8516, "RACE//3": 8515, "RACE//4": 8557}
EVENTS = {
    "ICD10CM": ("condition_occurrence", "condition", "condition_start"),
    "RxNorm": ("drug_exposure", "drug", "drug_exposure_start"),
    "CPT4": ("procedure_occurrence", "procedure", "procedure"),
    "LOINC": ("measurement", "measurement", "measurement"),
}
DAY, MOMENT = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"


def omop(folder: Path, size: str) -> Path:
    """The OMOP form of `generated` data of that size, made on first use."""
    out = folder / f"{size}.omop"
    if not (out / "cdm_source.csv").exists():
        out.mkdir(parents=True, exist_ok=True)
        _write(generated(folder, size), out)
    return out


def expected_events(out: Path) -> int:
    """How many events the tables hold: counted in the files, by another way than ingest reads them."""
    rows = {path.stem: _lines(path) - 1 for path in out.glob("*.csv")}
    others = ("concept", "observation_period", "cdm_source", "person")
    facts = sum(count for name, count in rows.items() if name not in others)
    # A person is a birth, a sex and a race; a visit is a start and an end.
    return facts + 3 * rows["person"] + rows["visit_occurrence"]


def rows_in(out: Path) -> int:
    """Rows of all the tables."""
    return sum(_lines(path) - 1 for path in out.glob("*.csv"))


def _lines(path: Path) -> int:
    with path.open("rb") as handle:
        return sum(piece.count(b"\n") for piece in iter(lambda: handle.read(1 << 20), b""))


def _write(source: Path, out: Path) -> None:
    events = pl.read_parquet(sorted(source.glob("data/**/*.parquet"))).sort(
        "subject_id", "time", "code", "numeric_value", "text_value", nulls_last=False
    )
    system = pl.col("code").str.split("//").list.first()
    events = events.with_columns(
        system=system,
        day=pl.col("time").dt.strftime(DAY),
        moment=pl.col("time").dt.strftime(MOMENT),
    )
    concepts = _concepts(events)
    concepts.write_csv(out / "concept.csv")
    _persons(events).write_csv(out / "person.csv")
    _visits(events).write_csv(out / "visit_occurrence.csv")
    deaths = events.filter(pl.col("code") == "MEDS_DEATH")
    deaths.select(
        person_id="subject_id",
        death_date="day",
        death_datetime="moment",
        death_type_concept_id=pl.lit(32817),
    ).write_csv(out / "death.csv")
    ids = concepts.select(
        concept_id="concept_id",
        code=pl.col("vocabulary_id") + "//" + pl.col("concept_code"),
    )
    for vocabulary, (table, stem, start) in EVENTS.items():
        rows = events.filter(pl.col("system") == vocabulary).join(
            ids, on="code", how="left", maintain_order="left"
        )
        _facts(rows, table, stem, start).write_csv(out / f"{table}.csv")
    events.filter(pl.col("time").is_not_null() & (pl.col("code") != "MEDS_BIRTH")).group_by(
        "subject_id", maintain_order=True
    ).agg(start=pl.col("day").first(), end=pl.col("day").last()).select(
        observation_period_id=pl.int_range(1, 1 + pl.len()),
        person_id="subject_id",
        observation_period_start_date="start",
        observation_period_end_date="end",
        period_type_concept_id=pl.lit(32817),
    ).write_csv(out / "observation_period.csv")
    source = {
        "cdm_source_name": "make_meds",
        "cdm_source_abbreviation": "make_meds",
        "cdm_holder": "nobody",
        "source_release_date": "2026-01-01",
        "cdm_release_date": "2026-01-01",
        "cdm_version": "5.4",
        "vocabulary_version": "synthetic",
    }
    pl.DataFrame([source]).write_csv(out / "cdm_source.csv")


def _concepts(events: pl.DataFrame) -> pl.DataFrame:
    codes = events.filter(pl.col("system").is_in(list(EVENTS)))["code"].unique().sort()
    parts = codes.str.split_exact("//", 1).struct
    return pl.DataFrame(
        {
            "concept_id": range(FIRST_CONCEPT, FIRST_CONCEPT + len(codes)),
            "concept_name": "synthetic " + codes,
            "domain_id": ["Observation"] * len(codes),
            "vocabulary_id": parts.field("field_0"),
            "concept_class_id": ["Synthetic"] * len(codes),
            "standard_concept": ["S"] * len(codes),
            "concept_code": parts.field("field_1"),
            "valid_start_date": ["1970-01-01"] * len(codes),
            "valid_end_date": ["2099-12-31"] * len(codes),
            "invalid_reason": pl.Series([None] * len(codes), dtype=pl.String),
        }
    )


def _persons(events: pl.DataFrame) -> pl.DataFrame:
    def of(codes: list[str], name: str) -> pl.DataFrame:
        return events.filter(pl.col("code").is_in(codes)).select(
            "subject_id", pl.col("code").alias(name)
        )

    births = events.filter(pl.col("code") == "MEDS_BIRTH").select("subject_id", "time", "moment")
    rows = births.join(of(list(SEXES), "sex"), on="subject_id").join(
        of(list(RACES), "race"), on="subject_id"
    )
    return rows.sort("subject_id").select(
        person_id="subject_id",
        gender_concept_id=pl.col("sex").replace_strict({c: i for c, (i, _) in SEXES.items()}),
        year_of_birth=pl.col("time").dt.year(),
        month_of_birth=pl.col("time").dt.month(),
        day_of_birth=pl.col("time").dt.day(),
        birth_datetime="moment",
        race_concept_id=pl.col("race").replace_strict(RACES),
        ethnicity_concept_id=pl.lit(0),
        person_source_value="P" + pl.col("subject_id").cast(pl.String),
        gender_source_value=pl.col("sex").replace_strict({c: s for c, (_, s) in SEXES.items()}),
    )


def _visits(events: pl.DataFrame) -> pl.DataFrame:
    """A start with the next end of the same subject and kind: visits do not overlap in this data."""

    def of(what: str) -> pl.DataFrame:
        return (
            events.filter(pl.col("code").str.starts_with(f"VISIT_{what}//"))
            .with_columns(kind=pl.col("code").str.strip_prefix(f"VISIT_{what}//"))
            .with_columns(place=pl.int_range(pl.len()).over("subject_id", "kind"))
        )

    visits = of("START").join(
        of("END").select("subject_id", "kind", "place", end_day="day", end_moment="moment"),
        on=["subject_id", "kind", "place"],
        maintain_order="left",
    )
    return visits.select(
        visit_occurrence_id=pl.int_range(1, 1 + pl.len()),
        person_id="subject_id",
        visit_concept_id=pl.col("kind").replace_strict(VISITS),
        visit_start_date="day",
        visit_start_datetime="moment",
        visit_end_date="end_day",
        visit_end_datetime="end_moment",
        visit_type_concept_id=pl.lit(32817),
        visit_source_value="kind",
        discharged_to_concept_id=pl.lit(0),
    )


def _facts(rows: pl.DataFrame, table: str, stem: str, start: str) -> pl.DataFrame:
    columns = {
        f"{table}_id": pl.int_range(1, 1 + pl.len()),
        "person_id": pl.col("subject_id"),
        f"{stem}_concept_id": pl.col("concept_id"),
        f"{start}_date": pl.col("day"),
        f"{start}_datetime": pl.col("moment"),
        f"{stem}_type_concept_id": pl.lit(32817),
        f"{stem}_source_value": pl.col("code").str.split("//").list.last(),
        f"{stem}_source_concept_id": pl.col("concept_id"),
    }
    if table == "measurement":
        columns |= {
            "value_as_number": pl.col("numeric_value"),
            "value_as_concept_id": pl.lit(0),
            "unit_concept_id": pl.lit(0),
            "unit_source_value": pl.lit(None, pl.String),
            "value_source_value": pl.col("text_value"),
        }
    return rows.select(**columns)


if __name__ == "__main__":
    for size in sys.argv[2:] or ["M"]:
        if size not in SUBJECTS:
            raise SystemExit(f"no size {size}; there are {', '.join(SUBJECTS)}")
        sys.stdout.write(f"{omop(Path(sys.argv[1]), size)}\n")
