"""CE, CWE, CNE and IS as code strings: the preferred coding of a fact.

Names of coding systems are those of HL7 table 0396, which `vocab.systems` knows; ``HL70127`` is the standard's own
table 127, which FHIR calls ``v2-0127``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lifecourse.records.preferences import LOCAL, unknown_prefix
from lifecourse.schema.code import SEPARATOR
from lifecourse.vocab.systems import system_of_name, system_of_uri, tidy

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.message import Segment

Named = tuple[str, str | None]

OID = re.compile(r"\d+(?:\.\d+)+")
SNOMED_OF_OLD = ("SNM", "SNM3")
"""What senders call SNOMED CT that say SNOMED 3 and mean the numbers of SNOMED CT."""


class Part(NamedTuple):
    """Where a coding stands in a CWE: components of its code, its words, its system and its system's OID."""

    code: int
    words: int
    system: int
    oid: int


CODINGS = (Part(1, 2, 3, 14), Part(4, 5, 6, 17), Part(10, 11, 12, 20))
ORIGINAL_TEXT = 9
MOST_PARTS = 20
LONGEST_CODE, LONGEST_NAME, LONGEST_REMEMBERED = 200, 100, 1_000
_SEEN: dict[tuple[Any, ...], Named | None] = {}
"""Coded values by what they say: a source repeats a few thousand of them all the time."""
MOST_SEEN = 32_768


def system_prefix(name: str | None) -> str:
    """Our prefix of a coding system; what a sender calls it where we do not know it."""
    if not name:
        return LOCAL
    known = system_of_name(name) or (system_of_uri(name) if "." in name else None)
    if known:
        return known
    if name.upper() in SNOMED_OF_OLD:
        return "SNOMED"
    return unknown_prefix(name)


def coded(segment: Segment, raw: str, preferred: tuple[str, ...]) -> Named | None:
    """Code string and words of a coded value by its preferred coding; None where it has no code."""
    return _remembered(segment, raw, preferred, None)


def named(segment: Segment, raw: str, preferred: tuple[str, ...], kind: str) -> Named | None:
    """As `coded`; a value in words alone is ``TEXT//<kind>`` with the words as text."""
    return _remembered(segment, raw, preferred, kind)


def _remembered(
    segment: Segment, raw: str, preferred: tuple[str, ...], kind: str | None
) -> Named | None:
    says = (raw, segment.delimiters, segment.encoding, preferred, kind)
    try:
        return _SEEN[says]
    except KeyError:
        parts = tuple(segment.of(one) or "" for one in segment.parts(raw)[:MOST_PARTS])
        found = _coded(parts, preferred) or (_in_words(parts, kind) if kind else None)
    if len(raw) <= LONGEST_REMEMBERED:
        if len(_SEEN) >= MOST_SEEN:
            _SEEN.clear()
        _SEEN[says] = found
    return found


def _in_words(parts: tuple[str, ...], kind: str) -> Named | None:
    told = (_at(parts, place) for place in (2, ORIGINAL_TEXT, 5))
    words = next((one for one in told if one), None)
    return (f"TEXT{SEPARATOR}{kind}", words) if words else None


def _at(parts: tuple[str, ...], place: int) -> str | None:
    return (parts[place - 1] or None) if place <= len(parts) else None


def _coded(parts: tuple[str, ...], preferred: tuple[str, ...]) -> Named | None:
    best: tuple[int, str, str | None] | None = None
    for where in CODINGS:
        code = _at(parts, where.code)
        if not code or len(code) > LONGEST_CODE:
            continue
        name = (_at(parts, where.system) or "")[:LONGEST_NAME]
        oid = _at(parts, where.oid)
        system = system_prefix(name)
        if oid and OID.fullmatch(oid) and system == LOCAL:
            system = system_prefix(oid)
        rank = preferred.index(system) if system in preferred else len(preferred)
        if best is None or rank < best[0]:
            words = _at(parts, where.words) or _at(parts, ORIGINAL_TEXT)
            code = code.replace(SEPARATOR, "/")
            best = (rank, f"{system}{SEPARATOR}{tidy(system, code)}", words)
    return None if best is None else best[1:]
