"""FHIR written by tests: resources as dicts, in files, read as events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.records.fhir import FhirSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lifecourse.records.source import Batch

SUBJECT = {"reference": "Patient/p1"}
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1960-05-01"}
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"


def concept(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    """A CodeableConcept of one coding."""
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def status(code: str) -> dict[str, Any]:
    """A status that FHIR gives as a CodeableConcept."""
    return {"coding": [{"code": code}]}


def condition(number: str = "c1", **fields: Any) -> dict[str, Any]:
    """A condition recorded on 2 March 2020 at 10:00 UTC, but for `fields`."""
    return {
        "resourceType": "Condition",
        "id": number,
        "subject": SUBJECT,
        "code": concept(SNOMED, "44054006"),
        "recordedDate": "2020-03-02T10:00:00Z",
        **fields,
    }


def bundle(*entries: dict[str, Any], kind: str = "collection") -> dict[str, Any]:
    """A Bundle of `entries`."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def write_ndjson(path: Path, resources: Sequence[Any]) -> Path:
    """One resource a line; a string is a line as it is."""
    lines = [r if isinstance(r, str) else json.dumps(r) for r in resources]
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path: Path, *, timezone: str = "UTC") -> list[Batch]:
    """All batches of `path`."""
    source = FhirSource(path, timezone=timezone)
    return [batch for unit in source.units() for batch in source.read(unit)]


def events(batches: Sequence[Batch]) -> pl.DataFrame:
    """The events of `batches`."""
    return pl.concat([b.events for b in batches if b.events is not None])


def rejects(batches: Sequence[Batch]) -> list[tuple[int, str]]:
    """Row and reason of each reject."""
    table = pl.concat([b.rejects for b in batches if b.rejects is not None])
    return [(row, reason) for row, reason in table.select("row", "reason").rows()]


CLAIM = {
    "resourceType": "Claim",
    "id": "k1",
    "contained": [{"resourceType": "Coverage", "id": "c"}],
    "item": [{"sequence": 1, "text": 'a bracket } and a "quote" and\nlines\n            }'}],
    "total": {"value": 12.5},
}


def entry(resource: dict[str, Any], **beside: Any) -> dict[str, Any]:
    """An entry of a Bundle, with what it says beside its resource."""
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource, **beside}


def report(*results: str) -> dict[str, Any]:
    """A report with results by id."""
    return {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "final",
        "subject": SUBJECT,
        "code": concept(LOINC, "24331-1"),
        "issued": "2020-03-05T09:30:00Z",
        "result": [{"reference": f"urn:uuid:{name}"} for name in results],
    }


def timeless(number: str) -> dict[str, Any]:
    """An observation that says no time."""
    return {
        "resourceType": "Observation",
        "id": number,
        "status": "final",
        "subject": SUBJECT,
        "code": concept(LOINC, "2093-3"),
        "valueQuantity": {"value": 180, "code": "mg/dL"},
    }
