"""JSON text to what it says: strict, and many texts at a time.

Readers of JSON disagree on a key that stands twice in an object, so such a text is refused. To find one, what was
kept is written again: a key that stood twice is in the text once more than in what was kept.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

import numpy as np
import orjson

SPACED_KEY = re.compile(rb'"\s+:')
ESCAPED_QUOTE = b"\\u0022"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
QUOTE, COLON, SPACE, BACKSLASH, LETTER_U = b'": \\u'
PIECE_BYTES = 256 << 10

# Between texts that are parsed together stands a word that nobody can have put into one of them to make two of it.
_BETWEEN = secrets.token_hex(16)
_SEPARATOR = f',"{_BETWEEN}",'.encode()


def parse(raw: bytes) -> Any:
    """The JSON in `raw`.

    Raises
    ------
    ValueError
        It is not JSON, has NaN, or an object names a key twice.
    """
    try:
        body = orjson.loads(raw.removeprefix(BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        raise ValueError("not valid JSON") from None
    if _names_a_key_twice(raw, body):
        try:
            json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_without_duplicates)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    return body


def parse_together(texts: list[bytes]) -> list[Any] | None:
    """The JSON of each of `texts`; None where any of them needs to be looked at by itself."""
    raw = _SEPARATOR.join(texts)
    try:
        found: list[Any] = orjson.loads(b"[%b]" % raw)
        if len(found) != 2 * len(texts) - 1 or any(word != _BETWEEN for word in found[1::2]):
            return None
        return None if _names_a_key_twice(raw, found) else found[::2]
    except ValueError:
        return None


def _names_a_key_twice(raw: bytes, body: Any) -> bool:
    """Whether an object in `raw` may name a key twice; it is certain only where this says no."""
    try:
        kept = orjson.dumps(body)
    except TypeError:
        raise ValueError("nested too deeply") from None
    # Spaces before colons, and quotes written as escapes, could make up for a key that stands twice.
    keys, is_odd = _keys_in(raw)
    return keys != _keys_in(kept)[0] or (
        is_odd and (ESCAPED_QUOTE in raw or SPACED_KEY.search(raw) is not None)
    )


def _keys_in(raw: bytes) -> tuple[int, bool]:
    """How many colons stand behind a quote; whether any stands behind a space, or a character is escaped by number."""
    text = np.frombuffer(raw, np.uint8)
    keys, is_odd = 0, False
    # In pieces that stay in the processor's cache, each with the byte before it.
    for start in range(0, len(text), PIECE_BYTES):
        piece = text[max(start - 1, 0) : start + PIECE_BYTES]
        before, signs = piece[:-1], piece[1:]
        behind = before[np.flatnonzero(signs == COLON)]
        keys += int(np.count_nonzero(behind == QUOTE))
        if not is_odd:
            escaped = signs[np.flatnonzero(before == BACKSLASH)]
            is_odd = bool((behind <= SPACE).any()) or bool((escaped == LETTER_U).any())
    return keys, is_odd


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found
