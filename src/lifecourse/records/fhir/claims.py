"""Resources that are counted and not read, cut out of a Bundle before it is parsed: half of many an export.

Where the text is written over lines with indents, the last line before the next entry's resource that is indented as
the one on which the resource began, and closes a bracket, ends it (or what the entry says beside it, which nobody reads
of such an entry). In a Bundle that is written in another way, brackets are counted.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from lifecourse.engine.compiled import kernel

UNREAD = ("Claim", "ClaimResponse", "ExplanationOfBenefit", "Provenance", "AuditEvent")
"""What says nothing of health: counted without a look inside."""
NOT_READ = tuple(
    f'{{"resourceType":{space}"{kind}"'.encode() for kind in UNREAD for space in ("", " ")
)
"""How the lines of resources begin that are counted and need not be parsed."""
NOT_READ_BYTES = min(map(len, NOT_READ))
NOT_READ_STARTS = frozenset(start[:NOT_READ_BYTES] for start in NOT_READ)
_ANY = "|".join(UNREAD).encode()
RESOURCE = re.compile(rb'"resource"\s*:(?:\s*\{\s*"resourceType"\s*:\s*"(%s)")?' % _ANY)
ENTRY = re.compile(
    rb'\{\s*(?:"fullUrl"\s*:\s*"[^"\\]*"\s*,\s*)?"resource"\s*:\s*\{\s*"resourceType"\s*:\s*"(%s)"'
    % _ANY
)
REQUEST, DELETE = b'"request"', b'"DELETE"'


def unread_type(entry: bytes) -> str | None:
    """The type of the resource of an entry that is counted without a look inside; None where it must be read."""
    found = ENTRY.match(entry)
    return found[1].decode() if found and DELETE not in entry else None


def shortened(bundle: bytes) -> bytes:
    """`bundle` with what is not read left out but for its type; as it is where anything is unusual.

    Where a cut were wrong, brackets would not match or a key stand twice in an entry, which is seen when the rest is
    parsed; or an entry without a resource were lost, a deletion, which is seen here by its key.
    """
    found = list(RESOURCE.finditer(bundle))
    if not any(one[1] for one in found):
        return bundle
    text = memoryview(bundle)
    kept: list[bytes | memoryview] = []
    end = 0
    for place, one in enumerate(found):
        if one[1] is None:
            continue
        start = one.start()
        after = found[place + 1].start() if place + 1 < len(found) else len(bundle)
        stop = _end_of(bundle, start, after)
        if stop < 0:
            return bundle
        kept += (text[end:start], b'"resource":{"resourceType":"%b"}' % one[1])
        end = stop
    return b"".join((*kept, text[end:]))


def _end_of(bundle: bytes, start: int, after: int) -> int:
    """Behind the bracket that closes the resource of the line of `start`, which is before `after`; -1 where unsure."""
    line = bundle.rfind(b"\n", 0, start) + 1
    indent = bundle[line:start]
    opening = bundle.find(b"{", start)
    if line == 0 or not indent or indent.strip(b" \t") or bundle[opening + 1] not in b"\r\n":
        return _closing(bundle, opening)
    closing = b"\n%b}" % indent
    request = bundle.find(REQUEST, start, after)
    if request < 0:
        stop = bundle.rfind(closing, start, after)
        return stop + len(closing) if stop >= 0 else -1
    # What the entry asks for mostly stands behind its resource, in a line with the same indent.
    if bundle.endswith(b"\n%b" % indent, start, request):
        stop = bundle.rfind(b"}", start, request) + 1
        return stop if bundle[stop:request].strip() == b"," else -1
    stop = bundle.find(closing, start, request)
    return stop + len(closing) if stop >= 0 else -1


def _closing(bundle: bytes, opening: int) -> int:
    """Behind the bracket that closes the one at `opening`; -1 where none does."""
    found = np.full(1, -1, np.int64)
    _close(np.frombuffer(bundle, np.uint8), opening, found)
    return int(found[0])


@kernel("uint8[]", "int64", "int64[]")
def _close(text: Any, opening: int, found: Any) -> None:
    """As `_closing`; `found` stays as it is where none closes it."""
    depth, place, end = 0, opening, len(text)
    while place < end:
        sign = text[place]
        if sign == 34:
            place += 1
            while place < end and text[place] != 34:
                place += 2 if text[place] == 92 else 1
        elif sign in (123, 91):
            depth += 1
        elif sign in (125, 93):
            depth -= 1
            if depth == 0:
                found[0] = place + 1
                return
        place += 1
