"""What the audit log calls people: a random alias each, whose meaning is sealed and can be destroyed.

The chain of entries can never be changed, so it must not name anybody by itself. Whoever is erased keeps an alias that
means nothing: the sealed line that said whose it was is gone, and nothing else connects the two.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson

from lifecourse.base.files import rewritten_for_good
from lifecourse.privacy.keys import FileKeyProvider

ALIAS_BYTES = 12


@dataclass(frozen=True, slots=True)
class Aliases:
    """The aliases in the folder of an audit log; the writer of the log holds the lock."""

    folder: Path

    @property
    def path(self) -> Path:
        """One alias a line, with the subject id sealed."""
        return self.folder / "subjects.jsonl"

    @property
    def keys(self) -> FileKeyProvider:
        """What seals the subject ids."""
        return FileKeyProvider(self.folder / "subjects.key")

    def subjects(self) -> dict[str, int]:
        """Whose each alias is."""
        if not self.path.is_file():
            return {}
        state = self.path.stat()
        return _unsealed(self.folder, state.st_ino, state.st_size)

    def alias_of(self, subject_id: int) -> str | None:
        """The alias of a subject; None where the log never named them, or they were erased."""
        return next((a for a, each in self.subjects().items() if each == subject_id), None)

    def given(self, subject_id: int) -> str:
        """The alias of a subject, made now where they have none."""
        alias = self.alias_of(subject_id)
        if alias is not None:
            return alias
        alias = f"a{secrets.token_hex(ALIAS_BYTES)}"
        sealed = self.keys.create().wrap(str(subject_id).encode(), alias)
        line = orjson.dumps({"alias": alias, "sealed": sealed}, option=orjson.OPT_APPEND_NEWLINE)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return alias

    def forget(self, subject_id: int) -> None:
        """Destroy what an alias of this subject means."""
        alias = self.alias_of(subject_id)
        if alias is None:
            return
        lines = self.path.read_bytes().splitlines(keepends=True)
        kept = b"".join(line for line in lines if orjson.loads(line)["alias"] != alias)
        with rewritten_for_good(self.path) as temporary:
            temporary.write_bytes(kept)
        self.path.chmod(0o600)
        _unsealed.cache_clear()


@lru_cache(maxsize=8)
def _unsealed(folder: Path, inode: int, size: int) -> dict[str, int]:
    """The aliases of a file in one state; lines are only ever added to it, or it becomes another file."""
    del inode
    found = Aliases(folder)
    lines = found.path.read_bytes()[:size].splitlines()
    told = (orjson.loads(line) for line in lines)
    return {each["alias"]: int(found.keys.unwrap(each["sealed"], each["alias"])) for each in told}
