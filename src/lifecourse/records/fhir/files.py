"""Files that hold FHIR: found by ending, opened, unpacked within bounds, and told apart by how they begin."""

from __future__ import annotations

import tarfile
import zlib
from typing import TYPE_CHECKING

from lifecourse.base.json_text import BYTE_ORDER_MARK, parse
from lifecourse.records.unpacking import BombError, Stream, is_packed, opened, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES = (".ndjson", ".jsonl")
ENDINGS = (*LINES, ".json")
ARCHIVES = (".tar", ".tgz")
HEAD_BYTES = 64 << 10
NOT_OURS = ("._", "PaxHeader")
"""How the names begin of what some systems put into archives for themselves."""


DAMAGE = (OSError, EOFError, zlib.error, tarfile.TarError, BombError)


def plain_name(name: str) -> str:
    """The name in small letters without the ending of its packing."""
    return name.lower().removesuffix(".gz")


def is_ours(name: str) -> bool:
    """Whether a file of that name holds FHIR, or an archive of it."""
    return plain_name(name).endswith((*ENDINGS, *ARCHIVES)) and not name.startswith(NOT_OURS)


def is_archive(name: str) -> bool:
    """Whether a file of that name is an archive."""
    return plain_name(name).endswith(ARCHIVES)


def holds_fhir(path: Path) -> bool:
    """Whether an archive has a file in it whose name is one of FHIR's; False where it cannot be read."""
    try:
        with opened(path) as stream:
            return any(True for _ in members(stream))
    except DAMAGE:
        return False


def says_lines(name: str) -> bool:
    """Whether a file of that name has a record in each line."""
    return plain_name(name).endswith(LINES)


def reason_of(damage: BaseException) -> str:
    """Why a file cannot be read, in words that name nothing of it."""
    if isinstance(damage, BombError):
        return "a packed file that unpacks to far more than records could"
    return str(damage) if isinstance(damage, ValueError) else "a damaged file"


def members(stream: Stream) -> Iterator[tuple[str, Stream]]:
    """Name and bytes of each file in an archive that holds FHIR, in their order, one after the other."""
    with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]  # reads alone
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            # A sparse member may claim any size of nothing.
            if not member.isfile() or member.issparse() or not is_ours(name) or is_archive(name):
                continue
            inner = archive.extractfile(member)
            if inner is None:
                continue
            if is_packed(name):
                with unpacked(inner) as stream_of_member:
                    yield member.name, stream_of_member
            else:
                yield member.name, inner


class Again:
    """Bytes that were read already, then the rest of the stream."""

    def __init__(self, first: bytes, rest: Stream | None) -> None:
        self._first = memoryview(first)
        self._rest = rest

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""
        if len(self._first):
            piece, self._first = bytes(self._first[:size]), self._first[size:]
            return piece
        return self._rest.read(size) if self._rest else b""


class Begun(Again):
    """A stream whose first bytes were looked at: it still gives them, without a byte order mark."""

    def __init__(self, stream: Stream) -> None:
        self.head = filled(stream, HEAD_BYTES).removeprefix(BYTE_ORDER_MARK)
        super().__init__(self.head, stream)


def filled(stream: Stream, size: int) -> bytes:
    """`size` bytes, fewer only at the end."""
    pieces = []
    while size > 0 and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def is_lines(head: bytes, name: str) -> bool:
    """Whether a file that begins with `head` has a record in each line, whatever its name says."""
    first, _, rest = head.lstrip().partition(b"\n")
    if says_lines(name):
        # Where the first line only opens something, the file is one document under another name.
        return first.strip() not in (b"{", b"[", b"[{")
    if not rest.strip() or not first.startswith(b"{"):
        return False
    try:
        parse(first.strip())
    except ValueError:
        return False
    return True


def chunks_of_lines(stream: Stream, *, size: int, longest: int) -> Iterator[list[bytes] | None]:
    """Whole lines, about `size` bytes of them at a time; None in the place of a line that is longer than `longest`."""
    held: list[bytes] = []
    held_bytes, is_too_long = 0, False
    while piece := stream.read(size):
        cut = piece.rfind(b"\n")
        if cut < 0:
            held_bytes += len(piece)
            is_too_long = is_too_long or held_bytes > longest
            held.append(piece)
            if is_too_long:
                held.clear()
            continue
        if is_too_long:
            end = piece.find(b"\n")
            yield None
            lines = piece[end + 1 : cut].split(b"\n") if end < cut else []
        else:
            lines = b"".join((*held, piece[:cut])).split(b"\n")
        if lines:
            yield lines
        rest = piece[cut + 1 :]
        held, held_bytes, is_too_long = ([rest] if rest else []), len(rest), False
    if is_too_long:
        yield None
    elif held:
        yield [b"".join(held)]
