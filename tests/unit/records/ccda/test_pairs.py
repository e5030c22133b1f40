"""C-CDA documents beside the FHIR that a public converter makes of them: the same person, dates, codes and values.

Both are read by our own sources, and their events compared as multisets of code, moment (when it was so, else when it
was known), number and unit. What differs stands in ``differences.csv``, a line for each event with the reason; the test
fails where an event differs that is not there, and where a line of it is no longer needed.

The converter's resources often say no time and nobody whom they are about; they are given those of the document, so that
the FHIR source can read them at all. Texts of notes are not compared: the converter has only the titles of sections.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lifecourse.records.registry import open_source
from lifecourse.timeline.resources import events_of_resources
from lifecourse.vocab import normalise

TABLE = Path(__file__).with_name("differences.csv")
DOCUMENTS = (
    "170.314B2_Amb_CCD",
    "C-CDA_R2-1_CCD.xml",
    "Diagnostic_Imaging_Report",
    "Discharge_Summary",
    "History_and_Physical",
    "Progress_Note",
    "Referral_Note",
    "Transfer_Summary",
    "Unstructured_Document_embed",
    "sample",
)
WHOSE = {"Coverage": "beneficiary", "Device": "patient"}
OF_THE_DOCUMENT = ("Composition", "DocumentReference", "Device", "Coverage", "Encounter")

Event = tuple[str, str, str, str]


def _folder(shared_data: Path) -> Path:
    return shared_data / "hl7v2-ccda" / "ccda"


def _event(row: dict[str, Any]) -> Event:
    when = row["onset_time"] or row["time"]
    number = row["numeric_value"]
    return (
        row["code"],
        when.isoformat() if when else "",
        "" if number is None else f"{number:.6g}",
        row["unit"] or "",
    )


def _read(path: Path) -> tuple[Counter[Event], set[tuple[Any, Any]]]:
    source = open_source(path, kind="ccda")
    batches = [batch for unit in source.units() for batch in source.read(unit)]
    events, _ = normalise(pl.concat([b.events for b in batches if b.events is not None]))
    told = {
        (row["value"] or row["system"].removeprefix("urn:oid:"), row["name"])
        for batch in batches
        if batch.identities is not None
        for row in batch.identities.iter_rows(named=True)
    }
    return Counter(_event(row) for row in events.iter_rows(named=True)), told


def _resources(path: Path) -> list[dict[str, Any]]:
    resources = [entry["resource"] for entry in json.loads(path.read_text())["entry"]]
    date = next(r["date"] for r in resources if r["resourceType"] == "Composition")
    patient = next(r["id"] for r in resources if r["resourceType"] == "Patient")
    for resource in resources:
        resource.setdefault("meta", {}).setdefault("lastUpdated", date)
        if resource["resourceType"] in OF_THE_DOCUMENT:
            name = WHOSE.get(resource["resourceType"], "subject")
            resource.setdefault(name, {"reference": f"Patient/{patient}"})
    return resources


def _expected(path: Path) -> Counter[Event]:
    events = events_of_resources(_resources(path))
    return Counter(_event(row) for row in events.iter_rows(named=True))


def _differences(shared_data: Path, name: str) -> Counter[tuple[str, ...]]:
    ours, _ = _read(_folder(shared_data) / f"{name}.ccda")
    theirs = _expected(_folder(shared_data) / f"{name}-expected.json")
    return Counter(
        [
            *(("ours", *event) for event in (ours - theirs).elements()),
            *(("expected", *event) for event in (theirs - ours).elements()),
        ]
    )


def _table(name: str) -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["document"] == name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_events_are_those_of_the_expected_fhir_but_for_what_the_table_explains(
    name: str, shared_data: Path
) -> None:
    explained: Counter[tuple[str, ...]] = Counter(
        (row["side"], row["code"], row["when"], row["value"], row["unit"]) for row in _table(name)
    )
    found = _differences(shared_data, name)
    assert found - explained == Counter(), "differences that the table does not explain"
    assert explained - found == Counter(), "lines of the table that are no longer needed"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_person_is_who_the_expected_patient_is(name: str, shared_data: Path) -> None:
    _, told = _read(_folder(shared_data) / f"{name}.ccda")
    resources = _resources(_folder(shared_data) / f"{name}-expected.json")
    patient = next(r for r in resources if r["resourceType"] == "Patient")
    ids = {str(one["value"]).removeprefix("urn:uuid:") for one in patient["identifier"]}
    usual = patient["name"][0]
    assert {value for value, _ in told} == ids
    assert {name for _, name in told} == {" ".join([*usual["given"], usual["family"]])}


def test_every_line_of_the_table_has_a_reason_and_a_document() -> None:
    with TABLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert rows
    assert all(row["reason"].strip() and row["document"] in DOCUMENTS for row in rows)


def test_every_document_with_expected_fhir_is_compared(shared_data: Path) -> None:
    folder = _folder(shared_data)
    stems = {p.name.removesuffix("-expected.json") for p in folder.glob("*-expected.json")}
    documents = {p.name.removesuffix(".ccda") for p in folder.glob("*.ccda")}
    assert stems & documents == set(DOCUMENTS)
    # Of these two the counterpart is not there: they are about other people, on other days.
    assert stems ^ documents <= {"CCD", "CCD-Parent-Document-Replace-C-CDAR2.1"}
