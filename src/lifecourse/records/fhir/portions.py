"""A Bundle that is written over lines, read some entries at a time: so few objects stay in the processor's cache.

It is cut where an entry ends and the next begins with the indent of the first. JSON has no line ends within its texts,
so that a cut is right where what is between two cuts is a list of values, and what is around them an object that has
its entries in their place: both are parsed, and whoever sees that one is not reads the document as a whole.
"""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lifecourse.base.json_text import parse
from lifecourse.records.fhir.claims import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

OPENING = re.compile(rb'"entry"[ \t]*:[ \t]*\[\r?\n([ \t]+)(?=\{)')
HEAD_BYTES = 4 << 10
# Nobody can have put this word into a Bundle to have something else taken for its entries.
_ENTRIES = secrets.token_hex(16)


def parsed(raw: bytes) -> Any:
    """What a document says as a whole, but for what is only counted.

    Raises
    ------
    ValueError
        It cannot be read.
    """
    short = shortened(raw)
    if short is not raw:
        # Where the shorter text is none, the whole says better what is wrong.
        with suppress(ValueError):
            return parse(short)
    return parse(raw)


def frame_of(raw: bytes) -> tuple[dict[str, Any], bytes, int, int] | None:
    """What a Bundle says beside its entries, their indent, and where they begin and end; None where unsure."""
    opening = OPENING.search(raw, 0, HEAD_BYTES)
    if opening is None:
        return None
    start = opening.end()
    closing = b"\n%b}" % opening[1]
    end = raw.rfind(closing, start) + len(closing)
    if end <= start:
        return None
    try:
        said = parse(b'%b"%b"%b' % (raw[:start], _ENTRIES.encode(), raw[end:]))
    except ValueError:
        return None
    is_framed = isinstance(said, dict) and said.get("entry") == [_ENTRIES]
    return (said, opening[1], start, end) if is_framed else None


def portions(raw: bytes, indent: bytes, start: int, end: int, size: int) -> Iterator[list[Any]]:
    """The entries between `start` and `end`, about `size` bytes of text at a time, without what is only counted.

    Raises
    ------
    ValueError
        It is not to be cut so: read the document as a whole.
    """
    between = b"\n%b},\n%b{" % (indent, indent)
    to_comma = between.index(b",")
    while start < end:
        cut = raw.rfind(between, start, min(start + size, end))
        if cut < 0:
            cut = raw.find(between, start, end)
        stop = end if cut < 0 or end - start <= size else cut + to_comma
        yield parse(b"[%b]" % shortened(raw[start:stop]))
        start = stop + 1
