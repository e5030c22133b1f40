"""ORC, OBR, RXO, RXE and ODS: what was ordered; TQ1, until when; RXD, FT1 and RXA: what was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.coding import named
from lifecourse.records.hl7v2.context import DroppedError, entity
from lifecourse.records.preferences import DRUGS, MEASUREMENTS, PROCEDURES, VACCINES

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.coding import Named
    from lifecourse.records.hl7v2.context import Reading
    from lifecourse.records.hl7v2.message import Segment
    from lifecourse.records.moments import Moment

# HL7 table 0119: cancelled, discontinued, refused or replaced; 0038: cancelled, discontinued, replaced.
OFF = ("CA", "CR", "OC", "DC", "DR", "OD", "UA", "UC", "RP", "RO")
STATUS_OFF = ("CA", "DC", "RP")
PROCEDURES_ORDERED = (*MEASUREMENTS, *PROCEDURES[1:3])
# HL7 table 0322: refused, not administered.
NOT_GIVEN = ("RE", "NA")
DELETED = "D"
VACCINATION = "VXU"
CREDIT = ("CD", "CO")


def read_common(reading: Reading, segment: Segment) -> None:
    """What names the order of the segments that follow."""
    reading.settle()
    reading.orderer = segment
    reading.report = reading.timing = None
    reading.about = ""
    reading.order = entity(segment, 3) or entity(segment, 2) or ""


def read_timing(reading: Reading, segment: Segment) -> None:
    """From when until when an order is, for the order that it belongs to."""
    reading.timing = segment


def ordered(reading: Reading, segment: Segment, found: Named) -> None:
    """That something was asked for, known when the order was made (ORC-9), else when it was sent."""
    orderer = reading.orderer
    prefix = "NOT_DONE//" if _is_off(orderer) else "PLANNED//"
    when = reading.known(orderer.text(9) if orderer else None)
    fact = reading.fact(segment, "order", reading.order, prefix[:-2], found[0], is_first=True)
    reading.add(fact, when, prefix + found[0], text=found[1])


def _is_off(orderer: Segment | None) -> bool:
    return orderer is not None and (
        (orderer.text(1) or "").upper() in OFF or (orderer.text(5) or "").upper() in STATUS_OFF
    )


def read_prescription(reading: Reading, segment: Segment) -> None:
    """A medicine that was asked for (RXO), told once it is sure that no RXE says it anew.

    Raises
    ------
    DroppedError
        It has no code or no time.
    """
    found = named(segment, segment.raw(1), DRUGS, "Medication")
    _prescribe(reading, segment, found)


def read_encoded(reading: Reading, segment: Segment) -> None:
    """A medicine as the pharmacy understood the order (RXE), in place of what was asked for.

    Raises
    ------
    DroppedError
        It has no code or no time.
    """
    reading.forget("RXO")
    _prescribe(reading, segment, named(segment, segment.raw(2), DRUGS, "Medication"))


def _prescribe(reading: Reading, segment: Segment, found: Named | None) -> None:
    if found is None:
        raise DroppedError("no code")
    reading.known(reading.orderer.text(9) if reading.orderer else None)
    medicine = found
    reading.about = found[0]
    reading.wait(segment, lambda: _tell(reading, segment, medicine))


def _tell(reading: Reading, segment: Segment, found: Named) -> None:
    orderer = reading.orderer
    when = reading.known(orderer.text(9) if orderer else None, _timed(reading, 7))
    end = reading.moment(_timed(reading, 8))
    prefix = "NOT_DONE//" if _is_off(orderer) else ""
    fact = reading.fact(segment, reading.order, found[0] if reading.order else None)
    # An end before the beginning is a slip, and says no end.
    is_end = end is not None and end.known > when.known and not prefix
    reading.add(
        fact, when, prefix + found[0], text=found[1], end=end.known if end and is_end else None
    )


def _timed(reading: Reading, field: int) -> str | None:
    """Start (7) or end (8) of an order, by TQ1, else by the fourth and fifth part of ORC-7 (v2.3 to 2.6)."""
    if reading.timing is not None:
        return reading.timing.text(field)
    return reading.orderer.text(7, field - 3) if reading.orderer else None


def read_dispensed(reading: Reading, segment: Segment) -> None:
    """A medicine handed out.

    Raises
    ------
    DroppedError
        It has no code or no time.
    """
    found = named(segment, segment.raw(2), DRUGS, "Medication")
    if found is None:
        raise DroppedError("no code")
    fact = reading.fact(segment, reading.order, segment.text(7), segment.text(1))
    reading.add(fact, reading.known(segment.text(3)), found[0], text=found[1])


def read_given(reading: Reading, segment: Segment) -> None:
    """A vaccine or a medicine given, or not given.

    Raises
    ------
    DroppedError
        It has no code or time, or was deleted.
    """
    is_vaccine = reading.kind == VACCINATION
    found = named(
        segment, segment.raw(5), VACCINES if is_vaccine else DRUGS, "Immunization" if is_vaccine else "Medication"
    )  # fmt: skip
    if found is None:
        raise DroppedError("no code")
    given = reading.moment(segment.text(3))
    fact = reading.fact(segment, reading.order, found[0], segment.text(3))
    if segment.text(21) == DELETED:
        reading.withdraw(fact)
        raise DroppedError("deleted")
    prefix = "NOT_DONE//" if segment.text(20) in NOT_GIVEN else ""
    code = prefix + found[0]
    reading.about = found[0]
    if is_vaccine:
        recorded = reading.moment(segment.text(22))
        when = given or recorded or reading.known()
        is_later = recorded is not None and recorded.known > when.known
        known = recorded if recorded and is_later else when
        reading.add(fact, known, code, text=found[1], happened=given)
        return
    when = given or reading.known()
    end = reading.first_moment(segment.text(4), segment.text(3))
    reading.add(fact, when, code, text=found[1], end=end.known if end else None)


def read_charge(reading: Reading, segment: Segment) -> None:
    """The procedure and the medicine that are charged for, done when FT1-4 says.

    Raises
    ------
    DroppedError
        It names neither, or takes a charge back.
    """
    if (segment.text(6) or "").upper() in CREDIT:
        raise DroppedError("a credit")
    done = named(segment, segment.raw(25), PROCEDURES, "Procedure") if segment.says(25) else None
    handed = named(segment, segment.raw(29), DRUGS, "Medication") if segment.says(29) else None
    if done is None and handed is None:
        raise DroppedError("no code")
    when: Moment = reading.known(segment.text(4))
    for found, field in ((done, "25"), (handed, "29")):
        if found:
            fact = reading.fact(
                segment, reading.visit, found[0], segment.text(4), segment.text(2), is_first=True, field=field
            )  # fmt: skip
            reading.add(fact, when, found[0], text=found[1])


def read_diet(reading: Reading, segment: Segment) -> None:
    """A diet that was asked for; a preference by itself names none.

    Raises
    ------
    DroppedError
        It has no time.
    """
    is_diet = (segment.text(1) or "").upper() in ("D", "S")
    found = named(segment, segment.raw(3), MEASUREMENTS, "NutritionOrder") if is_diet else None
    code, text = found or ("other", None)
    ordered(reading, segment, (f"NUTRITION//{code}", text))
