"""Packed files read within bounds, and ranges of plain ones, for any source that reads streams of bytes."""

from __future__ import annotations

import gzip
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKED = (".gz", ".tgz")
FREE_BYTES = 16 << 20
MOST_TIMES_LARGER = 400
"""Records shrink to a tenth or a fiftieth; what unpacks to more is made to fill a disk, or not made of records."""


class BombError(Exception):
    """A packed file unpacks to far more than records could."""


class Stream(Protocol):
    """What a reader of bytes is here."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


def is_packed(name: str) -> bool:
    """Whether a file of that name is gzipped."""
    return name.lower().endswith(PACKED)


@contextmanager
def opened(path: Path, start: int = 0, end: int | None = None) -> Iterator[Stream]:
    """The bytes of a file, unpacked where it is packed; a range of a plain one."""
    with path.open("rb") as handle:
        if is_packed(path.name):
            with unpacked(handle) as stream:
                yield stream
        else:
            handle.seek(start)
            yield handle if end is None else _Range(handle, end - start)


@contextmanager
def unpacked(packed: IO[bytes]) -> Iterator[Stream]:
    """What a gzipped stream holds, as long as it stays within what records could be."""
    with closing(gzip.GzipFile(fileobj=packed, mode="rb")) as stream:
        yield _Unpacked(stream, packed)


class _Unpacked:
    def __init__(self, stream: Stream, packed: IO[bytes]) -> None:
        self._stream = stream
        self._packed = packed
        self._given = 0

    def read(self, size: int, /) -> bytes:
        piece = self._stream.read(size)
        self._given += len(piece)
        if self._given > FREE_BYTES and self._given > MOST_TIMES_LARGER * self._packed.tell():
            raise BombError
        return piece


class _Range:
    """The next so many bytes."""

    def __init__(self, handle: IO[bytes], size: int) -> None:
        self._handle = handle
        self._left = size

    def read(self, size: int, /) -> bytes:
        piece = self._handle.read(min(size, self._left))
        self._left -= len(piece)
        return piece
