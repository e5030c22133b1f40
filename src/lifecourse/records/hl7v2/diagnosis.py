"""DG1, AL1, IAM and PR1: what is said of health, what a person does not bear, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.coding import named
from lifecourse.records.hl7v2.context import DroppedError
from lifecourse.records.preferences import CONDITIONS, DRUGS, PROCEDURES

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.context import Reading
    from lifecourse.records.hl7v2.message import Segment

DELETED = "D"


def read_diagnosis(reading: Reading, segment: Segment) -> None:
    """A diagnosis, known when it was made.

    Raises
    ------
    DroppedError
        It has no code or time, or was deleted.
    """
    found = named(segment, segment.raw(3), CONDITIONS, "Condition")
    if found is None and segment.text(4):
        found = "TEXT//Condition", segment.text(4)
    if found is None:
        raise DroppedError("no code")
    fact = reading.fact(
        segment, reading.subject, reading.visit, found[0], segment.text(5), is_first=True
    )
    if segment.text(21) == DELETED:
        reading.withdraw(fact, every=True)
        raise DroppedError("deleted")
    when = reading.known(segment.text(5))
    reading.add(fact, when, found[0], text=found[1] or segment.text(4))


def read_allergy(reading: Reading, segment: Segment) -> None:
    """An allergy or intolerance, never the substance taken.

    Raises
    ------
    DroppedError
        It has no code or time.
    """
    found = named(segment, segment.raw(3), (*DRUGS, "SNOMED"), "AllergyIntolerance")
    if found is None:
        raise DroppedError("no code")
    fact = reading.fact(segment, reading.subject, found[0], is_first=True)
    reading.add(
        fact,
        reading.known(),
        f"ALLERGY//{found[0]}",
        text=found[1],
        happened=reading.moment(segment.text(6)),
    )


def read_procedure(reading: Reading, segment: Segment) -> None:
    """A procedure, known when it was done.

    Raises
    ------
    DroppedError
        It has no code or time, or was deleted.
    """
    found = named(segment, segment.raw(3), PROCEDURES, "Procedure")
    if found is None and segment.text(4):
        found = "TEXT//Procedure", segment.text(4)
    if found is None:
        raise DroppedError("no code")
    fact = reading.fact(
        segment, reading.subject, reading.visit, found[0], segment.text(5), is_first=True
    )
    if segment.text(20) == DELETED:
        reading.withdraw(fact, every=True)
        raise DroppedError("deleted")
    reading.add(fact, reading.known(segment.text(5)), found[0], text=found[1] or segment.text(4))
