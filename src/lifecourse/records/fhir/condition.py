"""Condition, AllergyIntolerance and FamilyMemberHistory: what is said of health, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.fhir.coding import first_code, named
from lifecourse.records.fhir.rows import RejectedError
from lifecourse.records.preferences import CONDITIONS, DRUGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecourse.records.fhir.rows import Resource, Rows

NOT_SURE = {"unconfirmed", "provisional", "differential"}
OVER = {"resolved", "inactive", "remission"}


def read_condition(resource: Resource, rows: Rows) -> None:
    """A condition, known when it was recorded; its onset and end beside it."""
    _read(resource, rows, resource.subject(), "", CONDITIONS)


def read_allergy(resource: Resource, rows: Rows) -> None:
    """An allergy or intolerance, never the substance taken."""
    _read(resource, rows, resource.subject("patient"), "ALLERGY//", (*DRUGS, "SNOMED"))


def _read(
    resource: Resource, rows: Rows, subject: str, kind: str, preferred: Sequence[str]
) -> None:
    body = resource.body
    sureness = first_code(body.get("verificationStatus")) or "confirmed"
    if sureness == "entered-in-error":
        raise RejectedError("entered in error")
    found = named(body.get("code"), preferred, resource.kind)
    if found is None and kind:
        reactions = [s for r in body.get("reaction") or () if (s := r.get("substance"))]
        found = named(reactions[0], preferred, resource.kind) if reactions else None
    if found is None:
        raise RejectedError("no code")
    period = body.get("onsetPeriod") or {}
    onset = resource.first_moment(
        body.get("onsetDateTime"), period.get("start"), body.get("lastOccurrence")
    )
    recorded = resource.first_moment(body.get("recordedDate"))
    when = recorded or onset or resource.updated()
    if when is None:
        raise RejectedError("no time")
    status = (
        "REFUTED//" if sureness == "refuted" else "UNCONFIRMED//" if sureness in NOT_SURE else ""
    )
    rows.add(
        resource,
        subject,
        when,
        f"{status}{kind}{found[0]}",
        text=found[1],
        end=_end(resource, when.known),
        happened=onset,
    )


def _end(resource: Resource, known: int) -> int | None:
    """When it was over; where only that it is over is told, when that was last updated, else when recorded."""
    body = resource.body
    period = body.get("abatementPeriod") or {}
    stated = resource.first_moment(body.get("abatementDateTime"), period.get("end"))
    if stated:
        return stated.known
    is_over = first_code(body.get("clinicalStatus")) in OVER or body.get("abatementBoolean") is True
    if not is_over and not body.get("abatementString") and not body.get("abatementAge"):
        return None
    updated = resource.updated()
    return max(known, updated.known) if updated else known


def read_family_history(resource: Resource, rows: Rows) -> None:
    """A relative's conditions, never the subject's own."""
    _ = resource.status
    body = resource.body
    subject = resource.subject("patient")
    when = resource.first_moment(body.get("date")) or resource.updated()
    if when is None:
        raise RejectedError("no time")
    conditions = [
        named(c.get("code"), CONDITIONS, "Condition") for c in body.get("condition") or ()
    ]
    told = [condition for condition in conditions if condition]
    if not told:
        raise RejectedError("no code")
    relative = (body.get("relationship") or {}).get("text") or first_code(body.get("relationship"))
    for code, display in told:
        said = f"{relative}: {display}" if relative and display else display or relative
        rows.add(resource, subject, when, f"FAMILY_HISTORY//{code}", text=said)
