"""PID: birth, sex, death, race, ethnicity, marital status, addresses; identifiers for the identity map."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.coding import coded
from lifecourse.records.hl7v2.context import DroppedError
from lifecourse.records.hl7v2.people import Told, identifiers_of
from lifecourse.records.hl7v2.tables import words_of
from lifecourse.records.moments import Moment
from lifecourse.records.preferences import ANY
from lifecourse.schema.address import address_codes
from lifecourse.schema.event import BIRTH, DEATH

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.context import Reading
    from lifecourse.records.hl7v2.message import Segment

# HL7 table 0001; FHIR's administrative gender has no ambiguous and no not applicable.
SEXES = {"F": "female", "M": "male", "O": "other", "A": "other", "N": "other", "U": "unknown"}
# HL7 table 0189 to the OMB categories of CDC's code set (2.16.840.1.113883.6.238).
ETHNICITIES = {"H": ("2135-2", "Hispanic or Latino"), "N": ("2186-5", "Non Hispanic or Latino")}
NO_HOME = ("BA", "N", "BDL", "BR", "F", "RH", "B", "O", "BI", "S")
"""Types of address (HL7 table 0190) where nobody need live: bad, of birth, origin, work, for bills, for service."""
Event = tuple["Moment | None", str, "str | None", "int | None"]
TABLES = {"MARITAL_STATUS": "v2-0002", "RACE": "CDCREC"}
PATIENT_IDS = (3, 2)
YES = "Y"
DELETED = ("A29",)
"""HL7 table 0003: delete person information."""
FIELDS = (7, 8, 10, 16, 22, 29)


def read_patient(reading: Reading, segment: Segment) -> None:
    """Whom the following segments are about, and what is told of them.

    Raises
    ------
    DroppedError
        Nothing names the person.
    """
    if reading.subject:
        reading.settle()
        reading.begin_person()
    people = reading.people
    identifiers = identifiers_of(segment, *PATIENT_IDS)
    subject = people.key_of(identifiers) or people.key_of(identifiers_of(segment, 4))
    reading.subject = subject or ""
    if subject is None:
        raise DroppedError("no patient")
    if reading.event in DELETED:
        _forget(reading, segment)
        reading.is_over = True
        return
    _identify(reading, segment, subject)
    _sex(reading, segment)
    _birth(reading, segment)
    _death(reading, segment)
    _codes(reading, segment, 10, "RACE")
    _ethnicity(reading, segment)
    _codes(reading, segment, 16, "MARITAL_STATUS")
    _addresses(reading, segment)


def _forget(reading: Reading, segment: Segment) -> None:
    """Take back what was told of the person; where they lived and what happened to them stands."""
    for number in FIELDS:
        reading.withdraw(reading.fact(segment, str(number)))


def _tell(
    reading: Reading,
    segment: Segment,
    number: int,
    *events: Event,
    name: str | None = None,
    is_first: bool = False,
) -> None:
    """What field `number` says; it replaces what an earlier message said there."""
    called = f"PID-{number}{f'/{name}' if name else ''}"
    fact = reading.fact(segment, str(number), name, is_first=is_first, field=str(number))
    if segment.is_null(number) and is_first:
        # Which of the addresses it takes back cannot be told.
        reading.rows.count("addresses that are none any more, left as they were")
    elif segment.is_null(number):
        reading.withdraw(fact)
    elif events:
        reading.person.append((reading.subject, called, Told(fact, events)))


def _sex(reading: Reading, segment: Segment) -> None:
    told = segment.text(8)
    found = SEXES.get(told.upper(), "unknown") if told else None
    _tell(reading, segment, 8, *([(None, f"SEX//{found}", None, None)] if found else ()))


def _birth(reading: Reading, segment: Segment) -> None:
    born = reading.moment(segment.text(7))
    # A birth is known from its first moment: age counts from there.
    when = born and Moment(born.start, born.start, born.precision)
    _tell(reading, segment, 7, *([(when, BIRTH, None, None)] if when else ()))


def _death(reading: Reading, segment: Segment) -> None:
    died = reading.moment(segment.text(29))
    is_dead = segment.text(30) == YES
    if died and segment.text(30) != "N":
        _tell(reading, segment, 29, (died, DEATH, None, None))
    elif is_dead:
        _tell(reading, segment, 29, (None, "DECEASED//date unknown", None, None))
    elif segment.is_null(29) or segment.text(30) == "N":
        reading.withdraw(reading.fact(segment, "29"))


def _codes(reading: Reading, segment: Segment, number: int, kind: str) -> None:
    found = [coded(segment, raw, ANY) for raw in segment.repetitions(number)]
    told = []
    for one in found:
        if one:
            code = one[0].rsplit("//", 1)[-1]
            own = words_of(TABLES[kind], code)
            # Of the few races everybody has the same words; a marital status is told as it was sent.
            words = own or one[1] if kind == "RACE" else one[1] or own
            told.append((None, f"{kind}//{code}", words, None))
    _tell(reading, segment, number, *told)


def _ethnicity(reading: Reading, segment: Segment) -> None:
    told = []
    for raw in segment.repetitions(22):
        code = segment.of(raw)
        if code is None:
            continue
        category, words = ETHNICITIES.get(code.upper(), (code, segment.of(raw, 2)))
        told.append((None, f"ETHNICITY//{category}", words, None))
    _tell(reading, segment, 22, *told)


def _addresses(reading: Reading, segment: Segment) -> None:
    """Where the person lives: from the first day that is told, else always, until another is told."""
    told: list[Event] = []
    now: list[Event] = []
    for place, raw in enumerate(segment.repetitions(11)):
        if (segment.of(raw, 7) or "").upper() in NO_HOME:
            reading.rows.count("addresses of work, of birth or for bills, left out")
            continue
        start, end = _period(reading, segment, raw)
        if start is None and end is not None:
            reading.rows.count("former addresses without a first day, left out")
            continue
        codes = address_codes(
            country=segment.of(raw, 6),
            state=segment.of(raw, 4),
            county=segment.of(raw, 9)
            or segment.of(raw, 9, 2)
            or (segment.text(12) if not place else None),
            postal=segment.of(raw, 5),
        )
        told.extend((start, code, None, end.known if end else None) for code in codes)
        if start is None:
            now.extend((reading.sent, code, None, None) for code in codes)
    _tell(reading, segment, 11, *told, is_first=True)
    if now and reading.kind == "ADT" and reading.sent:
        # A move is told by what comes later: from then on the person lives there.
        digest = hashlib.blake2b(repr([one[1] for one in now]).encode(), digest_size=6).hexdigest()
        _tell(reading, segment, 11, *now, name=digest, is_first=True)


def _period(reading: Reading, segment: Segment, raw: str) -> tuple[Moment | None, Moment | None]:
    """First and last day of an XAD: components 13 and 14 (2.7 on), else the two parts of 12 (DR)."""
    first = segment.of(raw, 13) or segment.of(raw, 12, 1)
    last = segment.of(raw, 14) or segment.of(raw, 12, 2)
    return reading.moment(first), reading.moment(last)


def _identify(reading: Reading, segment: Segment, subject: str) -> None:
    """The person's identifiers for the identity map, and as names by which other messages may mean them."""
    name = _name(segment)
    own = identifiers_of(segment, *PATIENT_IDS, 4)
    told = reading.people.named.setdefault(subject, set())
    for one in own:
        if (one.value, one.authority, name) in told:
            continue
        told.add((one.value, one.authority, name))
        reading.tell()
        reading.rows.identities.append((subject, one.authority or None, one.value, name))
        if not subject.startswith("urn:"):
            reading.rows.aliases.append((one.alias, subject))


def _name(segment: Segment) -> str | None:
    parts = (segment.text(5, 2), segment.text(5, 3), segment.text(5, 1))
    return " ".join(part for part in parts if part) or None
