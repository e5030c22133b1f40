"""TXA: what was written about a person, with its lines as text; NTE: what was said of it; CON: what was agreed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.coding import named
from lifecourse.records.hl7v2.context import DroppedError, entity
from lifecourse.records.preferences import MEASUREMENTS

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.context import Fact, Reading
    from lifecourse.records.hl7v2.message import Segment
    from lifecourse.records.moments import Moment

# HL7 table 0271: dictated, in progress, incomplete, documented, pre-authenticated. Table 0273 (obsolete and the like)
# says where a document is to be had, not whether it is true.
UNFINISHED = ("DI", "IP", "IN", "DO", "PA")
CANCELLED = "T11"
REPLACES = ("T09", "T10")


def read_document(reading: Reading, segment: Segment) -> None:
    """A note, known when it was written, told once its lines were read.

    Raises
    ------
    DroppedError
        It was cancelled, or has no time.
    """
    reading.settle()
    found = named(segment, segment.raw(2), MEASUREMENTS, "DocumentReference")
    fact = reading.fact(segment, entity(segment, 12))
    if reading.event == CANCELLED:
        reading.withdraw(fact)
        raise DroppedError("cancelled")
    parent = entity(segment, 13)
    if reading.event in REPLACES and parent:
        reading.withdraw(reading.fact(segment, parent), every=True)
    when = reading.known(segment.text(6), segment.text(7), segment.text(4))
    prefix = "UNCONFIRMED//" if segment.text(17) in UNFINISHED else ""
    code = f"{prefix}NOTE//{found[0] if found else 'other'}"
    title = segment.text(25) or (found[1] if found else None)
    reading.report = None
    reading.wait(segment, lambda: _tell(reading, fact, when, code, title))


def _tell(reading: Reading, fact: Fact, when: Moment, code: str, title: str | None) -> None:
    text = "\n".join(reading.lines)
    reading.lines = []
    reading.add(fact, when, code, text=text or title)


def read_comment(reading: Reading, segment: Segment) -> None:
    """A comment on what stands before it, told with those that follow it.

    Raises
    ------
    DroppedError
        It says nothing.
    """
    if not segment.repetitions(3):
        raise DroppedError("nothing said")
    reading.whose()
    reading.known()
    reading.comments.append(segment)


def tell_comments(reading: Reading) -> None:
    """The comments so far, as one text of the lines in them, known when what they are on was."""
    segments, reading.comments = reading.comments, []
    first = segments[0]
    lines = [segment.plain(raw).strip() for segment in segments for raw in segment.repetitions(3)]
    when, on = reading.when, reading.named
    known = reading.moment(first.text(6)) or when or reading.known()
    fact = reading.fact(first, on and f"{on}/{first.text(1) or ''}", field="3")
    reading.add(fact, known, f"NOTE//{reading.about or 'comment'}", text="\n".join(lines))
    reading.when, reading.named = when, on


def read_consent(reading: Reading, segment: Segment) -> None:
    """What a person agreed to, or refused.

    Raises
    ------
    DroppedError
        It has no code or no time.
    """
    found = named(segment, segment.raw(2), MEASUREMENTS, "Consent")
    if found is None:
        raise DroppedError("no code")
    # HL7 table 0498: refused; pending, limited and bypassed are read as they are told.
    status = (segment.text(11) or "").upper()
    prefix = "NOT_DONE//" if status in ("R", "X") else "PLANNED//" if status == "P" else ""
    when = reading.known(segment.text(14), segment.text(13))
    fact = reading.fact(segment, segment.text(3) or found[0])
    reading.add(fact, when, f"{prefix}CONSENT//{found[0]}", text=found[1])
