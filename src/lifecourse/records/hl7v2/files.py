"""Files that hold HL7 v2 messages: found by ending or by how they begin."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from lifecourse.records.hl7v2.framing import begins_as_ours

if TYPE_CHECKING:
    from pathlib import Path

HL7_ENDINGS = (".hl7", ".hl7v2", ".er7", ".mllp")
HEAD_BYTES = 512


def is_ours(path: Path) -> bool:
    """Whether a file holds messages, by its ending or by its first bytes."""
    if path.name.lower().endswith(HL7_ENDINGS):
        return True
    with path.open("rb") as handle:
        return begins_as_ours(handle.read(HEAD_BYTES))


class Range:
    """The next so many bytes of a file."""

    def __init__(self, handle: IO[bytes], size: int) -> None:
        self._handle = handle
        self._left = size

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        piece = self._handle.read(min(size, self._left))
        self._left -= len(piece)
        return piece
