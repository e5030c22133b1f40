"""CE, CWE, CNE and IS as code strings: the preferred coding of a fact.

Names of coding systems are those of HL7 table 0396, which `vocab.systems` knows; ``HL70127`` is the standard's own
table 127, which FHIR calls ``v2-0127``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from lifecourse.records.preferences import LOCAL, unknown_prefix
from lifecourse.schema.code import SEPARATOR
from lifecourse.vocab.systems import system_of_name, system_of_uri, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

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
LONGEST_CODE, LONGEST_NAME, LONGEST_REMEMBERED = 200, 100, 2_000


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


def coded(segment: Segment, raw: str, preferred: Sequence[str]) -> Named | None:
    """Code string and words of a coded value by its preferred coding; None where it has no code."""
    return _of_parts(_parts(segment, raw), tuple(preferred))


def named(segment: Segment, raw: str, preferred: Sequence[str], kind: str) -> Named | None:
    """As `coded`; a value in words alone is ``TEXT//<kind>`` with the words as text."""
    parts = _parts(segment, raw)
    found = _of_parts(parts, tuple(preferred))
    if found is None:
        words = next(
            (one for one in (_at(parts, 2), _at(parts, ORIGINAL_TEXT), _at(parts, 5)) if one), None
        )
        if words:
            return f"TEXT{SEPARATOR}{kind}", words
    return found


def _parts(segment: Segment, raw: str) -> tuple[str, ...]:
    return tuple(segment.of(one) or "" for one in segment.parts(raw)[:20])


def _of_parts(parts: tuple[str, ...], preferred: tuple[str, ...]) -> Named | None:
    """As `_coded`; what is long is not remembered."""
    is_long = sum(map(len, parts)) > LONGEST_REMEMBERED
    return _coded.__wrapped__(parts, preferred) if is_long else _coded(parts, preferred)


def _at(parts: tuple[str, ...], place: int) -> str | None:
    return (parts[place - 1] or None) if place <= len(parts) else None


# A source repeats a few thousand coded values all the time.
@lru_cache(maxsize=65_536)
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
