"""The US Core examples: every clinical statement in them is an event, or is dropped for a reason that is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from fhirs import events, read, rejects

from lifecourse.records.fhir.statements import counted

if TYPE_CHECKING:
    from pathlib import Path

REFERRED = {"Medication", "Bundle", "Device"}


def test_every_clinical_statement_is_an_event_or_a_counted_reason(shared_data: Path) -> None:
    (archive,) = (shared_data / "us-core").glob("*.tar.gz")
    batches = read(archive)
    found, refused = events(batches), rejects(batches)
    references = {kind: n for b in batches for kind, n in b.reference_rows.items()}
    assert sum(b.rows_read for b in batches) == 236
    assert found["source_row"].n_unique() + len(refused) + sum(references.values()) == 236
    # What gave no event and was not refused says nothing of a person.
    assert set(references) - REFERRED <= set(counted())
    # The examples that are refused say no time at all.
    assert {reason for _, reason in refused} == {"no time"}
    by_type = {what: n for b in batches for what, n in b.counts.items() if " dropped: " in what}
    assert sum(by_type.values()) == len(refused)


def test_social_history_and_screening_answers_are_on_the_timeline(shared_data: Path) -> None:
    found = events(read(shared_data / "us-core"))
    codes = set(found["code"])
    assert {
        "LOINC//72166-2//SNOMED//428041000124106",  # some day smoker
        "SNOMED//401201003",  # pack years
        "LOINC//44250-9//LOINC//LA6570-1",  # PHQ-9, first item
        "LOINC//88122-7//LOINC//LA28397-0",  # hunger vital sign
        "LOINC//68516-4",  # minutes of exercise
    } <= codes
    exercise = found.filter(pl.col("code") == "LOINC//68516-4")
    assert 60.0 in exercise["numeric_value"].to_list()
    answers = found.filter(pl.col("source_id").str.starts_with("QuestionnaireResponse/"))
    assert answers["source_part"].null_count() == 0
    assert answers["source_id"].n_unique() == 7
