"""PV1: a visit from its start to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.context import DroppedError

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.context import Reading
    from lifecourse.records.hl7v2.message import Segment

# HL7 table 0004 to the classes of visit that the FHIR source has.
CLASSES = {
    "I": "inpatient", "O": "outpatient", "E": "emergency", "R": "outpatient", "B": "inpatient", "P": "other",
    "C": "other", "N": "other", "U": "other", "D": "outpatient", "H": "home", "V": "virtual",
}  # fmt: skip
PLANNED = ("A05", "A14", "A15", "A16", "A26", "A27", "A38")
CANCELLED = ("A11", "A27", "A38")
NO_DISCHARGE = ("A13",)
STATED_START, STATED_END = 1 << 62, 1 << 61
"""A message that tells when a visit began or ended outranks a later one that does not."""


def read_visit(reading: Reading, segment: Segment) -> None:
    """A visit, known from its start, and its end.

    Raises
    ------
    DroppedError
        It was cancelled, or has no time.
    """
    number = segment.text(19) or segment.text(50)
    kind = CLASSES.get((segment.text(2) or "").upper(), "other")
    start, end = reading.moment(segment.text(44)), reading.moment(segment.text(45))
    if reading.event in NO_DISCHARGE:
        end = None
    reading.visit = number or (segment.text(44) or "")
    fact = reading.fact(segment, reading.visit and reading.subject, reading.visit)
    if reading.event in CANCELLED:
        reading.withdraw(fact, every=True)
        raise DroppedError("cancelled")
    when = start or end or reading.known()
    reading.add(fact, when, f"VISIT//{kind}", end=end.known if end else None)
    if end:
        reading.add(fact, end, f"VISIT_END//{kind}")
