"""One resource to its events: which reader, and what becomes of those that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.records.fhir.condition import read_allergy, read_condition, read_family_history
from lifecourse.records.fhir.encounter import read_encounter
from lifecourse.records.fhir.medication import (
    read_administration,
    read_dispense,
    read_medication,
    read_request,
    read_statement,
)
from lifecourse.records.fhir.observation import read_observation, read_report
from lifecourse.records.fhir.patient import read_patient
from lifecourse.records.fhir.procedure import read_immunization, read_procedure
from lifecourse.records.fhir.rows import RejectedError, Resource, Rows

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: dict[str, Callable[[Resource, Rows], None]] = {
    "Encounter": read_encounter,
    "Condition": read_condition,
    "AllergyIntolerance": read_allergy,
    "FamilyMemberHistory": read_family_history,
    "Observation": read_observation,
    "DiagnosticReport": read_report,
    "MedicationRequest": read_request,
    "MedicationStatement": read_statement,
    "MedicationAdministration": read_administration,
    "MedicationDispense": read_dispense,
    "Procedure": read_procedure,
    "Immunization": read_immunization,
}


UNREAD = ("Claim", "ClaimResponse", "ExplanationOfBenefit", "Provenance", "AuditEvent")
"""What says nothing of health, and may be most of an export: counted without a look inside."""
WITHDRAWN = {"entered in error", "cancelled"}
"""Reasons that also take back what an earlier version of the record said."""


def read_resource(
    body: Any,
    rows: Rows,
    *,
    file: int,
    file_name: str,
    row: int,
    zone: str,
    full_url: str | None = None,
) -> None:
    """Add what `body` says to `rows`; every resource is counted once, as events, reference or reject."""
    rows.rows_read += 1
    kind = body.get("resourceType") if isinstance(body, dict) else None
    if not isinstance(kind, str):
        rows.rejects.append((file_name, row, "not a FHIR resource", None))
        return
    resource = Resource(body, kind, file=file, row=row, zone=zone)
    before = len(rows.events)
    try:
        _dispatch(resource, rows, full_url)
    except RejectedError as rejected:
        del rows.events[before:]
        rows.rejects.append((file_name, row, str(rejected), None))
        if str(rejected) in WITHDRAWN and resource.source_id:
            rows.deletions.append((resource.source_id, _version_of(resource)))
    except (AttributeError, TypeError, KeyError, ValueError, IndexError, OverflowError):
        # The resource is not shaped as FHIR says: an object where a list should be, or the like.
        del rows.events[before:]
        rows.rejects.append((file_name, row, "not shaped as FHIR says", None))


def _version_of(resource: Resource) -> int | None:
    """The version that is withdrawn; None, which withdraws all, where it cannot be told."""
    try:
        return resource.version
    except RejectedError:
        return None


def _dispatch(resource: Resource, rows: Rows, full_url: str | None) -> None:
    if resource.kind == "Patient":
        read_patient(resource, rows, full_url)
    elif resource.kind == "Medication":
        read_medication(resource, rows, full_url)
    elif resource.kind in READERS:
        READERS[resource.kind](resource, rows)
    else:
        rows.refer(resource.kind)
