"""ConText: whether what a sentence names is so, denied, of the family, supposed or past.

Chapman 2001 (NegEx, doi:10.1006/jbin.2001.1029) and Harkema 2009 (ConText, doi:10.1016/j.jbi.2009.05.002): a cue
reaches from where it stands to the end of its sentence, or to a word that ends it. Terms and cues are tables,
``terms.csv`` and ``cues.csv``. The longest phrase at a place is meant, and a phrase that only looks like a cue is none.
"""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER = Path(__file__).parent
TERMS, CUES, SECTIONS = FOLDER / "terms.csv", FOLDER / "cues.csv", FOLDER / "sections.csv"
LONGEST_SENTENCE = 2_000
"""Characters; what has no end within them (a table, a list of values) is cut there."""
# A full stop ends a sentence where white space and then no small letter follows; not after a title or an initial.
BREAK = re.compile(
    r"(?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bSt)(?<!\b[A-Z])[.!?](?=\s+[^a-z\s]|\s*$)|;|\r?\n\s*\n|\r?\n(?=\s*[-*\u2022A-Z])"
)
HEADING = re.compile(r"^[ \t]*([A-Za-z][A-Za-z /&-]{1,40}?)[ \t]*:|^[ \t]*$", re.MULTILINE)
PSEUDO, END = "pseudo", "end"
AFTER, BEFORE, AROUND, OWN = "after", "before", "around", "own"


class Status(StrEnum):
    """What a sentence says of what it names, weightiest first; NO_FAMILY: that relatives do not have it."""

    NO_FAMILY = "no_family"
    FAMILY = "family"
    HYPOTHETICAL = "hypothetical"
    NEGATED = "negated"
    HISTORICAL = "historical"
    PRESENT = "present"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A term found. Characters count from 0, ends are not included.

    start, end : of the term; sentence_start, sentence_end : of its sentence
    """

    codelist: str
    term: str
    status: Status
    start: int
    end: int
    sentence_start: int
    sentence_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cue:
    says: str
    scope: str
    start: int
    end: int


def mentions(text: str, section: str | None = None) -> list[Mention]:
    """Every term in `text` with what its sentence says of it, in order; of terms in one another the longest.

    section : the code of the section that `text` is, where it is one
    """
    found: list[Mention] = []
    words, codelists = _terms()
    if words.search(text) is None:
        return found
    starts, said_there = _headings(text, section)
    for first, last in sentences(text):
        sentence = text[first:last]
        terms = list(words.finditer(sentence))
        if not terms:
            continue
        cues = _cues_in(sentence)
        for term in terms:
            said = " ".join(term.group().lower().split())
            found.append(
                Mention(
                    codelist=codelists[said],
                    term=said,
                    status=_status(
                        term.start(),
                        term.end(),
                        cues,
                        _at(first + term.start(), starts, said_there),
                    ),
                    start=first + term.start(),
                    end=first + term.end(),
                    sentence_start=first,
                    sentence_end=last,
                )
            )
    return found


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence starts and ends, without the white space around it."""
    start = 0
    for stop in [*(match.end() for match in BREAK.finditer(text)), len(text)]:
        for begin in range(start, stop, LONGEST_SENTENCE):
            piece = text[begin : min(begin + LONGEST_SENTENCE, stop)]
            lead = len(piece) - len(piece.lstrip())
            if piece.strip():
                yield begin + lead, begin + len(piece.rstrip())
        start = stop


def _headings(text: str, section: str | None) -> tuple[list[int], list[str | None]]:
    """Where sections of `text` start, and what each says of all that it names."""
    known = _sections()
    starts, says = [0], [known.get(section or "")]
    for match in HEADING.finditer(text):
        starts.append(match.start())
        heading = " ".join((match[1] or "").lower().split())
        says.append(known.get(heading) or known.get(section or ""))
    return starts, says


def _at(place: int, starts: list[int], says: list[str | None]) -> str | None:
    return says[bisect_right(starts, place) - 1]


def _status(start: int, end: int, cues: Sequence[_Cue], section: str | None) -> Status:
    said = {cue.says for cue in cues if _reaches(cue, start, end, cues)}
    if section is not None and (section == Status.FAMILY or not said & set(Status)):
        said.add(section)
    if {Status.FAMILY, Status.NEGATED} <= said:
        return Status.NO_FAMILY
    return next((status for status in Status if status in said), Status.PRESENT)


def _reaches(cue: _Cue, start: int, end: int, cues: Sequence[_Cue]) -> bool:
    if cue.says in (PSEUDO, END):
        return False
    if cue.end <= start and cue.scope in (AFTER, AROUND):
        between = (cue.end, start)
    elif cue.start >= end and cue.scope in (BEFORE, AROUND):
        between = (end, cue.start)
    else:
        return False
    inside = [other for other in cues if between[0] <= other.start < between[1]]
    return not any(_ends(other, cue) for other in inside)


def _ends(other: _Cue, cue: _Cue) -> bool:
    """Whether `other` ends the scope of `cue`: a relative begins another story than the patient's own "no"."""
    of_family = cue.says in (Status.FAMILY, Status.NO_FAMILY)
    if other.says == Status.FAMILY:
        return cue.says == Status.NEGATED
    return other.says == END and not (other.scope == OWN and of_family)


def _cues_in(sentence: str) -> list[_Cue]:
    words, table = _cues()
    found = []
    for match in words.finditer(sentence):
        says, scope = table[" ".join(match.group().lower().split())]
        found.append(_Cue(says=says, scope=scope, start=match.start(), end=match.end()))
    return found


@cache
def _terms() -> tuple[re.Pattern[str], dict[str, str]]:
    table = {row["term"].lower(): row["codelist"] for row in _rows(TERMS)}
    return _any_of(table), table


@cache
def _sections() -> dict[str, str]:
    return {row["section"]: row["says"] for row in _rows(SECTIONS)}


@cache
def _cues() -> tuple[re.Pattern[str], dict[str, tuple[str, str]]]:
    table = {row["cue"].lower(): (row["says"], row["scope"]) for row in _rows(CUES)}
    return _any_of(table), table


def _any_of(
    phrases: dict[str, object] | dict[str, str] | dict[str, tuple[str, str]],
) -> re.Pattern[str]:
    """One pattern of all phrases, the longest first; a phrase is whole words, with any white space in it."""
    ordered = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    written = ("\\s+".join(map(re.escape, phrase.split())) for phrase in ordered)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(written)})(?![\w-])", re.IGNORECASE)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(line for line in lines if not line.startswith("#"))
