"""recordTarget: birth, sex, death, race, ethnicity, addresses; identifiers for the identity map."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lifecourse.records.ccda.coding import bare_code
from lifecourse.records.ccda.markup import SDTC, V3
from lifecourse.records.ccda.statement import LONGEST_ID
from lifecourse.records.moments import Moment
from lifecourse.records.source import IDENTIFIER
from lifecourse.schema.address import address_codes
from lifecourse.schema.event import BIRTH, DEATH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from lifecourse.records.ccda.statement import Document
    from lifecourse.records.rows import Place

ROLE = f"{V3}recordTarget/{V3}patientRole"
SEXES = {"F": "female", "M": "male", "UN": "other", "UNK": "unknown", "OTH": "other"}
DETAILED = re.compile(r"(\d{4})-\d")
CATEGORIES: dict[str, tuple[tuple[int, int, str], ...]] = {
    "RACE": (
        (1002, 2027, "1002-5"),
        (2028, 2053, "2028-9"),
        (2054, 2075, "2054-5"),
        (2076, 2105, "2076-8"),
        (2106, 2130, "2106-3"),
    ),
    "ETHNICITY": ((2135, 2185, "2135-2"),),
}
"""CDC Race and Ethnicity Code Set 1.0 (2.16.840.1.113883.6.238): the codes of a category follow its own."""
ASKED = ("UNK", "ASKU")
"""Null flavours that say that the answer is unknown though it was asked; FHIR's US Core has these two."""
NATIONAL = ("2.16.840.1.113883.4.1",)
"""Social security numbers: a person's name of last resort, mistyped and shared more often than a record number."""


def ids_of(role: Element) -> list[tuple[str, str | None]]:
    """Root and extension of each id of a person, the best to go by first, whatever the order they stand in."""
    told = [
        (root, one.get("extension"))
        for one in role.findall(f"{V3}id")
        if (root := one.get("root")) and one.get("nullFlavor") is None and not _is_filler(root, one)
    ]
    return sorted(
        set(told), key=lambda name: (name[0] in NATIONAL, name[1] is None, name[0], name[1] or "")
    )


def _is_filler(root: str, one: Element) -> bool:
    """Whether it names nobody: a national number of one digit, as forms are filled with, or an endless text."""
    if len(root) + len(one.get("extension") or "") > LONGEST_ID:
        return True
    return root in NATIONAL and len(set((one.get("extension") or "").replace("-", ""))) <= 1


def key_of(name: tuple[str, str | None]) -> str:
    """The key by which ingestion knows the person with an id."""
    return f"{IDENTIFIER}urn:oid:{name[0]}|{name[1] or ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A recordTarget as a row of the file.

    source_id : of what documents say of the person, whichever ids they have; each field is a record of its own
        (`field`), so that a later document that leaves one out does not take it away
    """

    role: Element
    document: Document
    row: int
    source_id: str
    part: str | None = None

    @property
    def place(self) -> Place:
        """The file."""
        return self.document.place

    @property
    def version(self) -> int | None:
        """That of the document."""
        return self.document.version

    def field(self, name: str) -> Person:
        """The record of one field."""
        return replace(self, source_id=f"{self.source_id}/{name}")


def read_person(person: Person) -> None:
    """The person's static facts, birth, death, addresses and identifiers."""
    document, role = person.document, person.role
    patient = role.find(f"{V3}patient")
    if patient is None:
        sex = "unknown"
    else:
        gender = patient.find(f"{V3}administrativeGenderCode")
        sex = SEXES.get(bare_code(gender) or "", "unknown")
    rows = document.rows
    rows.add(person.field("sex"), document.subject, None, f"SEX//{sex}")
    if patient is not None:
        _demographics(person, patient)
        _birth_and_death(person, patient)
    _addresses(person)
    _identify(person, patient)


