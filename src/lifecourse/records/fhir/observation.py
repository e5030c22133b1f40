"""Observation and DiagnosticReport: what was found, known when it was issued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.records.fhir.coding import ANY, MEASUREMENTS, coded, named
from lifecourse.records.fhir.rows import RejectedError

if TYPE_CHECKING:
    from lifecourse.records.fhir.rows import Resource, Rows
    from lifecourse.records.fhir.times import Moment

NO_RESULT = {"registered": "registered, no result yet", "cancelled": "cancelled"}
LARGEST = 3.4028234e38
"""What a float32 holds, as which values are stored."""
WORDS = ("valueString", "valueTime", "valueDateTime")


def read_observation(resource: Resource, rows: Rows) -> None:
    """The value of the observation and of each component that has one."""
    status = resource.status
    if status in NO_RESULT:
        raise RejectedError(NO_RESULT[status])
    subject = resource.subject()
    when, happened = _times(resource)
    prefix = "UNCONFIRMED//" if status == "unknown" else ""
    body = resource.body
    parts = [part for part in body.get("component") or () if isinstance(part, dict)]
    told = [p for p in parts if named(p.get("code"), MEASUREMENTS, "component")]
    if has_value(body) or not told:
        _add(resource, rows, subject, when, happened, body, prefix)
    for part in told:
        _add(resource, rows, subject, when, happened, part, prefix)


def read_report(resource: Resource, rows: Rows) -> None:
    """That a report was made; its results are Observations of their own."""
    status = resource.status
    if status in NO_RESULT:
        raise RejectedError(NO_RESULT[status])
    found = named(resource.body.get("code"), MEASUREMENTS, "DiagnosticReport")
    if found is None:
        raise RejectedError("no code")
    when, happened = _times(resource)
    code = f"UNCONFIRMED//{found[0]}" if status == "unknown" else found[0]
    rows.add(resource, resource.subject(), when, code, text=found[1], happened=happened)


def has_value(body: dict[str, Any]) -> bool:
    """Whether an observation or component says something of itself."""
    return any(name.startswith("value") for name in body) or "dataAbsentReason" in body


def _times(resource: Resource) -> tuple[Moment, Moment | None]:
    """When it was known (issued, never before it happened) and when it happened."""
    body = resource.body
    period = body.get("effectivePeriod") or {}
    happened = resource.first_moment(
        body.get("effectiveDateTime"),
        body.get("effectiveInstant"),
        period.get("end"),
        period.get("start"),
    )
    issued = resource.first_moment(body.get("issued"))
    if happened is None and issued is None:
        updated = resource.updated()
        if updated is None:
            raise RejectedError("no time")
        return updated, None
    if issued is None or (happened and happened.start > issued.known):
        assert happened is not None  # noqa: S101 -- one of the two is there
        return happened, None
    return issued, happened


def _add(
    resource: Resource,
    rows: Rows,
    subject: str,
    when: Moment,
    happened: Moment | None,
    body: dict[str, Any],
    prefix: str,
) -> None:
    found = named(body.get("code"), MEASUREMENTS, "Observation")
    if found is None:
        raise RejectedError("no code")
    code, _ = found
    absent = "dataAbsentReason" in body and not any(name.startswith("value") for name in body)
    if absent:
        rows.add(resource, subject, when, f"NOT_DONE//{code}", happened=happened)
        return
    answer = coded(body.get("valueCodeableConcept"), ANY)
    if answer:
        code, text = f"{code}//{answer[0]}", answer[1]
        rows.add(resource, subject, when, prefix + code, text=text, happened=happened)
        return
    value, unit, text = _value(body)
    rows.add(
        resource, subject, when, prefix + code, value=value, unit=unit, text=text, happened=happened
    )


def _value(body: dict[str, Any]) -> tuple[float | None, str | None, str | None]:
    """Number, unit and text of a value[x]."""
    quantity = body.get("valueQuantity")
    if isinstance(quantity, dict):
        return number(quantity.get("value")), unit_of(quantity), quantity.get("comparator")
    if isinstance(body.get("valueBoolean"), bool):
        return float(body["valueBoolean"]), None, None
    if body.get("valueInteger") is not None:
        return number(body["valueInteger"]), None, None
    ratio = body.get("valueRatio")
    if isinstance(ratio, dict):
        return _ratio(ratio)
    concept = body.get("valueCodeableConcept")
    if isinstance(concept, dict):
        return None, None, concept.get("text")
    return None, None, next((str(body[name]) for name in WORDS if body.get(name)), None)


def _ratio(ratio: dict[str, Any]) -> tuple[float | None, str | None, str | None]:
    top, bottom = ratio.get("numerator") or {}, ratio.get("denominator") or {}
    above, below = number(top.get("value")), number(bottom.get("value"))
    text = f"{top.get('value')}:{bottom.get('value')}"
    if above is None or not below:
        return None, None, text
    units = [unit_of(top), unit_of(bottom)]
    unit = "/".join(u for u in units if u) if units[0] else None
    return above / below, unit, text


def number(value: Any) -> float | None:
    """A JSON number; None for anything else.

    Raises
    ------
    RejectedError
        It is text or something else that should have been a number, or no stored value can hold it.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RejectedError("a value that is not a number")
    if abs(value) > LARGEST:
        raise RejectedError("a value beyond any measurement")
    return float(value)


def unit_of(quantity: dict[str, Any]) -> str | None:
    """The UCUM code of a quantity, else its unit as written."""
    unit = quantity.get("code") or quantity.get("unit")
    return str(unit) if unit else None
