"""Where the reader of a message stands: what was sent when, about whom, in which visit, order and report."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.message import BadMessageError
from lifecourse.records.moments import BadTimeError, Moment, stamp_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lifecourse.records.hl7v2.message import Message, Segment
    from lifecourse.records.hl7v2.people import People, Told
    from lifecourse.records.rows import Place, Rows

WITH_HOUR = 10
"""Characters of a time stamp that has an hour."""
NOTHING = ("", '""')
LONGEST_TIME = 40
BAD_TIMES = "times that are no HL7 time stamp, left out"
LONGEST_CHARACTERS = 1_000_000
"""A text that is longer is left out, and what it is about is kept."""
LONG_TEXTS = "texts of more than a million characters, left out"
MOST_FACTS = 100_000
TOO_MUCH = "a message of more than 100,000 facts"


class DroppedError(Exception):
    """A segment that gives no event, for a reason that names nothing of it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """The record that an event is of, as `records.rows.Record` says."""

    source_id: str | None
    version: int | None
    place: Place
    row: int
    part: str | None


@dataclass(slots=True)
class Reading:
    """One message while it is read.

    sent : when it was sent (MSH-7), else when it was recorded (EVN-2)
    offset : the offset of MSH-7, which is that of every time without one (HL7 v2.9 section 2A.3.26)
    subject : the person of the last PID, empty before it
    visit, order : what names the last PV1, and the last ORC or OBR
    orderer, report : the last ORC, until an OBR took its numbers, and the last OBR
    expected : when an admission is expected, by the PV2 of the last PV1
    about, when, named : the code, the time and the name of what was last told, for comments on it
    is_over : nothing more of the message is read
    person : what is told of people, each in a field of PID
    waiting : what is told once the segments that belong to it were read
    """

    message: Message
    rows: Rows
    people: People
    place: Place
    row: int
    kind: str = ""
    event: str = ""
    offset: str = ""
    sent: Moment | None = None
    subject: str = ""
    visit: str = ""
    order: str = ""
    orderer: Segment | None = None
    report: Segment | None = None
    timing: Segment | None = None
    expected: Moment | None = None
    about: str = ""
    when: Moment | None = None
    named: str | None = None
    is_over: bool = False
    facts: int = 0
    waiting: list[tuple[Segment, Callable[[], None]]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    comments: list[Segment] = field(default_factory=list)
    firsts: set[tuple[str, str]] = field(default_factory=set)
    person: list[tuple[str, str, Told]] = field(default_factory=list)

    @property
    def names(self) -> frozenset[str]:
        """The names of the segments that there are."""
        return frozenset(segment.name for segment in self.message.segments)

    @property
    def version(self) -> int | None:
        """Orders what messages say of one thing: when they were sent."""
        return self.sent.known if self.sent else None

    def moment(self, text: str | None) -> Moment | None:
        """The moment of a time stamp; None where there is none, or it is none."""
        if not text or text in NOTHING:
            return None
        if len(text) > LONGEST_TIME:
            self.rows.count(BAD_TIMES)
            return None
        if len(text) >= WITH_HOUR and self.offset and "+" not in text and "-" not in text:
            text += self.offset
        try:
            return stamp_moment(text, self.place.zone)
        except BadTimeError:
            if text.strip("0 .:-"):
                self.rows.count(BAD_TIMES)
            return None

    def first_moment(self, *texts: str | None) -> Moment | None:
        """The moment of the first of `texts` that names one."""
        return next((found for text in texts if (found := self.moment(text))), None)

    def known(self, *texts: str | None) -> Moment:
        """As `first_moment`; when the message was sent where none of them says.

        Raises
        ------
        DroppedError
            Nothing says any time.
        """
        found = self.first_moment(*texts) or self.sent
        if found is None:
            raise DroppedError("no time")
        return found

    def whose(self) -> str:
        """The person whom the message is about.

        Raises
        ------
        DroppedError
            No PID came before.
        """
        if not self.subject:
            raise DroppedError("no patient")
        return self.subject

    def fact(
        self,
        segment: Segment,
        *names: str | None,
        version: int | None = None,
        is_first: bool = False,
        field: str | None = None,
    ) -> Fact:
        """The record of which `segment` tells, named by what the sender calls it; of no name, by the message.

        is_first : what was told first stands, and not what was told last
        """
        told = [name for name in names if name]
        if told:
            source_id: str | None = "/".join((segment.name, digest_of(self.subject), *told))
        else:
            control = self.message.header.text(10)
            sender = self.message.header.text(3) or ""
            source_id = f"MSH/{sender}/{control}/{segment.part}" if control else None
        order = self.version if version is None else version
        if is_first and order is not None:
            order = -order
        part = f"{segment.part}-{field}" if field else segment.part
        return Fact(source_id, order if source_id else None, self.place, self.row, part)

    def add(
        self,
        fact: Fact,
        when: Moment | None,
        code: str,
        *,
        value: float | None = None,
        text: str | None = None,
        unit: str | None = None,
        end: int | None = None,
        happened: Moment | None = None,
    ) -> None:
        """An event of the person of the message; what is known by what it says is told once."""
        self.when, self.named = when, fact.source_id
        if fact.source_id and fact.version is not None and fact.version < 0:
            if (fact.source_id, code) in self.firsts:
                return
            self.firsts.add((fact.source_id, code))
        if text and len(text) > LONGEST_CHARACTERS:
            self.rows.count(LONG_TEXTS)
            text = None
        self.tell()
        self.rows.add(
            fact, self.whose(), when, code, value=value, text=text, unit=unit, end=end, happened=happened
        )  # fmt: skip

    def begin_person(self) -> None:
        """Forget what stood about the person before: a message may be about several."""
        self.visit = self.order = self.about = ""
        self.orderer = self.report = self.timing = None
        self.when = self.named = None

    def tell(self) -> None:
        """Count one more thing that the message tells.

        Raises
        ------
        BadMessageError
            There are more than a message could have.
        """
        self.facts += 1
        if self.facts > MOST_FACTS:
            raise BadMessageError(TOO_MUCH)

    def settle(self) -> None:
        """Tell what waited for the segments that belong to it."""
        waiting, self.waiting = self.waiting, []
        for segment, tell in waiting:
            try:
                tell()
            except DroppedError as dropped:
                self.drop(segment, dropped)

    def wait(self, segment: Segment, tell: Callable[[], None]) -> None:
        """Have `tell` say what `segment` says, once what belongs to it was read."""
        self.waiting.append((segment, tell))

    def forget(self, name: str) -> bool:
        """Have segments of that name say nothing after all; whether one was waiting."""
        left = [one for one in self.waiting if one[0].name != name]
        was_waiting = len(left) < len(self.waiting)
        self.waiting = left
        return was_waiting

    def drop(self, segment: Segment, why: DroppedError) -> None:
        """Count a segment that gives no event, by its name and the reason."""
        self.rows.count(f"{segment.name} dropped: {why}")

    def withdraw(self, fact: Fact, *, every: bool = False) -> None:
        """Take back what was told of a record, up to this message or altogether."""
        if fact.source_id:
            self.rows.deletions.append((fact.source_id, None if every else fact.version))


@lru_cache(maxsize=65_536)
def digest_of(subject: str) -> str:
    """What tells one person's records from another's in their names, without the number of the person."""
    return blake2b(subject.encode(), digest_size=6).hexdigest()


def entity(segment: Segment, field: int) -> str | None:
    """An EI as text: the id, with its namespace where there is one."""
    name = segment.text(field)
    if name is None:
        return None
    return _joined((name, segment.text(field, 2) or segment.text(field, 3)))


def _joined(parts: Sequence[str | None]) -> str:
    return "@".join(part for part in parts if part)
