"""DG1, PRB, GOL, AL1, IAM, PR1 and PDA: what is said of health, what is not borne, what was done, of what one died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.coding import named
from lifecourse.records.hl7v2.context import DroppedError
from lifecourse.records.preferences import CONDITIONS, DRUGS, PROCEDURES

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.coding import Named
    from lifecourse.records.hl7v2.context import Reading
    from lifecourse.records.hl7v2.message import Segment

DELETED = "D"
PROBLEM_DELETED = ("DE", "D")
# HL7 table 0438: suspect, unconfirmed, pending; confirmed or verified need nothing said; erroneous; doubt raised.
UNSURE = ("S", "U", "P")
ERRONEOUS = "E"


def _coded(
    segment: Segment, preferred: tuple[str, ...], kind: str, *, described: int | None = None
) -> Named:
    """The code and words of field 3; where it has no code, the text of the field `described`."""
    found = named(segment, segment.raw(3), preferred, kind)
    if found is None and described and segment.text(described):
        found = f"TEXT//{kind}", segment.text(described)
    if found is None:
        raise DroppedError("no code")
    return found


def read_diagnosis(reading: Reading, segment: Segment) -> None:
    """A diagnosis, known when it was made.

    Raises
    ------
    DroppedError
        It has no code or time, or was deleted.
    """
    _read_of_visit(reading, segment, CONDITIONS, "Condition", action=21)


def read_problem(reading: Reading, segment: Segment) -> None:
    """A problem of a problem list, known when it was established, from its onset to its resolution.

    Raises
    ------
    DroppedError
        It has no code or time, or was deleted.
    """
    found = _coded(segment, CONDITIONS, "Condition")
    fact = reading.fact(segment, segment.text(4) or found[0])
    if segment.text(1) in PROBLEM_DELETED:
        reading.withdraw(fact)
        raise DroppedError("deleted")
    when = reading.known(segment.text(7), segment.text(2))
    end = reading.moment(segment.text(9))
    reading.add(
        fact, when, found[0], text=found[1], end=end.known if end else None,
        happened=reading.moment(segment.text(16)),
    )  # fmt: skip


def read_goal(reading: Reading, segment: Segment) -> None:
    """A goal, known when it was set.

    Raises
    ------
    DroppedError
        It has no code or time, or was deleted.
    """
    found = _coded(segment, ("SNOMED", "LOINC"), "Goal")
    fact = reading.fact(segment, segment.text(4) or found[0])
    if segment.text(1) in PROBLEM_DELETED:
        reading.withdraw(fact)
        raise DroppedError("deleted")
    when = reading.known(segment.text(7), segment.text(2))
    reading.add(fact, when, f"GOAL//{found[0]}", text=found[1])


def read_allergy(reading: Reading, segment: Segment) -> None:
    """An allergy or intolerance (AL1), never the substance taken; known when it was found.

    Raises
    ------
    DroppedError
        It has no code or time.
    """
    found = _coded(segment, (*DRUGS, "SNOMED"), "AllergyIntolerance")
    fact = reading.fact(segment, found[0], is_first=True)
    when = reading.known(segment.text(6))
    reading.add(fact, when, f"ALLERGY//{found[0]}", text=found[1])


def read_adverse_reaction(reading: Reading, segment: Segment) -> None:
    """An allergy or intolerance with what became of it (IAM), known when it was recorded.

    Raises
    ------
    DroppedError
        It has no code or time, or was deleted or erroneous.
    """
    preferred = (*DRUGS, "SNOMED")
    found = (
        named(segment, segment.raw(27), preferred, "AllergyIntolerance")
        if segment.says(27)
        else None
    ) or named(segment, segment.raw(3), preferred, "AllergyIntolerance")
    if found is None:
        raise DroppedError("no code")
    status = (segment.text(17) or "").upper()
    prefix = "UNCONFIRMED//" if status in UNSURE else "REFUTED//" if status == "D" else ""
    fact = reading.fact(segment, segment.text(7) or found[0], prefix)
    if segment.text(6) == DELETED or status == ERRONEOUS:
        reading.withdraw(fact)
        raise DroppedError("deleted")
    onset = reading.moment(segment.text(11))
    recorded = reading.first_moment(segment.text(24), segment.text(13), segment.text(20))
    when = recorded or onset or reading.known()
    # HL7 table 0438: inactive.
    end = reading.moment(segment.text(20)) if status == "I" else None
    reading.add(
        fact, when, f"{prefix}ALLERGY//{found[0]}", text=found[1], happened=onset,
        end=max(when.known, end.known if end else when.known) if status == "I" else None,
    )  # fmt: skip


def read_procedure(reading: Reading, segment: Segment) -> None:
    """A procedure, known when it was done.

    Raises
    ------
    DroppedError
        It has no code or time, or was deleted.
    """
    _read_of_visit(reading, segment, PROCEDURES, "Procedure", action=20)


def _read_of_visit(
    reading: Reading, segment: Segment, preferred: tuple[str, ...], kind: str, *, action: int
) -> None:
    """What field 3 codes or field 4 describes, known at field 5, in a visit; the field `action` may delete it."""
    found = _coded(segment, preferred, kind, described=4)
    fact = reading.fact(segment, reading.visit, found[0], segment.text(5), is_first=True)
    if segment.text(action) == DELETED:
        reading.withdraw(fact, every=True)
        raise DroppedError("deleted")
    when = reading.known(segment.text(5))
    reading.add(fact, when, found[0], text=found[1] or segment.text(4))


def read_death(reading: Reading, segment: Segment) -> None:
    """Of what a person died (PDA-1).

    Raises
    ------
    DroppedError
        No cause is told, or no time.
    """
    told = [named(segment, raw, CONDITIONS, "Condition") for raw in segment.repetitions(1)]
    causes = [found for found in told if found]
    if not causes:
        raise DroppedError("no code")
    for code, text in causes:
        fact = reading.fact(segment, code, is_first=True, field="1")
        reading.add(fact, reading.known(), code, text=text)
