"""A stream of bytes to messages, each of bounded size: MLLP blocks, batches, or one message after the other.

A message begins with ``MSH`` and its field separator at the start of a line or block, and ends where the next one or an
envelope (FHS, BHS, BTS, FTS; HL7 v2.9 section 2.10.3) begins. The bytes of MLLP (0B before, 1C 0D after) are no part of
it.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.records.unpacking import Stream

PIECE_BYTES = 256 << 10
LONGEST_BYTES = 24 << 20
"""A message that is longer is refused: it would not fit into memory several times over."""
BEGINS = re.compile(rb"[\r\n\x0b\x1c\xbf](?=(?:MSH|[FB]HS)[^\w\s]|[FB]TS\W)")
"""What stands before a message or an envelope: the end of a line, a block, or the last byte of a UTF-8 mark."""
FIRST = re.compile(rb"(?:MSH|[FB]HS)[^\w\s]")
MESSAGE_BEGINS = re.compile(rb"MSH[^\w\s]")
AHEAD = 4
"""Bytes that show whether a message begins: its name and its separator."""
BLANKS = b"\x00\x0b\x1a\x1c \t\r\n"
UTF8_MARK = codecs.BOM_UTF8
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Found(NamedTuple):
    """A stretch of a file: a message, an envelope's segment, or neither; `text` is None where it is too long."""

    kind: str
    text: bytes | None


MESSAGE, ENVELOPE, OTHER = "message", "envelope", "other"


def messages(stream: Stream, *, longest: int = LONGEST_BYTES) -> Iterator[Found]:
    """What `stream` holds, in its order; blanks between messages are nothing."""
    held = bytearray()
    scanned, is_too_long, is_first = 0, False, True
    for piece in _pieces(stream):
        held += piece
        if is_first:
            bare = bytes(held.lstrip(BLANKS).removeprefix(UTF8_MARK).lstrip(BLANKS))
            held, is_first = bytearray(b"\n" + bare), False
        start = 0
        for found in BEGINS.finditer(held, scanned):
            yield from _stretch(held, start, found.end(), is_too_long)
            start, is_too_long = found.end(), False
        del held[:start]
        if len(held) > longest:
            # The end stays, for a message may begin in it.
            is_too_long = True
            del held[: len(held) - AHEAD - 1]
        scanned = max(len(held) - AHEAD - 1, 0)
    # At the very end a name needs nothing after it.
    yield from _stretch(held, 0, len(held), is_too_long)


def _stretch(held: bytearray, start: int, end: int, is_too_long: bool) -> Iterator[Found]:
    if is_too_long:
        yield Found(MESSAGE, None)
        return
    text = bytes(held[start:end]).strip(BLANKS).removesuffix(UTF8_MARK).rstrip(BLANKS)
    if not text:
        return
    if MESSAGE_BEGINS.match(text):
        yield Found(MESSAGE, text)
    elif text[:3] in (b"FHS", b"BHS", b"BTS", b"FTS"):
        yield Found(ENVELOPE, text)
    else:
        yield Found(OTHER, text)


def _pieces(stream: Stream) -> Iterator[bytes]:
    """The bytes; those of UTF-16, which a mark tells, as UTF-8."""
    first = stream.read(PIECE_BYTES)
    if not first.startswith(UTF16_MARKS):
        while first:
            yield first
            first = stream.read(PIECE_BYTES)
        return
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    while first:
        yield decoder.decode(first).encode()
        first = stream.read(PIECE_BYTES)


def begins_as_ours(head: bytes) -> bool:
    """Whether a file that begins with `head` holds messages: with MSH, a batch's header, or a block of MLLP."""
    if head.startswith(UTF16_MARKS):
        head = head[: len(head) // 2 * 2].decode("utf-16", "replace").encode()
    return FIRST.match(head.removeprefix(UTF8_MARK).lstrip(BLANKS)) is not None


def next_beginning(piece: bytes) -> int | None:
    """Where in `piece` a message begins that is not at its start; None where none does."""
    for found in BEGINS.finditer(piece):
        if MESSAGE_BEGINS.match(piece, found.end()):
            return found.end()
    return None
