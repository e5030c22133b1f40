"""Medication, and what is asked, said, given and handed out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.records.fhir.coding import named, word
from lifecourse.records.fhir.rows import RejectedError
from lifecourse.records.fhir.statements import reference_code
from lifecourse.records.preferences import DRUGS

if TYPE_CHECKING:
    from lifecourse.records.fhir.rows import Resource, Rows
    from lifecourse.records.fhir.times import Moment

DAYS_PER_UNIT = {"d": 1.0, "w": 7.0, "mo": 30.4375, "a": 365.25, "y": 365.25, "h": 1 / 24}
LONGEST_DAYS = 36_525.0
"""A hundred years: a duration beyond it, or below nothing, is a slip and says no end."""
OVER = {"stopped", "completed", "ended"}
ONLY_WANTED = {"proposal", "plan", "option"}


def read_medication(resource: Resource, rows: Rows) -> None:
    """What a reference to this medication stands for; nothing where it was entered in error."""
    _ = resource.status
    found = _substance(resource.body)
    if found is None:
        raise RejectedError("no code")
    if resource.source_id:
        rows.references.append((resource.source_id, *found))
    if resource.full_url and resource.full_url.startswith("urn:"):
        rows.references.append((resource.full_url, *found))
    rows.refer("Medication")


def read_request(resource: Resource, rows: Rows) -> None:
    """A prescription from when it was written.

    One that is over without saying since when cannot be shown to have lasted: it ends a day after it began. One
    that is active and says no end is open.
    """
    status, body = resource.status, resource.body
    prefix = ""
    if status == "cancelled" or body.get("doNotPerform") is True:
        prefix = "NOT_DONE//"
    elif status == "draft" or body.get("intent") in ONLY_WANTED:
        prefix = "PLANNED//"
    dispense = body.get("dispenseRequest") or {}
    validity = dispense.get("validityPeriod") or {}
    when = (
        resource.first_moment(body.get("authoredOn"), validity.get("start")) or resource.updated()
    )
    if when is None:
        raise RejectedError("no time")
    end = _stated_end(resource, when, validity.get("end"), dispense)
    if end is None and status in OVER:
        end = when.known + MICROSECONDS_PER_DAY
    _add(resource, rows, resource.subject(), when, prefix, end=end)


def read_statement(resource: Resource, rows: Rows) -> None:
    """What is said to be taken; known when it was said."""
    status, body = resource.status, resource.body
    prefix = {"not-taken": "NOT_DONE//", "intended": "PLANNED//"}.get(status, "")
    period = body.get("effectivePeriod") or {}
    began = resource.first_moment(body.get("effectiveDateTime"), period.get("start"))
    said = resource.first_moment(body.get("dateAsserted"))
    when = said or began or resource.updated()
    if when is None:
        raise RejectedError("no time")
    stated = resource.first_moment(period.get("end"))
    end = stated.known if stated else when.known if status in OVER else None
    _add(resource, rows, resource.subject(), when, prefix, end=end, happened=began)


def read_administration(resource: Resource, rows: Rows) -> None:
    """A medicine given."""
    status, body = resource.status, resource.body
    period = body.get("effectivePeriod") or {}
    when = resource.first_moment(body.get("effectiveDateTime"), period.get("start"))
    when = when or resource.updated()
    if when is None:
        raise RejectedError("no time")
    stated = resource.first_moment(period.get("end"), body.get("effectiveDateTime"))
    prefix = "NOT_DONE//" if status == "not-done" else ""
    _add(resource, rows, resource.subject(), when, prefix, end=stated.known if stated else None)


def read_dispense(resource: Resource, rows: Rows) -> None:
    """A medicine handed out, for as many days as it was for."""
    status, body = resource.status, resource.body
    prefix = ""
    if status in ("cancelled", "declined"):
        prefix = "NOT_DONE//"
    elif status in ("preparation", "in-progress", "on-hold"):
        prefix = "PLANNED//"
    when = resource.first_moment(body.get("whenHandedOver"), body.get("whenPrepared"))
    when = when or resource.updated()
    if when is None:
        raise RejectedError("no time")
    days = _days(body.get("daysSupply"))
    end = when.known + round(days * MICROSECONDS_PER_DAY) if days else None
    _add(resource, rows, resource.subject(), when, prefix, end=end)


def _add(
    resource: Resource,
    rows: Rows,
    subject: str,
    when: Moment,
    prefix: str,
    *,
    end: int | None,
    happened: Moment | None = None,
) -> None:
    code, text = _medicine(resource)
    rows.add(resource, subject, when, prefix + code, text=text, end=end, happened=happened)


def _medicine(resource: Resource) -> tuple[str, str | None]:
    body = resource.body
    found = named(body.get("medicationCodeableConcept"), DRUGS, "Medication")
    if found:
        return found
    medicine = body.get("medicationReference") or {}
    reference, words = medicine.get("reference"), word(medicine.get("display"))
    if not reference:
        if words:
            return "TEXT//Medication", words
        raise RejectedError("no code")
    if str(reference).startswith("#"):
        found = _contained(resource, str(reference)[1:])
        if found is None and words:
            return "TEXT//Medication", words
        if found is None:
            raise RejectedError("reference to a medication that is not in the source")
        return found
    return reference_code(str(reference)), None


def _contained(resource: Resource, name: str) -> tuple[str, str | None] | None:
    for inner in resource.body.get("contained") or ():
        if isinstance(inner, dict) and inner.get("id") == name:
            found = _substance(inner)
            if found:
                return found
    return None


def _substance(medication: dict[str, Any]) -> tuple[str, str | None] | None:
    """What a medication is, by its code, else by its first ingredient that has one."""
    found = named(medication.get("code"), DRUGS, "Medication")
    parts = (i.get("itemCodeableConcept") for i in medication.get("ingredient") or ())
    told = (named(part, DRUGS, "Medication") for part in parts)
    return found or next((one for one in told if one), None)


def _stated_end(
    resource: Resource, when: Moment, validity_end: Any, dispense: dict[str, Any]
) -> int | None:
    bounds = _bounds(resource.body)
    stated = resource.first_moment(validity_end, (bounds.get("boundsPeriod") or {}).get("end"))
    if stated:
        return stated.known
    days = _days(bounds.get("boundsDuration"))
    supply = _days(dispense.get("expectedSupplyDuration"))
    if days is None and supply is not None:
        times = 1 + int(dispense.get("numberOfRepeatsAllowed") or 0)
        days = min(supply * max(times, 1), LONGEST_DAYS)
    return when.known + round(days * MICROSECONDS_PER_DAY) if days is not None else None


def _bounds(body: dict[str, Any]) -> dict[str, Any]:
    for dosage in body.get("dosageInstruction") or ():
        repeat = ((dosage.get("timing") or {}).get("repeat")) or {}
        if repeat:
            return dict(repeat)
    return {}


def _days(duration: Any) -> float | None:
    if not isinstance(duration, dict) or not isinstance(duration.get("value"), int | float):
        return None
    unit = str(duration.get("code") or duration.get("unit") or "d").lower()
    per = DAYS_PER_UNIT.get(unit[:2]) or DAYS_PER_UNIT.get(unit[:1])
    days = float(duration["value"]) * per if per else 0.0
    return days if 0 < days <= LONGEST_DAYS else None
