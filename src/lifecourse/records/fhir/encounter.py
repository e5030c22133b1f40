"""Encounter: a visit from its start to its end, by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.fhir.rows import RejectedError

if TYPE_CHECKING:
    from lifecourse.records.fhir.rows import Resource, Rows

CLASSES = {
    "IMP": "inpatient", "ACUTE": "inpatient", "NONAC": "inpatient", "AMB": "outpatient",
    "EMER": "emergency", "VR": "virtual", "HH": "home", "FLD": "other", "OBSENC": "other",
    "PRENC": "other", "SS": "outpatient",
}  # fmt: skip


def read_encounter(resource: Resource, rows: Rows) -> None:
    """A visit and its end; one that is planned is marked, one that was cancelled counted aside."""
    status = resource.status
    if status == "cancelled":
        raise RejectedError("cancelled")
    subject = resource.subject()
    period = resource.body.get("period") or {}
    start = resource.first_moment(period.get("start"), period.get("end")) or resource.updated()
    if start is None:
        raise RejectedError("no time")
    kind = CLASSES.get(str((resource.body.get("class") or {}).get("code")), "other")
    if status == "planned":
        rows.add(resource, subject, start, f"PLANNED//VISIT//{kind}")
        return
    end = resource.first_moment(period.get("end")) if status != "in-progress" else None
    rows.add(resource, subject, start, f"VISIT//{kind}", end=end.known if end else None)
    if end:
        rows.add(resource, subject, end, f"VISIT_END//{kind}")
