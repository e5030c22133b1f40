"""OMOP CDM 5.4 as CSV, with the part of the CONCEPT table that it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lifecourse.simulation.fhir import moment, number
from lifecourse.simulation.parameters import address_item

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.simulation.parameters import Parameters

VISITS = {"outpatient": 9202, "inpatient": 9201}
FEMALE, MALE = 8532, 8507
# Ids of concepts from OHDSI Athena where standard tools expect them; the rest are local ids, which start at 2 billion.
UNITS = {
    "mg/dL": 8840,
    "mm[Hg]": 8876,
    "%": 8554,
    "kg/m2": 9531,
    "mg/g": 8723,
    "mL/min/{1.73_m2}": 9117,
    "g/dL": 8713,
    "min": 8550,
    "{drinks}/d": 2_100_000_001,  # Athena has none: a local id
}
FIRST_LOCAL = 2_000_000_001
EHR = 32817
DOMAINS = {
    "measurement": "Measurement",
    "observation": "Observation",
    "condition": "Condition",
    "drug": "Drug",
    "answer": "Observation",
    "note": "Observation",
}


class OmopWriter:
    """Gathers tables; the CSV files are whole once `close` was called."""

    def __init__(self, folder: Path, model: Parameters) -> None:
        self._folder = folder
        self._model = model
        local = sorted(
            name for name, coded in model.codes.items() if coded.table not in ("visit", "address")
        )
        self._ids = {name: FIRST_LOCAL + place for place, name in enumerate(local)}
        self._parts: dict[str, list[pl.DataFrame]] = {}

    def write(self, persons: pl.DataFrame, facts: pl.DataFrame) -> None:
        """Add people and their facts."""
        tables = {name: coded.table for name, coded in self._model.codes.items()}
        told = facts.with_columns(
            table=pl.col("item").replace_strict(tables),
            concept=pl.col("item").replace_strict(
                {**self._ids, **VISITS}, default=None, return_dtype=pl.Int64
            ),
            when=moment("time"),
            until=moment("end"),
        )
        self._add("person", _person(persons))
        self._add("death", _death(persons))
        self._add("observation_period", _period(told))
        parts = {name: told.filter(pl.col("table") == name) for name in set(tables.values())}
        self._add("visit_occurrence", _occurrence(parts["visit"], "visit_occurrence", "visit"))
        self._add(
            "condition_occurrence",
            _occurrence(parts["condition"], "condition_occurrence", "condition"),
        )
        self._add("drug_exposure", _exposure(parts["drug"]))
        self._add("measurement", self._measurement(parts["measurement"]))
        self._add("observation", self._observation(parts["observation"]))
        self._add("note", _note(parts["note"]))
        self._add("location_history", self._moves(parts["address"]))

    def close(self) -> None:
        """Write the files."""
        self._add("concept", self._concepts())
        self._add("location", self._locations())
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, parts in self._parts.items():
            pl.concat(parts).write_csv(self._folder / f"{name}.csv")

    def _add(self, name: str, rows: pl.DataFrame) -> None:
        self._parts.setdefault(name, []).append(rows)

    def _measurement(self, rows: pl.DataFrame) -> pl.DataFrame:
        units = {name: coded.unit for name, coded in self._model.codes.items() if coded.unit}
        unit = pl.col("item").replace_strict(units, return_dtype=pl.String)
        return rows.select(
            measurement_id="id",
            person_id="person",
            measurement_concept_id="concept",
            measurement_date=_day("when"),
            measurement_datetime="when",
            measurement_type_concept_id=EHR,
            value_as_number=number("value"),
            unit_concept_id=unit.replace_strict(UNITS, return_dtype=pl.Int64),
            unit_source_value=unit,
        )

    def _observation(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(
            observation_id="id",
            person_id="person",
            observation_concept_id="concept",
            observation_date=_day("when"),
            observation_datetime="when",
            observation_type_concept_id=EHR,
            value_as_concept_id=pl.col("answer").replace_strict(self._ids, return_dtype=pl.Int64),
        )

    def _moves(self, rows: pl.DataFrame) -> pl.DataFrame:
        counties = self._model.places.counties
        places = {address_item(county.fips): number for number, county in enumerate(counties, 1)}
        return rows.select(
            location_history_id="id",
            location_id=pl.col("item").replace_strict(places, return_dtype=pl.Int64),
            domain_id=pl.lit("Person"),
            entity_id="person",
            start_date=_day("when"),
            end_date=_day("until"),
        )

    def _locations(self) -> pl.DataFrame:
        rows = [
            (number, county.state, county.name, "US")
            for number, county in enumerate(self._model.places.counties, 1)
        ]
        names = ["location_id", "state", "county", "country_source_value"]
        return pl.DataFrame(rows, schema=names, orient="row")

    def _concepts(self) -> pl.DataFrame:
        rows = []
        for name, concept in self._ids.items():
            coded = self._model.codes[name]
            vocabulary, code = coded.code.removeprefix("NOTE//").split("//", 1)
            rows.append((concept, coded.display, DOMAINS[coded.table], vocabulary, "S", code))
        rows += [(concept, unit, "Unit", "UCUM", "S", unit) for unit, concept in UNITS.items()]
        names = ["concept_id", "concept_name", "domain_id", "vocabulary_id"]
        return pl.DataFrame(
            sorted(rows), schema=[*names, "standard_concept", "concept_code"], orient="row"
        )


def _day(column: str) -> pl.Expr:
    return pl.col(column).str.slice(0, 10)


def _person(persons: pl.DataFrame) -> pl.DataFrame:
    birth = pl.col("birth")
    return persons.select(
        person_id="person",
        gender_concept_id=pl.when("female").then(FEMALE).otherwise(MALE),
        year_of_birth=birth.dt.year(),
        month_of_birth=birth.dt.month(),
        day_of_birth=birth.dt.day(),
        race_concept_id=0,
        ethnicity_concept_id=0,
        person_source_value=pl.col("person").cast(pl.String),
    )


def _death(persons: pl.DataFrame) -> pl.DataFrame:
    died = persons.filter(pl.col("death").is_not_null())
    return died.with_columns(when=moment("death")).select(
        person_id="person",
        death_date=_day("when"),
        death_datetime="when",
        death_type_concept_id=EHR,
    )


def _period(facts: pl.DataFrame) -> pl.DataFrame:
    spans = facts.group_by("person", maintain_order=True).agg(
        pl.col("when").min().alias("first"), pl.col("when").max().alias("last")
    )
    return spans.select(
        observation_period_id="person",
        person_id="person",
        observation_period_start_date=_day("first"),
        observation_period_end_date=_day("last"),
        period_type_concept_id=EHR,
    )


def _occurrence(rows: pl.DataFrame, table: str, stem: str) -> pl.DataFrame:
    return rows.select(
        pl.col("id").alias(f"{table}_id"),
        pl.col("person").alias("person_id"),
        pl.col("concept").alias(f"{stem}_concept_id"),
        _day("when").alias(f"{stem}_start_date"),
        pl.col("when").alias(f"{stem}_start_datetime"),
        _day("until").alias(f"{stem}_end_date"),
        pl.col("until").alias(f"{stem}_end_datetime"),
        pl.lit(EHR).alias(f"{stem}_type_concept_id"),
    )


def _note(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        note_id="id",
        person_id="person",
        note_date=_day("when"),
        note_datetime="when",
        note_type_concept_id=EHR,
        note_class_concept_id="concept",
        note_text="text",
    )


def _exposure(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        drug_exposure_id="id",
        person_id="person",
        drug_concept_id="concept",
        drug_exposure_start_date=_day("when"),
        drug_exposure_start_datetime="when",
        drug_exposure_end_date=_day("until"),
        drug_exposure_end_datetime="until",
        drug_type_concept_id=EHR,
    )
