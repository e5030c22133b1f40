"""MRG: two identifiers that are one person's, found before anything is read, so that no order of messages matters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lifecourse.records.hl7v2.context import DroppedError
from lifecourse.records.hl7v2.people import identifiers_of, primary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lifecourse.records.hl7v2.context import Reading
    from lifecourse.records.hl7v2.message import Message, Segment
    from lifecourse.records.hl7v2.people import Identifier
    from lifecourse.records.unpacking import Stream

# HL7 table 0003: what merges people, or gives one another identifier.
MERGES = ("A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47")
# What merges accounts or visits of one person, which are told by their numbers.
WITHIN = ("A35", "A41", "A42", "A49", "A50", "A51")
MARK = re.compile(rb"[\r\n]MRG[^\w\s]")
MARK_BYTES = 5
PIECE_BYTES = 1 << 20
PATIENT_IDS = (3, 2)


def mentions_merge(stream: Stream) -> bool:
    """Whether an MRG stands anywhere in `stream`."""
    last = b""
    while piece := stream.read(PIECE_BYTES):
        if MARK.search(last + piece):
            return True
        last = piece[-MARK_BYTES:]
    return False


class Merge(NamedTuple):
    """One merge: when it was told (as sortable text), who was, and who is."""

    told: str
    prior: Identifier
    surviving: Identifier


def merges_of(message: Message) -> Iterator[Merge]:
    """The merges of people that a message tells."""
    header = message.header
    if header.text(9, 2) not in MERGES:
        return
    patient: Segment | None = None
    for segment in message.segments:
        if segment.name == "PID":
            patient = segment
        elif segment.name == "MRG" and patient is not None:
            now = primary(identifiers_of(patient, *PATIENT_IDS))
            before = identifiers_of(segment, 1) or identifiers_of(segment, 4)
            for one in before if now else ():
                if now and one.key != now.key:
                    yield Merge(header.text(7) or "", one, now)


def standing(merges: Iterable[Merge]) -> dict[str, str]:
    """Whom each key stands for that was merged into another, through every later merge."""
    into: dict[str, str] = {}
    for merge in sorted(merges):
        # Who survives a merge is nobody else's any more.
        into.pop(merge.surviving.key, None)
        into[merge.prior.key] = merge.surviving.key
    return {key: _last(key, into) for key in into}


def _last(key: str, into: dict[str, str]) -> str:
    while key in into:
        key = into[key]
    return key


def read_merge(reading: Reading, segment: Segment) -> None:
    """The prior identifiers, for the identity map, as names of whom the message is about.

    Raises
    ------
    DroppedError
        It moves something from one person to another, or no PID came before.
    """
    subject = reading.whose()
    if reading.event in WITHIN:
        raise DroppedError("of accounts or visits of one person")
    if reading.event not in MERGES:
        raise DroppedError("a move to another person, not carried out")
    for one in identifiers_of(segment, 1) or identifiers_of(segment, 4):
        reading.rows.identities.append((subject, one.authority or None, one.value, None))
        if not subject.startswith("urn:"):
            reading.rows.aliases.append((one.alias, subject))
    reading.rows.count("identifiers merged into another person's")
