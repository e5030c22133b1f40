"""PV1 and PV2: a visit from its start to its end, or that one is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.coding import named
from lifecourse.records.hl7v2.context import DroppedError

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.context import Reading
    from lifecourse.records.hl7v2.message import Segment

# HL7 table 0004 to the classes of visit that the FHIR source has.
CLASSES = {
    "I": "inpatient", "O": "outpatient", "E": "emergency", "R": "outpatient", "B": "inpatient", "P": "other",
    "C": "other", "N": "other", "U": "other", "D": "outpatient", "H": "home", "V": "virtual",
}  # fmt: skip
PREADMIT = "P"
# HL7 table 0003. Pre-admission, pending admission:
PLANNED = ("A05", "A14")
CANCELLED = ("A11", "A23", "A27", "A38")
"""Admission, record of a visit, pending admission and pre-admission taken back."""
STILL_THERE = ("A13", "A16", "A25")
"""Discharge taken back, expected, and expected no longer: what end they tell is none."""
ARRIVED = (
    "A01", "A02", "A03", "A04", "A06", "A07", "A09", "A10", "A12", "A13", "A15", "A16", "A17", "A20", "A21", "A22",
    "A25", "A26", "A32", "A33", "A53", "A52",
)  # fmt: skip
"""Events that happen to somebody who is there, whatever the class says."""
STATED_START, STATED_END = 1 << 60, 1 << 59
"""A message that tells when a visit began or ended outranks a later one that does not."""


def read_visit(reading: Reading, segment: Segment) -> None:
    """A visit, known from its start, and its end, once its PV2 was read.

    Raises
    ------
    DroppedError
        It was cancelled, or has no time.
    """
    reading.settle()
    reading.visit = segment.text(19) or segment.text(50) or segment.text(44) or ""
    if reading.event in CANCELLED:
        reading.withdraw(reading.fact(segment, reading.visit), every=True)
        raise DroppedError("cancelled")
    reading.known()
    if segment.says(54):
        reading.wait(segment, lambda: _episode(reading, segment))
    reading.expected = None
    reading.wait(segment, lambda: _tell(reading, segment))


def read_more_of_visit(reading: Reading, segment: Segment) -> None:
    """When an admission is expected (PV2-8); the rest of PV2 says nothing that happened.

    Raises
    ------
    DroppedError
        It tells nothing, or no PV1 came before.
    """
    expected = reading.moment(segment.text(8))
    if expected is None or not any(one.name == "PV1" for one, _ in reading.waiting):
        raise DroppedError("nothing told")
    reading.expected = expected


def _episode(reading: Reading, segment: Segment) -> None:
    """That the visit is one of an episode of care (PV1-54), by its description (PV1-53)."""
    found = named(segment, segment.raw(53), ("SNOMED", "LOINC"), "EpisodeOfCare")
    code, words = found or ("other", None)
    fact = reading.fact(segment, "episode", segment.text(54), is_first=True, field="54")
    reading.add(fact, reading.known(), f"EPISODE//{code}", text=words)


def _tell(reading: Reading, segment: Segment) -> None:
    letter = (segment.text(2) or "").upper()
    kind = CLASSES.get(letter, "other")
    start, end = reading.moment(segment.text(44)), reading.moment(segment.text(45))
    if reading.event in STILL_THERE:
        end = None
    is_planned = reading.event in PLANNED or (
        letter == PREADMIT and end is None and reading.event not in ARRIVED
    )
    if is_planned:
        fact = reading.fact(segment, reading.visit)
        reading.add(fact, start or reading.expected or reading.known(), f"PLANNED//VISIT//{kind}")
        return
    rank = (STATED_START if start else 0) + (
        STATED_END if end or reading.event in STILL_THERE else 0
    )
    fact = reading.fact(segment, reading.visit, version=(reading.version or 0) + rank)
    when = start or end or reading.known()
    reading.add(fact, when, f"VISIT//{kind}", end=end.known if end else None)
    if end:
        reading.add(fact, end, f"VISIT_END//{kind}")
