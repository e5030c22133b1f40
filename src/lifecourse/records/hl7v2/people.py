"""Who a message is about, and what messages say of a person: the last word of each field stands.

In HL7 v2 an absent field says nothing and ``""`` says that there is no value any more (v2.9 section 2.5.3), so what one
message tells of a person does not replace the whole of what others told: each field of PID is a record of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lifecourse.records.source import IDENTIFIER

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.context import Fact
    from lifecourse.records.hl7v2.message import Segment
    from lifecourse.records.moments import Moment
    from lifecourse.records.rows import Rows

OWN = ("MR", "")
"""Types of identifier (HL7 table 0203) that name the person in all messages of a sender; one of no type does too."""
OTHER = ("PI", "PT", "MRT", "PN", "PE", "EN", "NI", "NH", "SR", "U", "RI")
LAST = ("SS", "DL", "PPN", "MC", "MA", "HC")
NOT_A_PERSON = ("AN", "VN", "VS", "ACSN", "FI", "ANON", "ANC", "AND", "ANT")
"""Accounts and visits, which are no names of a person."""


NOTHING_NEW = "messages that tell nothing new"


class Identifier(NamedTuple):
    """A CX: the id, who assigned it (namespace, else universal id) and its type."""

    value: str
    authority: str
    kind: str

    @property
    def key(self) -> str:
        """What names the person: the id, after its authority where that is told."""
        return f"{self.authority}|{self.value}" if self.authority else self.value

    @property
    def keys(self) -> tuple[str, str]:
        """Both ways in which the person may be named."""
        return self.key, self.alias

    @property
    def alias(self) -> str:
        """What stands for the person whose identifier it is."""
        return f"{IDENTIFIER}{self.authority}|{self.value}"


class Told(NamedTuple):
    """What a message says in one field of PID: the events, each a code, a time, an end and words."""

    fact: Fact
    events: tuple[tuple[Moment | None, str, str | None, int | None], ...]


@dataclass(slots=True)
class People:
    """What the messages of a unit told of people, each field once.

    merged : whom each key stands for that was merged into another
    waiting : file and number of messages that told nothing else
    """

    merged: dict[str, str]
    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    waiting: set[tuple[int, int]] = field(default_factory=set)
    named: dict[str, set[tuple[str, str, str | None]]] = field(default_factory=dict)

    def key_of(self, identifiers: list[Identifier]) -> str | None:
        """The key of the person with these identifiers; None where none names one."""
        chosen = primary(identifiers)
        if chosen is None:
            return None
        if chosen.key in self.merged:
            return self.merged[chosen.key]
        return chosen.key if chosen.kind in OWN else chosen.alias

    def tell(self, subject: str, name: str, told: Told) -> None:
        """Keep what is said in a field, unless a later message said something else."""
        place = (subject, name)
        before = self.told.get(place)
        if before is None or _order(told) >= _order(before):
            self.told[place] = told

    def give(self, rows: Rows) -> None:
        """Put what was told into `rows`, and forget it; messages that another one said again are counted."""
        for (subject, _), told in self.told.items():
            self.waiting.discard((told.fact.place.file, told.fact.row))
            for when, code, words, end in told.events:
                rows.add(told.fact, subject, when, code, text=words, end=end)
        for _ in self.waiting:
            rows.refer(NOTHING_NEW)
        self.told.clear()
        self.waiting.clear()


def _order(told: Told) -> tuple[int, str]:
    """The larger stands: of versions that are negative, the first told."""
    return (told.fact.version or 0, repr(told.events))


def identifiers_of(segment: Segment, *fields: int) -> list[Identifier]:
    """The identifiers in fields of type CX, in their order; accounts and visits are none."""
    found = []
    for number in fields:
        for raw in segment.repetitions(number):
            value = segment.of(raw)
            if value is None:
                continue
            authority = segment.of(raw, 4) or segment.of(raw, 4, 2) or ""
            kind = (segment.of(raw, 5) or "").upper()
            if kind not in NOT_A_PERSON:
                found.append(Identifier(value, authority, kind))
    return found


def primary(identifiers: list[Identifier]) -> Identifier | None:
    """The identifier that names the person: a medical record number before others."""
    ranks = {kind: rank for rank, kinds in enumerate((OWN[:1], OWN[1:], OTHER)) for kind in kinds}
    last = len(ranks) + 1
    return min(
        identifiers,
        key=lambda one: last + 1 if one.kind in LAST else ranks.get(one.kind, last),
        default=None,
    )
