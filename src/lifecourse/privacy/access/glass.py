"""Glass that was broken: who opened whose record in an emergency, until when. The reason is in the audit log alone."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.schema.identity import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenGlass:
    """The openings in ``access/emergencies.jsonl`` of `home`; safe for several processes, and forgotten when over."""

    home: Path

    @property
    def path(self) -> Path:
        """One opening a line."""
        return self.home / "access" / "emergencies.jsonl"

    def break_for(self, who: Identity, subject_id: int, minutes: int) -> str:
        """Open one record to one asker, who has no other open any more; gives until when (ISO 8601)."""
        until = (now() + timedelta(minutes=minutes)).isoformat(timespec="seconds")
        with self._locked() as descriptor:
            kept = [each for each in _open(descriptor) if each["who"] != _name(who)]
            kept.append({"who": _name(who), "subject_id": subject_id, "until": until})
            _write(descriptor, kept)
        return until

    def until(self, who: Identity, subject_id: int) -> str | None:
        """Until when a record is open to an asker; None where it is not."""
        if not self.path.is_file():
            return None
        with self._locked() as descriptor:
            mine = [
                each
                for each in _open(descriptor)
                if each["who"] == _name(who) and each["subject_id"] == subject_id
            ]
        return str(mine[-1]["until"]) if mine else None

    def forget(self, subject_id: int) -> None:
        """Take a person out."""
        if self.path.is_file():
            with self._locked() as descriptor:
                kept = [each for each in _open(descriptor) if each["subject_id"] != subject_id]
                _write(descriptor, kept)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _name(who: Identity) -> str:
    """Two issuers may know two people by one name."""
    return f"{who.issuer} {who.actor.name}"


def _open(descriptor: int) -> list[dict[str, Any]]:
    """The openings that are not over."""
    present = now().isoformat(timespec="seconds")
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    found = [orjson.loads(line) for line in content.splitlines()]
    return [each for each in found if each["until"] > present]


def _write(descriptor: int, openings: list[dict[str, Any]]) -> None:
    content = b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in openings)
    before = os.fstat(descriptor).st_size
    # What was there is overwritten before the file gets shorter.
    os.pwrite(descriptor, content.ljust(before, b"\0"), 0)
    os.fsync(descriptor)
    os.ftruncate(descriptor, len(content))
    os.fsync(descriptor)
