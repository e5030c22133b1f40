"""One resource to its events: which reader, and what becomes of those that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.records.fhir.around import NO_TIME as NO_TIME
from lifecourse.records.fhir.around import Around
from lifecourse.records.fhir.condition import read_allergy, read_condition, read_family_history
from lifecourse.records.fhir.encounter import read_encounter
from lifecourse.records.fhir.medication import (
    read_administration,
    read_dispense,
    read_medication,
    read_request,
    read_statement,
)
from lifecourse.records.fhir.notes import read_composition, read_document
from lifecourse.records.fhir.observation import read_observation, read_report
from lifecourse.records.fhir.patient import read_patient
from lifecourse.records.fhir.procedure import read_immunization, read_procedure
from lifecourse.records.fhir.questionnaire import read_response
from lifecourse.records.fhir.rows import Place, RejectedError, Resource, Rows
from lifecourse.records.fhir.statements import known_types, read_statement_of, statements

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: dict[str, Callable[[Resource, Rows], None]] = {
    "Patient": read_patient,
    "Medication": read_medication,
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
    "QuestionnaireResponse": read_response,
    "DocumentReference": read_document,
    "Composition": read_composition,
    **dict.fromkeys(statements(), read_statement_of),
}

WITHDRAWN = {"entered in error", "cancelled"}
"""Reasons that also take back what an earlier version of the record said."""
OUTSIDE = ("Patient", "Medication", "Device", "Encounter")
"""Contained resources of these types only say what others refer to."""
TIMES = (
    "issued",
    "authoredOn",
    "recordedDate",
    "created",
    "date",
    "effectiveDateTime",
    "occurrenceDateTime",
)
"""Where a resource says when it was known: what is contained in it was known then."""
NOT_A_RESOURCE = "not a FHIR resource"
NOT_R4 = "a resource type that FHIR R4 does not have"
MISSHAPEN = "not shaped as FHIR says"
SHAPE_ERRORS = (
    AttributeError,
    TypeError,
    KeyError,
    ValueError,
    IndexError,
    OverflowError,
    RecursionError,
)


def read_resource(
    body: Any,
    rows: Rows,
    row: int,
    place: Place,
    full_url: str | None = None,
    around: Around | None = None,
) -> None:
    """Add what `body` says to `rows`; every resource is counted once, as events, reference or reject.

    `around` says times for a resource that says none.
    """
    rows.rows_read += 1
    kind = body.get("resourceType") if type(body) is dict else None
    if type(kind) is not str:
        rows.rejects.append((place.name, row, NOT_A_RESOURCE, None))
        return
    reader = READERS.get(kind)
    if reader is None:
        if kind in known_types():
            rows.refer(kind)
        else:
            rows.rejects.append((place.name, row, NOT_R4, None))
        return
    resource = Resource(body, kind, row, place)
    if full_url is not None:
        resource.full_url = full_url
    if around is not None:
        resource.around = around
    before = len(rows.events)
    try:
        reader(resource, rows)
        if "contained" in body:
            _read_contained(resource, rows)
    except RejectedError as rejected:
        _reject(resource, rows, before, str(rejected))
    except SHAPE_ERRORS:
        # The resource is not shaped as FHIR says: an object where a list should be, or the like.
        _reject(resource, rows, before, MISSHAPEN)


def _reject(resource: Resource, rows: Rows, before: int, reason: str) -> None:
    del rows.events[before:]
    rows.rejects.append((resource.place.name, resource.row, reason, None))
    rows.count(f"{resource.kind} dropped: {reason}")
    if reason in WITHDRAWN and resource.source_id:
        rows.deletions.append((resource.source_id, _version_of(resource)))


def _version_of(resource: Resource) -> int | None:
    """The version that is withdrawn; None, which withdraws all, where it cannot be told."""
    try:
        return resource.version
    except (RejectedError, *SHAPE_ERRORS):
        return None


def _read_contained(resource: Resource, rows: Rows) -> None:
    """What is contained in another resource is a fact too, with that one's id, version and, where unsaid, subject."""
    contained = resource.body["contained"]
    for place, inner in enumerate(contained if isinstance(contained, list) else ()):
        kind = inner.get("resourceType") if isinstance(inner, dict) else None
        reader = READERS.get(kind) if isinstance(kind, str) and kind not in OUTSIDE else None
        if reader is None or not isinstance(kind, str):
            continue
        owner = "patient" if "patient" in resource.body else "subject"
        whose = {key: inner.get(key) or resource.body.get(owner) for key in ("subject", "patient")}
        part = Resource({**inner, **whose}, kind, resource.row, resource.place)
        part.within(resource, f"contained[{place}]")
        told = (resource.body.get(name) for name in TIMES)
        known = tuple(time for time in told if isinstance(time, str))
        part.around = Around(known=known + resource.otherwise, reports={})
        before = len(rows.events)
        try:
            reader(part, rows)
        except (RejectedError, *SHAPE_ERRORS) as broken:
            del rows.events[before:]
            reason = str(broken) if isinstance(broken, RejectedError) else MISSHAPEN
            rows.count(f"contained {kind} dropped: {reason}")
