"""What may be used once and was: remembered across processes and restarts, forgotten when it would have ended."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecourse.base.clock import now

if TYPE_CHECKING:
    from pathlib import Path

BUCKET_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """A folder of notes, a folder an hour; creating a note exclusively decides who was first.

    Only what was signed by a key that is trusted is noted, so a stranger cannot fill it.
    """

    folder: Path

    def spend(self, *, issuer: str, token_id: str, until: int) -> bool:
        """Use up `token_id` of `issuer`, which ends at `until` (seconds); False when it was used before."""
        note = self._note(issuer, token_id, until)
        if not note.parent.is_dir():
            note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._forget()
        try:
            note.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def is_spent(self, *, issuer: str, token_id: str, until: int) -> bool:
        """Whether it was used up."""
        return self._note(issuer, token_id, until).exists()

    def _note(self, issuer: str, token_id: str, until: int) -> Path:
        # By its hash: what stands in a token names no file here.
        name = hashlib.sha256(f"{len(issuer)}:{issuer}{token_id}".encode()).hexdigest()
        return self.folder / str(until // BUCKET_SECONDS) / name

    def _forget(self) -> None:
        # Two buckets later than it ended: clocks of processes differ.
        ended = int(now().timestamp()) // BUCKET_SECONDS - 2
        for bucket in self.folder.iterdir():
            if bucket.name.isdecimal() and int(bucket.name) < ended:
                shutil.rmtree(bucket, ignore_errors=True)
