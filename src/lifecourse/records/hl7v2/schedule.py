"""SCH and AIS: an appointment and what is to be done at it; IN1: what pays; SPM: what was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.coding import coded, named
from lifecourse.records.hl7v2.context import DroppedError, entity
from lifecourse.records.hl7v2.order import PROCEDURES_ORDERED
from lifecourse.records.hl7v2.tables import coverage_types, words_of
from lifecourse.records.preferences import ANY

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.context import Reading
    from lifecourse.records.hl7v2.message import Segment

REASONS, SPECIMENS = "v2-0276", "v2-0487"
# HL7 table 0003: cancelled, discontinued, deleted, did not come.
NOT_KEPT = ("S15", "S16", "S26")
TAKEN_BACK = "S17"
# HL7 table 0369: of a patient; other roles are blanks, calibrators and controls.
OF_A_PATIENT = ("", "P", "G")


def read_appointment(reading: Reading, segment: Segment) -> None:
    """An appointment, known when it was told, from when it is; the person comes after it.

    Raises
    ------
    DroppedError
        It has no time.
    """
    reading.known()
    reading.wait(segment, lambda: _appoint(reading, segment))


def _appoint(reading: Reading, segment: Segment) -> None:
    fact = reading.fact(segment, entity(segment, 2) or entity(segment, 1))
    if reading.event == TAKEN_BACK:
        reading.withdraw(fact)
        raise DroppedError("deleted")
    code, text = "other", None
    for field in (7, 8):
        found = coded(segment, segment.raw(field), ANY)
        if found:
            code, text = found
            bare = code.removeprefix("LOCAL//")
            words = words_of(REASONS, bare)
            if words:
                code, text = f"{REASONS}//{bare}", text or words
            break
    timing = reading.timing.text(7) if reading.timing else None
    start = reading.first_moment(timing, segment.text(11, 4))
    prefix = "NOT_DONE" if reading.event in NOT_KEPT else "PLANNED"
    reading.add(fact, reading.known(), f"{prefix}//APPOINTMENT//{code}", text=text, happened=start)


def read_service(reading: Reading, segment: Segment) -> None:
    """What is to be done at an appointment.

    Raises
    ------
    DroppedError
        It has no code or no time.
    """
    found = named(segment, segment.raw(3), PROCEDURES_ORDERED, "ServiceRequest")
    if found is None:
        raise DroppedError("no code")
    prefix = "NOT_DONE" if reading.event in (*NOT_KEPT, TAKEN_BACK) else "PLANNED"
    reading.add(reading.fact(segment), reading.known(), f"{prefix}//{found[0]}", text=found[1])


def read_insurance(reading: Reading, segment: Segment) -> None:
    """A coverage by its kind, from the first day of the plan.

    Raises
    ------
    DroppedError
        It has no time.
    """
    found = coded(segment, segment.raw(15), ANY) or ("other", None)
    code, text = found
    bare = code.removeprefix("LOCAL//")
    if bare in coverage_types():
        code = f"HL7_ACT//{bare}"
    fact = reading.fact(segment, code, segment.text(2), segment.text(12), is_first=True)
    end = reading.moment(segment.text(13))
    when = reading.known(segment.text(12), segment.text(13))
    reading.add(fact, when, f"COVERAGE//{code}", text=text, end=end.known if end else None)


def read_specimen(reading: Reading, segment: Segment) -> None:
    """A specimen, known when it was received.

    Raises
    ------
    DroppedError
        It has no code or time, or is no patient's.
    """
    if (segment.text(11) or "").upper() not in OF_A_PATIENT:
        raise DroppedError("not of a patient")
    found = coded(segment, segment.raw(4), ("SNOMED",))
    if found is None:
        raise DroppedError("no code")
    code, text = found
    if code.startswith("LOCAL//"):
        code = f"{SPECIMENS}//{code.removeprefix('LOCAL//')}"
    taken = reading.moment(segment.text(17, 2)) or reading.moment(segment.text(17))
    when = reading.known(segment.text(18), segment.text(17, 2), segment.text(17))
    if taken and taken.start > when.known:
        when = taken
    fact = reading.fact(segment, entity(segment, 2), code, is_first=True)
    reading.add(fact, when, f"SPECIMEN//{code}", text=text, happened=taken)
