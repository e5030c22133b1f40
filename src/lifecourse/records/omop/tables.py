"""The tables of the CDM that hold facts about people, and where in them each part of a fact is."""

from __future__ import annotations

from dataclasses import dataclass

from lifecourse.records.omop.addresses import HISTORY, HISTORY_COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalTable:
    """Column names of one clinical table, in lower case; `systems` are those its source values may be in."""

    name: str
    key: str
    concept: str
    source_value: str
    source_concept: str
    start: str
    end: str | None = None
    systems: tuple[str, ...] = ()
    has_values: bool = False


def _table(
    name: str,
    stem: str,
    *,
    start: str | None = None,
    end: str | None = None,
    systems: tuple[str, ...] = (),
    has_values: bool = False,
) -> ClinicalTable:
    return ClinicalTable(
        name=name,
        key=f"{name}_id",
        concept=f"{stem}_concept_id",
        source_value=f"{stem}_source_value",
        source_concept=f"{stem}_source_concept_id",
        start=start or f"{stem}",
        end=end,
        systems=systems,
        has_values=has_values,
    )


CLINICAL = {
    table.name: table
    for table in (
        _table("visit_occurrence", "visit", start="visit_start", end="visit_end"),
        _table("visit_detail", "visit_detail", start="visit_detail_start", end="visit_detail_end"),
        _table(
            "condition_occurrence",
            "condition",
            start="condition_start",
            end="condition_end",
            systems=("ICD9CM", "ICD10CM", "SNOMED"),
        ),
        _table(
            "drug_exposure",
            "drug",
            start="drug_exposure_start",
            end="drug_exposure_end",
            systems=("NDC",),
        ),
        _table(
            "procedure_occurrence",
            "procedure",
            end="procedure_end",
            systems=("ICD10PCS", "CPT4", "HCPCS", "ICD9Proc", "SNOMED"),
        ),
        _table(
            "device_exposure",
            "device",
            start="device_exposure_start",
            end="device_exposure_end",
            systems=("SNOMED", "HCPCS"),
        ),
        _table("measurement", "measurement", systems=("LOINC", "SNOMED"), has_values=True),
        _table("observation", "observation", systems=("LOINC", "SNOMED"), has_values=True),
        _table("specimen", "specimen", systems=("SNOMED",)),
        _table("episode", "episode", start="episode_start", end="episode_end"),
        _table("note", "note"),
    )
}

DEATH = "death"
LOCATION = "location"
PERSON = "person"
VALUE_COLUMNS = (
    "value_as_number",
    "value_as_string",
    "value_as_concept_id",
    "value_source_value",
    "unit_concept_id",
    "unit_source_value",
    "operator_concept_id",
)
NOTE_COLUMNS = ("note_class_concept_id", "note_type_concept_id", "note_title", "note_text")
PERSON_COLUMNS = (
    "person_id",
    "gender_concept_id",
    "gender_source_value",
    "year_of_birth",
    "month_of_birth",
    "day_of_birth",
    "birth_datetime",
    "race_concept_id",
    "ethnicity_concept_id",
    "person_source_value",
    "location_id",
)
CONCEPT_COLUMNS = ("concept_id", "concept_name", "vocabulary_id", "concept_code")

OTHERS = frozenset(
    {
        "observation_period",
        "condition_era",
        "drug_era",
        "dose_era",
        "cost",
        "payer_plan_period",
        "cohort",
        "cohort_definition",
        "cohort_attribute",
        "attribute_definition",
        "care_site",
        "location",
        "provider",
        "cdm_source",
        "metadata",
        "fact_relationship",
        "note_nlp",
        "episode_event",
        "concept",
        "concept_ancestor",
        "concept_class",
        "concept_relationship",
        "concept_synonym",
        "domain",
        "drug_strength",
        "relationship",
        "source_to_concept_map",
        "vocabulary",
    }
)
"""Tables that say nothing of a person at a time, or are derived from those that do: counted, not read."""


def known(table: str) -> bool:
    """Whether the CDM has a table of that name."""
    return table in CLINICAL or table in OTHERS or table in (PERSON, DEATH, HISTORY)


def columns_of(table: str) -> tuple[str, ...]:
    """The columns that are read of `table`."""
    if table == PERSON:
        return PERSON_COLUMNS
    if table == DEATH:
        return ("person_id", "death_date", "death_datetime")
    if table == HISTORY:
        return HISTORY_COLUMNS
    spec = CLINICAL[table]
    names = ["person_id", spec.key, spec.concept, spec.source_value, spec.source_concept]
    names += [f"{spec.start}_{kind}" for kind in ("date", "datetime")]
    if spec.end:
        names += [f"{spec.end}_{kind}" for kind in ("date", "datetime")]
    if spec.has_values:
        names += VALUE_COLUMNS
    if table == "note":
        names += NOTE_COLUMNS
    return tuple(names)


def required_columns(table: str) -> tuple[str, ...]:
    """The columns without which no row of `table` is an event."""
    if table == PERSON:
        return ("person_id",)
    if table == DEATH:
        return ("person_id", "death_date")
    if table == HISTORY:
        return ("entity_id", "location_id")
    return ("person_id",)
