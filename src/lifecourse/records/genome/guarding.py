"""The bytes of a VCF or BCF file on their way to htslib, unpacked and looked at: what would fill the memory ends there.

htslib takes a line of any length and a header of any size. So it reads from a pipe; into that, a process that runs this
file as a program unpacks the VCF, and stops at a record or a header of more than 64 MB, and where it is cut short. (Not
a thread: htslib is called with Python's lock held.)
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

PIECE_BYTES = 1 << 20
LONGEST_BYTES = 64 << 20
"""A site of 500,000 people takes up to 30 MB."""
AT_END_SECONDS, AMID_SECONDS = 60.0, 0.5
GZIP = b"\x1f\x8b"
BGZIP_MARK = b"BC\x02\x00"
BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every file of bgzip (SAM/BAM format specification, 4.1.2)."""
BCF = b"BCF\x02"
FEWEST_TABS = 7
FIELDS = b"#CHROM\t"


class GuardError(Exception):
    """What is wrong with the file, in words that quote nothing of it."""


TOO_LONG = "it has a record of more than 64 MB"
LARGE_HEADER = "its header is larger than 64 MB"
CUT_SHORT = "it is cut short"
DAMAGED = "it is damaged"
NO_SITE = "it has a line that is no site"
ERRORS = {11: TOO_LONG, 12: LARGE_HEADER, 13: CUT_SHORT, 14: DAMAGED, 15: NO_SITE}
"""What the program ends with."""


class Guard:
    """A file that is read through the pipe `descriptor`, which the reader may close."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        words = [sys.executable, "-I", "-S", __file__, str(self._path)]
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._process.stdout is not None  # noqa: S101 -- it was asked for
        self.descriptor = os.dup(self._process.stdout.fileno())
        self._process.stdout.close()
        return self

    def error(self, *, at_end: bool) -> str | None:
        """Why reading ended; None where all of the file was given, or, before the end, as yet nothing is wrong."""
        try:
            return ERRORS.get(self._process.wait(AT_END_SECONDS if at_end else AMID_SECONDS))
        except subprocess.TimeoutExpired:
            return DAMAGED if at_end else None

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def unpacked(path: Path) -> Iterator[bytes]:
    """The bytes of `path`, unpacked where it is packed, whatever its name says.

    Raises
    ------
    GuardError
        It was written by bgzip and lacks its end: cut between two blocks, it would look whole.
    EOFError, OSError, zlib.error
        It is cut short or damaged.
    """
    with path.open("rb") as raw:
        head = raw.read(18)
        is_packed = head.startswith(GZIP)
        if is_packed and head[12:16] == BGZIP_MARK:
            raw.seek(max(path.stat().st_size - len(BGZIP_END), 0))
            if raw.read() != BGZIP_END:
                raise GuardError(CUT_SHORT)
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw, mode="rb") if is_packed else raw
        while piece := stream.read(PIECE_BYTES):
            yield piece


class _Check(Protocol):
    def take(self, piece: bytes) -> bytes:
        """Of what came so far, the bytes that may go on.

        Raises
        ------
        GuardError
            A record or the header is too long, or a line is no site.
        """

    def end(self) -> bytes:
        """What is left at the end of the file; raises as `take` does."""


def checked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, as long as no record and no header in them is too long; of a VCF, whole lines alone.

    Raises
    ------
    GuardError
        One is, or a line is no site.
    """
    check: _Check | None = None
    for piece in pieces:
        if check is None:
            check = _Records() if piece.startswith(BCF) else _Lines()
        yield check.take(piece)
    if check is not None:
        yield check.end()


class _Lines:
    """The header ends with the line that names the fields; a site has as many fields as that, and eight or more.

    htslib ends the whole program at some lines that are no sites, such as an empty or a cut one.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._header: int | None = 0
        self._tabs = 0

    def take(self, piece: bytes) -> bytes:
        cut = piece.rfind(b"\n") + 1
        if not cut:
            self._hold(piece)
            return b""
        text = b"".join((*self._held, piece[:cut]))
        self._held, self._held_bytes = [], 0
        self._hold(piece[cut:])
        self._look_at(text[:-1].split(b"\n"))
        return text

    def end(self) -> bytes:
        text = b"".join(self._held)
        if text:
            self._look_at([text])
        return text

    def _hold(self, text: bytes) -> None:
        self._held.append(text)
        self._held_bytes += len(text)
        if self._held_bytes > LONGEST_BYTES:
            raise GuardError(TOO_LONG)

    def _look_at(self, lines: list[bytes]) -> None:
        for line in lines:
            if len(line) > LONGEST_BYTES:
                raise GuardError(TOO_LONG)
            if self._header is None:
                if line.count(b"\t") != self._tabs or line.startswith(b"#"):
                    raise GuardError(NO_SITE)
                continue
            if not line.startswith(b"#"):
                raise GuardError(NO_SITE)
            self._header += len(line) + 1
            if self._header > LONGEST_BYTES:
                raise GuardError(LARGE_HEADER)
            if line.startswith(FIELDS):
                self._header, self._tabs = None, max(line.count(b"\t"), FEWEST_TABS)


class _Records:
    """Lengths of BCF's records, each after two numbers of four bytes, and of its header, after one."""

    def __init__(self) -> None:
        self._held = b""
        self._skip = 0
        self._in_header = True

    def end(self) -> bytes:
        return b""  # A cut record is seen by htslib.

    def take(self, piece: bytes) -> bytes:
        place = min(self._skip, len(piece))
        self._skip -= place
        text = self._held + piece[place:]
        place, self._held = 0, b""
        while not self._skip:
            size, start = (9, 5) if self._in_header else (8, 0)
            if len(text) - place < size:
                self._held = text[place:]
                break
            numbers = text[place + start : place + size]
            length = sum(
                int.from_bytes(numbers[at : at + 4], "little") for at in range(0, len(numbers), 4)
            )
            if length > LONGEST_BYTES:
                raise GuardError(LARGE_HEADER if self._in_header else TOO_LONG)
            self._in_header = False
            place += size + length
            self._skip = max(place - len(text), 0)
            if place >= len(text):
                break
        return piece


def _program(path: Path) -> int:
    """Write the bytes of `path` to standard output; what to end with."""
    try:
        for piece in checked(unpacked(path)):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except GuardError as error:
        return next(number for number, words in ERRORS.items() if words == str(error))
    except BrokenPipeError:
        # The reader has seen enough; nothing is left for Python to write at its end.
        os._exit(0)
    except EOFError:
        return next(number for number, words in ERRORS.items() if words == CUT_SHORT)
    except (OSError, zlib.error):
        return next(number for number, words in ERRORS.items() if words == DAMAGED)
    return 0


if __name__ == "__main__":
    sys.exit(_program(Path(sys.argv[1])))
