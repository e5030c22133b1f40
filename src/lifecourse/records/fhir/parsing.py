"""JSON text to what it says: strict, and many texts at a time.

Readers of JSON disagree on a key that stands twice in an object, so such a text is refused. To find one, what was
kept is written again: a key that stood twice is in the text once more than in what was kept.
"""

from __future__ import annotations

import gc
import json
import re
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

SPACED_KEY = re.compile(rb'"\s+:')
ESCAPED_QUOTE = b"\\u0022"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
QUOTE, COLON, SPACE = b'": '
DEEPEST = 100
"""Lists and objects within each other, beyond which nothing that FHIR defines goes."""

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
    return (
        _keys_in(raw) != _keys_in(kept)
        or ESCAPED_QUOTE in raw
        or (_has_spaced_colon(raw) and SPACED_KEY.search(raw) is not None)
    )


def _keys_in(raw: bytes) -> int:
    text = np.frombuffer(raw, np.uint8)
    return int(np.count_nonzero((text[1:] == COLON) & (text[:-1] == QUOTE)))


def _has_spaced_colon(raw: bytes) -> bool:
    text = np.frombuffer(raw, np.uint8)
    return bool(np.any((text[1:] == COLON) & (text[:-1] <= SPACE)))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python's cycle collector out: JSON has no cycles, and looking for some takes half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
