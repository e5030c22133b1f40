"""Observation and DiagnosticReport: what was found, known when it was issued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.records.fhir.coding import named
from lifecourse.records.fhir.genomics import gene_of
from lifecourse.records.fhir.rows import RejectedError
from lifecourse.records.fhir.series import add_days
from lifecourse.records.fhir.values import VALUES, answer_of, quantity_of, value_of
from lifecourse.records.preferences import MEASUREMENTS

if TYPE_CHECKING:
    from lifecourse.records.fhir.rows import Resource, Rows
    from lifecourse.records.fhir.times import Moment

NO_RESULT = {"registered": "registered, no result yet", "cancelled": "cancelled"}


def read_observation(resource: Resource, rows: Rows) -> None:
    """The value of the observation and of each component that has one."""
    status = resource.status
    if status in NO_RESULT:
        raise RejectedError(NO_RESULT[status])
    subject = resource.subject()
    when, happened = _times(resource)
    prefix = "UNCONFIRMED//" if status == "unknown" else ""
    body = resource.body
    components = body.get("component")
    if not components:
        quantity = body.get("valueQuantity")
        if type(quantity) is dict and not prefix:
            _add_quantity(resource, rows, subject, when, happened, quantity)
            return
        _add(resource, rows, subject, when, happened, body, prefix)
        return
    told = [
        (place, part)
        for place, part in enumerate(components)
        if isinstance(part, dict) and named(part.get("code"), MEASUREMENTS, "component")
    ]
    # A gene names what the others of its components say: "*1/*2" alone is of no use.
    about = gene_of(part for _, part in told)
    if has_value(body) or not told:
        _add(resource, rows, subject, when, happened, body, prefix, about=about)
    for place, part in told:
        where = f"component[{place}]"
        _add(resource, rows, subject, when, happened, part, prefix, where=where, about=about)


def read_report(resource: Resource, rows: Rows) -> None:
    """That a report was made, with what it concludes; its results are Observations of their own."""
    status = resource.status
    if status in NO_RESULT:
        raise RejectedError(NO_RESULT[status])
    body = resource.body
    found = named(body.get("code"), MEASUREMENTS, "DiagnosticReport")
    if found is None:
        raise RejectedError("no code")
    when, happened = _times(resource)
    subject = resource.subject()
    prefix = "UNCONFIRMED//" if status == "unknown" else ""
    code = f"{prefix}{found[0]}"
    rows.add(resource, subject, when, code, text=found[1], happened=happened)
    conclusion = body.get("conclusion")
    if isinstance(conclusion, str) and conclusion:
        rows.add(
            resource, subject, when, f"NOTE//{code}", text=conclusion, happened=happened,
            part="conclusion",
        )  # fmt: skip
    for place, concept in enumerate(body.get("conclusionCode") or ()):
        concluded = named(concept, MEASUREMENTS, "DiagnosticReport")
        if concluded:
            where = f"conclusionCode[{place}]"
            said = f"{code}//{concluded[0]}"
            rows.add(
                resource, subject, when, said, text=concluded[1], happened=happened, part=where
            )


def has_value(body: dict[str, Any]) -> bool:
    """Whether an observation or component says something of itself."""
    return not VALUES.isdisjoint(body) or "dataAbsentReason" in body


def _times(resource: Resource) -> tuple[Moment, Moment | None]:
    """When it was known (issued, never before it happened) and when it happened."""
    body = resource.body
    effective, issued_text = body.get("effectiveDateTime"), body.get("issued")
    if effective and effective == issued_text:
        return resource.moment(effective), None
    happened = resource.moment(effective) if effective else _happened(resource)
    issued = resource.moment(issued_text) if issued_text else None
    if happened is None and issued is None:
        updated = resource.updated()
        if updated is None:
            raise RejectedError("no time")
        return updated, None
    if issued is None or (happened and happened.start > issued.known):
        assert happened is not None  # noqa: S101 -- one of the two is there
        return happened, None
    return issued, happened


def _happened(resource: Resource) -> Moment | None:
    body = resource.body
    period = body.get("effectivePeriod") or {}
    timing = (body.get("effectiveTiming") or {}).get("event") or ()
    return resource.first_moment(
        body.get("effectiveInstant"), period.get("end"), period.get("start"), *reversed(timing)
    )


def _add_quantity(
    resource: Resource,
    rows: Rows,
    subject: str,
    when: Moment,
    happened: Moment | None,
    quantity: dict[str, Any],
) -> None:
    """As `_add`, of the commonest observation: one number with a unit."""
    found = named(resource.body.get("code"), MEASUREMENTS, "Observation")
    if found is None:
        raise RejectedError("no code")
    value, unit, text = quantity_of(quantity)
    if value is None and text is None and found[0].startswith("TEXT//"):
        text = found[1]
    known, since = when.known, happened or when
    onset = since.start if since.start != known else None
    rows.events.append(
        (
            subject, known, found[0], value, text, unit, None, onset, since.precision,
            resource.source_id, resource.version, resource.place.file, resource.row, resource.part,
        )
    )  # fmt: skip


def _add(
    resource: Resource,
    rows: Rows,
    subject: str,
    when: Moment,
    happened: Moment | None,
    body: dict[str, Any],
    prefix: str,
    *,
    where: str | None = None,
    about: str | None = None,
) -> None:
    found = named(body.get("code"), MEASUREMENTS, "Observation")
    if found is None:
        raise RejectedError("no code")
    code = found[0]
    concept = body.get("valueCodeableConcept")
    if concept is not None:
        answer, text = answer_of(concept)
        value, unit, end = None, None, None
        if answer:
            code = f"{code}//{answer}"
    elif "dataAbsentReason" in body and VALUES.isdisjoint(body):
        rows.add(resource, subject, when, f"NOT_DONE//{code}", happened=happened, part=where)
        return
    else:
        if "valueSampledData" in body and not prefix:
            part = f"{where}.valueSampledData" if where else "valueSampledData"
            add_days(resource, rows, subject, code, body["valueSampledData"], part)
        value, unit, text, ended = value_of(body, resource)
        end = ended.known if ended else None
        if text is None and value is None and found[0].startswith("TEXT//"):
            # What was observed is in words alone; without them the event would say nothing.
            text = found[1]
    if about and text and about != text:
        text = f"{about} {text}"
    rows.add(
        resource, subject, when, prefix + code, value=value, unit=unit, text=text, end=end,
        happened=happened, part=where,
    )  # fmt: skip
