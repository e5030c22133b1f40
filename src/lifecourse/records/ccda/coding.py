"""Coded values (CD, CE, CV) as code strings: the preferred of a code and its translations."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from lifecourse.records.ccda.kinds import kinds
from lifecourse.records.ccda.markup import V3
from lifecourse.records.preferences import unknown_prefix
from lifecourse.schema.code import SEPARATOR
from lifecourse.vocab.systems import system_of_name, system_of_uri, systems, tidy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree.ElementTree import Element

    from lifecourse.records.ccda.statement import Statement

Named = tuple[str, str | None]

ASSERTION = "ASSERTION"
LONGEST = 256
SAID = ("code", "codeSystem", "codeSystemName")
STANDS_BESIDE_A_CODE = (None, "OTH")
"""Null flavours with which a code still counts: any other says that the code is not known to hold."""
TRANSLATION = f"{V3}translation"


@lru_cache(maxsize=4096)
def system_prefix(oid: str | None, name: str | None) -> str:
    """Our prefix of a coding system by its OID, else by the name beside it; else the OID itself."""
    oid, name = (oid or "").strip(), (name or "").strip()
    known = system_of_uri(oid) or kinds().systems.get(oid)
    # Some write the name where the OID should be.
    known = known or system_of_name(name) or system_of_name(oid)
    return known or unknown_prefix(oid or name)


def coded(concept: Element | None, preferred: Sequence[str]) -> Named | None:
    """Code string and display of `concept` by its preferred coding; None where it has no code.

    Of equally preferred ones the first counts; a system that we do not know comes after all others.
    """
    best: tuple[int, str, str | None] | None = None
    for coding in _codings(concept):
        if coding.get("nullFlavor") not in STANDS_BESIDE_A_CODE or _is_no_code(coding):
            continue
        found = _read(
            coding.get("codeSystem"),
            coding.get("codeSystemName"),
            coding.get("code"),
            tuple(preferred),
        )
        if found is not None and (best is None or found[0] < best[0]):
            best = (*found, coding.get("displayName"))
    if best is None or concept is None:
        return None
    return best[1], best[2] or concept.get("displayName")


def named(
    statement: Statement, concept: Element | None, preferred: Sequence[str], kind: str
) -> Named | None:
    """As `coded`, with the words of the narrative where the code has none; words alone are ``TEXT//<kind>``."""
    found = coded(concept, preferred)
    if found is not None:
        return found if found[1] else (found[0], statement.words_of(concept))
    words = statement.words_of(concept) or display_of(concept)
    return (f"TEXT{SEPARATOR}{kind}", words) if words else None


def bare_code(concept: Element | None) -> str | None:
    """The code alone, for what CDA binds to one system: statuses, classes, relations."""
    return concept.get("code") if concept is not None else None


def display_of(concept: Element | None) -> str | None:
    """The words of the first coding that has some."""
    return next((words for c in _codings(concept) if (words := c.get("displayName"))), None)


def _codings(concept: Element | None) -> Iterator[Element]:
    if concept is not None:
        yield concept
        yield from concept.findall(TRANSLATION)


def _is_no_code(coding: Element) -> bool:
    """Whether it is longer than codes and their systems are: such a text is not kept among the codes seen."""
    return any(len(coding.get(name) or "") > LONGEST for name in SAID)


@lru_cache(maxsize=65_536)
def _read(
    oid: str | None, name: str | None, code: str | None, preferred: tuple[str, ...]
) -> tuple[int, str] | None:
    if code is None or not code.strip():
        return None
    system = system_prefix(oid, name)
    unranked = len(preferred) + (system not in systems())
    rank = preferred.index(system) if system in preferred else unranked
    return rank, f"{system}{SEPARATOR}{tidy(system, code)}"