def _demographics(person: Person, patient: Element) -> None:
    rows, subject = person.document.rows, person.document.subject
    for name, kind in (
        ("raceCode", "RACE"),
        ("ethnicGroupCode", "ETHNICITY"),
        ("maritalStatusCode", "MARITAL_STATUS"),
    ):
        told: dict[str, str | None] = {}
        for concept in (*patient.findall(V3 + name), *patient.findall(SDTC + name)):
            code = bare_code(concept) or concept.get("nullFlavor")
            if code and concept.get("nullFlavor") in (None, *ASKED):
                whole = category_of(kind, code.strip())
                told.setdefault(
                    whole, concept.get("displayName") if whole == code.strip() else None
                )
        for code, words in told.items():
            rows.add(person.field(name), subject, None, f"{kind}//{code}", text=words)


def category_of(kind: str, code: str) -> str:
    """The OMB category that a detailed code of race or ethnicity belongs to; others as they are."""
    number = DETAILED.fullmatch(code)
    for first, last, category in CATEGORIES.get(kind, ()):
        if number and first <= int(number[1]) <= last:
            return category
    return code


def _birth_and_death(person: Person, patient: Element) -> None:
    document = person.document
    birth = patient.find(f"{V3}birthTime")
    born = document.moment(birth.get("value")) if birth is not None else None
    if born:
        # A birth is known from its first moment: age counts from there.
        moment = Moment(born.start, born.start, born.precision)
        document.rows.add(person.field("birthTime"), document.subject, moment, BIRTH)
    death = patient.find(f"{SDTC}deceasedTime")
    died = document.moment(death.get("value")) if death is not None else None
    indicator = patient.find(f"{SDTC}deceasedInd")
    if died:
        document.rows.add(person.field("deceased"), document.subject, died, DEATH)
    elif indicator is not None and indicator.get("value") == "true":
        document.rows.add(
            person.field("deceased"), document.subject, None, "DECEASED//date unknown"
        )


def _addresses(person: Person) -> None:
    """Where the person lives and has lived, each from its first day; one without a period holds always."""
    document = person.document
    for place, address in enumerate(person.role.findall(f"{V3}addr"), start=1):
        if address.get("nullFlavor") is not None:
            continue
        period = address.find(f"{V3}useablePeriod")
        low = period.find(f"{V3}low") if period is not None else None
        high = period.find(f"{V3}high") if period is not None else None
        start = document.moment(low.get("value")) if low is not None else None
        end = document.moment(high.get("value")) if high is not None else None
        uses = (address.get("use") or "").split()
        if start is None and (end is not None or "OLD" in uses or "TMP" in uses or "BAD" in uses):
            document.rows.count("former addresses without a first day, left out")
            continue
        codes = address_codes(
            country=_part(address, "country"),
            state=_part(address, "state"),
            county=_part(address, "county"),
            postal=_part(address, "postalCode"),
        )
        for code in codes:
            document.rows.add(
                person.field("addr"), document.subject, start, code,
                end=end.known if end else None, part=f"addr[{place}]",
            )  # fmt: skip


def _part(address: Element, name: str) -> str | None:
    found = address.find(V3 + name)
    return found.text if found is not None and found.get("nullFlavor") is None else None


def _identify(person: Person, patient: Element | None) -> None:
    rows, subject = person.document.rows, person.document.subject
    name = _name(patient) if patient is not None else None
    names = ids_of(person.role)
    for root, extension in names:
        rows.identities.append((subject, f"urn:oid:{root}", extension, name))
        other = key_of((root, extension))
        if other != subject:
            rows.aliases.append((other, subject))


def _name(patient: Element) -> str | None:
    names = patient.findall(f"{V3}name")
    legal = [name for name in names if name.get("use") == "L"] or names
    if not legal:
        return None
    parts = (*legal[0].findall(f"{V3}given"), *legal[0].findall(f"{V3}family"))
    return " ".join(_words(parts)) or " ".join((legal[0].text or "").split()) or None


def _words(parts: tuple[Element, ...]) -> Iterator[str]:
    return (part.text.strip() for part in parts if part.text and part.text.strip())
