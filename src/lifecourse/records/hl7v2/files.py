"""Files that hold HL7 v2 messages: found by ending or by how they begin."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.framing import begins_as_ours
from lifecourse.records.unpacking import BombError, opened

if TYPE_CHECKING:
    from pathlib import Path

HL7_ENDINGS = (".hl7", ".hl7v2", ".er7", ".mllp")
HEAD_BYTES = 512
DAMAGE = (OSError, EOFError, zlib.error, BombError)


def is_ours(path: Path) -> bool:
    """Whether a file holds messages, by its ending or by its first bytes."""
    if path.name.lower().removesuffix(".gz").endswith(HL7_ENDINGS):
        return True
    try:
        with opened(path) as stream:
            return begins_as_ours(stream.read(HEAD_BYTES))
    except DAMAGE:
        return False


def reason_of(damage: BaseException) -> str:
    """Why a file cannot be read, in words that name nothing of it."""
    if isinstance(damage, BombError):
        return "a packed file that unpacks to far more than records could"
    return "a damaged file"
