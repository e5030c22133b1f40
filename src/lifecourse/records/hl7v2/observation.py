"""OBR and OBX: what was ordered and reported, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.coding import named
from lifecourse.records.hl7v2.context import DroppedError, entity
from lifecourse.records.hl7v2.order import PROCEDURES_ORDERED as ORDERS
from lifecourse.records.hl7v2.order import ordered
from lifecourse.records.hl7v2.values import ELSEWHERE, WORDS, Value, unit_of, value_of
from lifecourse.records.preferences import MEASUREMENTS

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.coding import Named
    from lifecourse.records.hl7v2.context import Fact, Reading
    from lifecourse.records.hl7v2.message import Segment
    from lifecourse.records.moments import Moment

# HL7 table 0085: what is wrong, deleted or cancelled takes back what was told.
WITHDRAWN = {"D": "deleted", "W": "wrong", "X": "cancelled"}
UNSURE = ("I", "S", "N", "O")
"""Pending, partial, not asked and an order's detail: what value stands there all the same is unconfirmed."""
NOT_YET = ("O", "I", "S", "Y", "Z")
"""Of a report (HL7 table 0123): ordered, received or scheduled."""
RESULTS = ("ORU", "OUL")
DOCUMENT = "MDM"
LINES = ("TX", "FT")
"""Types of which a repetition is a line (v2.9 section 2A.3.76)."""
DAY = 8
"""Characters of a time stamp that name its day."""


def read_result(reading: Reading, segment: Segment) -> None:
    """What was found, each repetition of the value; lines of a document or a report are its text.

    Raises
    ------
    DroppedError
        It has no code, no time, or no result.
    """
    kind, status = (segment.text(2) or "").upper(), (segment.text(11) or "").upper()
    found = named(segment, segment.raw(3), MEASUREMENTS, "Observation")
    values = segment.repetitions(5)
    if kind in WORDS and values and status not in WITHDRAWN:
        if reading.kind == DOCUMENT:
            reading.lines.extend(_plain(segment, values))
            return
        if found is None:
            _tell_later(reading, segment)
            reading.lines.extend(_plain(segment, values))
            return
    if found is None:
        raise DroppedError("no code")
    reading.about = found[0]
    fact = reading.fact(segment, *_names(reading, segment, found[0]))
    if status in WITHDRAWN:
        reading.withdraw(fact)
        raise DroppedError(WITHDRAWN[status])
    if status in UNSURE and not values:
        raise DroppedError("no result yet")
    prefix = "UNCONFIRMED//" if status in UNSURE else ""
    _tell(reading, segment, fact, (prefix + found[0], found[1]), kind)


def _tell(reading: Reading, segment: Segment, fact: Fact, found: Named, kind: str) -> None:
    code, words = found
    values = segment.repetitions(5)
    when, happened = _times(reading, segment)
    unit = unit_of(segment)
    if kind in ELSEWHERE:
        values = values[:1]
    for place, raw in enumerate(values or [""], start=1):
        value = value_of(reading, segment, kind, raw) if raw else Value()
        if kind in LINES and len(values) > 1:
            value = Value(text="\n".join(_plain(segment, values)))
        text = value.text
        if value.number is None and text is None and ("TEXT//" in code or kind in ELSEWHERE):
            # What was observed is in words alone; without them the event would say nothing.
            text = words
        reading.add(
            _where(fact, segment, place, many=len(values) > 1), when,
            f"{code}//{value.answer}" if value.answer else code, value=value.number, text=text,
            unit=unit if value.number is not None else None, happened=happened,
        )  # fmt: skip
        if kind in LINES:
            return


def _plain(segment: Segment, values: list[str]) -> list[str]:
    return [segment.plain(raw).strip() for raw in values]


def _tell_later(reading: Reading, segment: Segment) -> None:
    """Have the lines of a report that have no code of their own told as one text on it."""
    if reading.lines:
        return
    about, (when, happened) = reading.about, _times(reading, segment)
    fact = reading.fact(segment, reading.order, "text" if reading.order else None, field="5")

    def tell() -> None:
        text, reading.lines = "\n".join(reading.lines), []
        reading.add(fact, when, f"NOTE//{about or 'other'}", text=text, happened=happened)

    reading.wait(segment, tell)


def _where(fact: Fact, segment: Segment, place: int, *, many: bool) -> Fact:
    part = f"{segment.part}-5[{place}]" if many else f"{segment.part}-5"
    return type(fact)(fact.source_id, fact.version, fact.place, fact.row, part)


def _names(reading: Reading, segment: Segment, code: str) -> tuple[str | None, ...]:
    """What names a result: its order, code and sub-id (v2.9 section 7.4.2); outside of an order, its time.

    The day of the order stands beside its number, because laboratories use numbers again.
    """
    if reading.order:
        return reading.order, _day(reading.report), code, segment.text(4)
    taken = segment.text(14)
    return (reading.visit, code, segment.text(4), taken) if taken else ()


def _day(report: Segment | None) -> str | None:
    taken = report.text(7) if report else None
    return taken[:DAY] if taken else None


def _times(reading: Reading, segment: Segment) -> tuple[Moment, Moment | None]:
    """When it was known and when it was so: never known before it was reported (OBR-22)."""
    report = reading.report
    taken = segment.text(14)
    if report is None:
        return reading.known(taken), None
    happened = reading.first_moment(taken, report.text(7), report.text(8))
    reported = reading.moment(report.text(22))
    if happened is None:
        return reported or reading.known(), None
    if reported is None or reported.known <= happened.known:
        return happened, None
    return reported, happened


def read_report(reading: Reading, segment: Segment) -> None:
    """What was ordered; what names the results that follow; and that a report was made, where the message is one.

    Raises
    ------
    DroppedError
        It has no code or no time, or was cancelled.
    """
    reading.settle()
    own = entity(segment, 3) or entity(segment, 2)
    # The numbers of an ORC are those of the OBR after it, where that has none.
    orderer, reading.orderer = reading.orderer, None
    reading.order = own or (reading.order if orderer else "")
    reading.report = segment
    found = named(segment, segment.raw(4), MEASUREMENTS, "DiagnosticReport")
    reading.about = found[0] if found else ""
    if found is None:
        raise DroppedError("no code")
    reading.orderer = orderer
    ordered(reading, segment, ordered_code(segment) or found)
    reading.orderer = None
    if reading.kind in RESULTS:
        _report(reading, segment, found)


def ordered_code(segment: Segment) -> Named | None:
    """What was asked for, as orders prefer it: a procedure's code too."""
    return named(segment, segment.raw(4), ORDERS, "ServiceRequest")


def _report(reading: Reading, segment: Segment, found: Named) -> None:
    status = (segment.text(25) or "").upper()
    fact = reading.fact(segment, reading.order, _day(segment) if reading.order else None)
    if status in WITHDRAWN:
        reading.withdraw(fact)
        raise DroppedError(WITHDRAWN[status])
    if status in NOT_YET:
        raise DroppedError("no result yet")
    happened = reading.first_moment(segment.text(7), segment.text(8))
    when = reading.moment(segment.text(22)) or happened or reading.known()
    if happened and happened.start > when.known:
        when = happened
    prefix = "UNCONFIRMED//" if not status else ""
    since = happened if happened != when else None
    reading.add(fact, when, prefix + found[0], text=found[1], happened=since)
