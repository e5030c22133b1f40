"""A document of any size to its parts, without ever holding the whole: entries of Bundles, elements of an array.

Of the text only the outermost brackets, commas and colons are looked at (compiled); each part is then parsed by
itself. Several documents one after the other are read as one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.engine.compiled import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.records.unpacking import Stream

PIECE_BYTES = 1 << 20
ENTRIES = re.compile(rb'[,{]\s*"entry"\s*:\s*')
OTHER_TYPE = re.compile(rb'"resourceType"\s*:\s*"(?!Bundle")')
OUTERMOST = 2
OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST, COMMA = b"{}[],"
NOT_JSON = "not valid JSON"


WHOLE, BEFORE, ENTRY, AFTER = range(4)
"""What a part is: a document or an element of an array; or of a Bundle what it says before its entries (an object),
each entry, and what it says behind them."""
Part = tuple[int, bytes | None]


def parts(stream: Stream, *, longest: int) -> Iterator[Part]:
    """The parts of the documents in `stream`: what each is, and its text.

    A part of more than `longest` bytes comes as None.

    Raises
    ------
    ValueError
        Brackets do not match, or the end is missing; what came before it was given.
    """
    splitter = _Splitter(longest)
    while piece := stream.read(PIECE_BYTES):
        yield from splitter.take(piece)
    yield from splitter.end()


class _Splitter:
    """Where the reader stands between two pieces of text.

    held : text since the last part ended; `offset` is the place of its first byte
    scanned : up to where of `held` the marks are known
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._state = np.zeros(3, np.int64)
        self._held = bytearray()
        self._start = 0
        self._is_list = False
        self._in_entries = False
        self._had_entries = False
        self._is_too_long = False
        self._places = np.empty(PIECE_BYTES, np.int32)
        self._depths = np.empty(PIECE_BYTES, np.int16)
        self._found = np.zeros(1, np.int64)

    def take(self, piece: bytes) -> Iterator[Part]:
        base = len(self._held)
        self._held += piece
        text = np.frombuffer(piece, np.uint8)
        _outer_marks(text, self._state, OUTERMOST, self._places, self._depths, self._found)
        count = int(self._found[0])
        if count < 0:
            raise ValueError(NOT_JSON)
        self._start = 0
        places = (self._places[:count].astype(np.int64) + base).tolist()
        for place, depth in zip(places, self._depths[:count].tolist(), strict=True):
            found = self._mark(place, depth)
            if found is not None:
                yield found
        del self._held[: self._start]
        if len(self._held) > self._longest:
            self._held.clear()
            self._is_too_long = True

    def end(self) -> Iterator[Part]:
        if self._state.any() or bytes(self._held).strip():
            raise ValueError(NOT_JSON)
        yield from ()

    def _mark(self, place: int, depth: int) -> Part | None:
        sign = self._held[place]
        if depth == 0:
            return self._of_document(sign, place)
        if self._is_list and depth == 1:
            return self._of_elements(sign, place, WHOLE)
        if self._in_entries and depth == OUTERMOST:
            return self._of_elements(sign, place, ENTRY)
        if depth == 1 and not self._is_list:
            if sign == OPEN_LIST and (before := self._before_entries(place)) is not None:
                self._in_entries = self._had_entries = True
                self._start, self._is_too_long = place + 1, False
                return BEFORE, before
            elif sign == CLOSE_LIST and self._in_entries:
                return self._close_entries(place)
        return None

    def _of_document(self, sign: int, place: int) -> Part | None:
        """The outermost brackets: a list's elements are parts, an object without entries is one."""
        if sign in (OPEN_OBJECT, OPEN_LIST):
            if bytes(self._held[self._start : place]).strip():
                raise ValueError(NOT_JSON)
            self._is_list = sign == OPEN_LIST
            self._had_entries = False
            self._start = place + (1 if self._is_list else 0)
            return None
        if sign == CLOSE_OBJECT and not self._is_list:
            found: Part | None = (
                self._after_entries(place) if self._had_entries else self._part(place + 1, WHOLE)
            )
            self._start, self._is_too_long = place + 1, False
            return found
        if sign == CLOSE_LIST and self._is_list:
            found = self._last(place, WHOLE)
            self._start, self._is_list = place + 1, False
            return found
        raise ValueError(NOT_JSON)

    def _of_elements(self, sign: int, place: int, what: int) -> Part | None:
        if sign != COMMA:
            return None
        found = self._part(place, what)
        self._start, self._is_too_long = place + 1, False
        return found

    def _close_entries(self, place: int) -> Part | None:
        found = self._last(place, ENTRY)
        self._in_entries = False
        self._start, self._is_too_long = place + 1, False
        return found

    def _last(self, place: int, what: int) -> Part | None:
        """The part before a closing bracket, which an empty list does not have."""
        is_empty = not self._is_too_long and not bytes(self._held[self._start : place]).strip()
        return None if is_empty else self._part(place, what)

    def _part(self, end: int, what: int) -> Part:
        if self._is_too_long:
            return what, None
        return what, bytes(self._held[self._start : end]).strip()

    def _after_entries(self, place: int) -> Part:
        """What a Bundle says behind its entries, as an object."""
        what, text = self._part(place + 1, AFTER)
        return what, None if text is None else b"{" + text.removeprefix(b",")

    def _before_entries(self, place: int) -> bytes | None:
        """What a Bundle says before its entries, as an object; None where the list that opens here is not of entries.

        A List has entries too.
        """
        before = bytes(self._held[self._start : place])
        key = before.rfind(b'"entry"')
        if key < 0 or self._had_entries:
            return None
        begin = max(before.rfind(b",", 0, key), before.rfind(b"{", 0, key))
        if begin < 0 or not ENTRIES.fullmatch(before, begin) or OTHER_TYPE.search(before):
            return None
        return before[:begin] + b"}" if before[begin] == COMMA else b"{}"


@kernel("uint8[]", "int64[]", "int64", "int32[]", "int16[]", "int64[]")
def _outer_marks(  # noqa: C901 -- a scanner
    text: Any, state: Any, outermost: int, places: Any, depths: Any, found: Any
) -> None:
    """Places and depths of brackets and commas not deeper than `outermost`; `found` is how many, -1 where one is amiss.

    The depth is that outside of the bracket. `state` is the depth, whether inside of a string and behind a backslash.
    """
    depth, in_string, is_escaped = state[0], state[1], state[2]
    count = 0
    for place in range(len(text)):
        sign = text[place]
        if in_string:
            if is_escaped:
                is_escaped = 0
            elif sign == 92:
                is_escaped = 1
            elif sign == 34:
                in_string = 0
        elif sign == 34:
            in_string = 1
        elif sign in (123, 91):
            if depth <= outermost:
                places[count], depths[count] = place, depth
                count += 1
            depth += 1
        elif sign in (125, 93):
            depth -= 1
            if depth < 0:
                found[0] = -1
                return
            if depth <= outermost:
                places[count], depths[count] = place, depth
                count += 1
        elif sign == 44 and depth <= outermost:
            places[count], depths[count] = place, depth
            count += 1
    state[0], state[1], state[2] = depth, in_string, is_escaped
    found[0] = count
