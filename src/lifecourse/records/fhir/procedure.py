"""Procedure and Immunization: what was done, and what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.fhir.coding import named
from lifecourse.records.fhir.rows import RejectedError
from lifecourse.records.preferences import PROCEDURES, VACCINES

if TYPE_CHECKING:
    from lifecourse.records.fhir.rows import Resource, Rows


def read_procedure(resource: Resource, rows: Rows) -> None:
    """A procedure, known when it ended."""
    status, body = resource.status, resource.body
    prefix = {"not-done": "NOT_DONE//", "preparation": "PLANNED//"}.get(status, "")
    found = named(body.get("code"), PROCEDURES, "Procedure")
    if found is None:
        raise RejectedError("no code")
    period = body.get("performedPeriod") or {}
    began = resource.first_moment(body.get("performedDateTime"), period.get("start"))
    ended = resource.first_moment(body.get("performedDateTime"), period.get("end"))
    when = ended or began or resource.updated()
    if when is None:
        raise RejectedError("no time")
    rows.add(resource, resource.subject(), when, prefix + found[0], text=found[1], happened=began)


def read_immunization(resource: Resource, rows: Rows) -> None:
    """A vaccine given or not given, known when it was recorded where that came later."""
    status, body = resource.status, resource.body
    prefix = "NOT_DONE//" if status == "not-done" else ""
    found = named(body.get("vaccineCode"), VACCINES, "Immunization")
    if found is None:
        raise RejectedError("no code")
    given = resource.first_moment(body.get("occurrenceDateTime"))
    recorded = resource.first_moment(body.get("recorded"))
    when = given or recorded or resource.updated()
    if when is None:
        raise RejectedError("no time")
    if recorded and recorded.known > when.known:
        when = recorded
    subject = resource.subject("patient")
    rows.add(resource, subject, when, prefix + found[0], text=found[1], happened=given)
