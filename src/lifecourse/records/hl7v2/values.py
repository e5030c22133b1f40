"""OBX-5: what was found, as number, unit and text, by the type that OBX-2 names (HL7 v2.9 chapter 2A)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, NamedTuple

from lifecourse.records.hl7v2.coding import coded
from lifecourse.records.hl7v2.context import LONGEST_CHARACTERS
from lifecourse.records.preferences import ANY

if TYPE_CHECKING:
    from lifecourse.records.hl7v2.context import Reading
    from lifecourse.records.hl7v2.message import Segment

CODED = ("CE", "CWE", "CNE", "CF", "IS", "ID")
WORDS = ("ST", "TX", "FT", "GTS", "")
TIMES = ("DT", "TS", "DTM", "TM")
ELSEWHERE = ("ED", "RP")
"""Types whose content is no text or lies elsewhere."""
UCUM = "UCUM"
PLAIN_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,9})?")
NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?")
COMPARED = re.compile(r"(<=|>=|<|>)\s*(\S+)")
LARGEST = 3.4028234e38
"""What a float32 holds, as which values are stored."""


class Value(NamedTuple):
    """What one repetition of OBX-5 says; `answer` is a coded answer."""

    number: float | None = None
    text: str | None = None
    answer: str | None = None


def value_of(reading: Reading, segment: Segment, kind: str, raw: str) -> Value:
    """The value in `raw`, a repetition of OBX-5 of type `kind`."""
    if kind == "NM":
        return number_or_words(segment.of(raw))
    if kind == "SN":
        return _structured(segment, raw)
    if kind in CODED:
        found = coded(segment, raw, ANY)
        if found:
            return Value(None, found[1], found[0])
        return Value(None, segment.of(raw, 2) or segment.of(raw, 9))
    if kind in WORDS:
        return _words(segment.plain(raw).strip())
    if kind in TIMES:
        return Value(None, iso(segment.of(raw), kind))
    if kind in ELSEWHERE:
        return Value(None, _enclosed(reading, segment, kind, raw))
    if kind in ("NR", "CQ", "MO", "CP"):
        return number_or_words(segment.of(raw))
    reading.rows.count(f"OBX values of type {_shown(kind)}, kept as words")
    parts = (segment.of(one) for one in segment.parts(raw))
    return Value(None, " ".join(part for part in parts if part) or None)


def unit_of(segment: Segment) -> str | None:
    """The unit of OBX-6: of two codings that of UCUM, else the first code, else its words."""
    raw = segment.raw(6)
    if not raw:
        return None
    is_second = segment.of(raw, 3) != UCUM and segment.of(raw, 6) == UCUM
    return segment.of(raw, 4 if is_second else 1) or segment.of(raw, 2)


def _shown(kind: str) -> str:
    """A type as the standard might have it: what is none of its form may be anything."""
    return kind if re.fullmatch(r"[A-Z]{2,3}", kind) else "that HL7 does not have"


def number_or_words(text: str | None) -> Value:
    """A number, with what it is compared by as text (``<``); anything else is words."""
    if not text:
        return Value()
    compared = COMPARED.fullmatch(text)
    written = compared[2] if compared else text
    if NUMBER.fullmatch(written) and abs(number := float(written)) <= LARGEST:
        return Value(number, compared[1] if compared else None)
    return Value(None, text)


def _words(text: str) -> Value:
    # A number that a system writes as text is a number all the same; the text stays beside it.
    return Value(float(text) if PLAIN_NUMBER.fullmatch(text) else None, text or None)


def _structured(segment: Segment, raw: str) -> Value:
    """SN: a comparator, a number, a separator and a second number (v2.9 section 2A.3.73)."""
    comparator, first, separator, second = (segment.of(raw, place) for place in (1, 2, 3, 4))
    low, high = number_or_words(first).number, number_or_words(second).number
    if separator is None and second is None:
        if low is None:
            return Value(None, " ".join(part for part in (comparator, first) if part) or None)
        return Value(low, comparator if comparator not in (None, "=") else None)
    if separator == "-":
        # A middle would be a number that nobody measured.
        return Value(low if low == high else None, f"{first or ''}..{second or ''}")
    if separator in (":", "/") and low is not None and high:
        return Value(low / high, f"{first}:{second}")
    parts = (comparator, first, separator, second)
    return Value(None, "".join(part for part in parts if part) or None)


def iso(text: str | None, kind: str = "TS") -> str | None:
    """A time stamp as FHIR writes it; as it stands where it is none."""
    if not text:
        return None
    found = re.fullmatch(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\.\d+)?([+-]\d{4})?", text)
    if kind == "TM":
        clock = re.fullmatch(r"(\d\d)(\d\d)?(\d\d)?(\.\d+)?([+-]\d{4})?", text)
        return ":".join((clock[1], clock[2] or "00", clock[3] or "00")) if clock else text
    if found is None:
        return text
    year, month, day, hour, minute, second, _, offset = found.groups()
    date = "-".join(part for part in (year, month, day) if part)
    if hour is None:
        return date
    zone = f"{offset[:3]}:{offset[3:]}" if offset else ""
    return f"{date}T{hour}:{minute or '00'}:{second or '00'}{zone}"


def _enclosed(reading: Reading, segment: Segment, kind: str, raw: str) -> str | None:
    """The text that an ED encloses, where it is text; otherwise it is counted."""
    form = f"{segment.of(raw, 2) or ''} {segment.of(raw, 3) or ''}".lower()
    data = segment.of(raw, 5)
    if kind == "ED" and data and ("text" in form.split() or "plain" in form):
        text = data if (segment.of(raw, 4) or "").lower() != "base64" else _decoded(data)
        if text:
            return text
    reading.rows.count(f"OBX values of type {kind}, kept by name alone")
    return None


def _decoded(data: str) -> str | None:
    if len(data) > LONGEST_CHARACTERS * 4 // 3:
        return None
    try:
        return base64.b64decode("".join(data.split()), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None
