"""What the audit log calls people: a random alias each, whose meaning is sealed and can be destroyed.

The chain of entries can never be changed, so it must not name anybody by itself. Whoever is erased keeps an alias that
means nothing: the sealed line that said whose it was is gone, with the key under which their reasons were written, and
nothing else connects the two.
"""

from __future__ import annotations

import base64
import os
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.files import rewritten_for_good
from lifecourse.privacy.keys import FileKeyProvider

if TYPE_CHECKING:
    from collections.abc import Iterable

ALIAS_BYTES = 12
TAG_HEX = 32
LATEST_BYTES = 4096


@dataclass(slots=True)
class _Known:
    """The lines of a file read so far, by alias, and the alias by the tag of a subject id."""

    read: int = 0
    end: bytes = b""
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_tag: dict[str, str] = field(default_factory=dict)


_KNOWN: dict[Path, _Known] = {}
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Aliases:
    """The aliases in the folder of an audit log; the writer of the log holds the lock."""

    folder: Path

    @property
    def path(self) -> Path:
        """One alias a line: the subject id sealed, a tag to find it by, and the person's own key sealed."""
        return self.folder / "subjects.jsonl"

    @property
    def keys(self) -> FileKeyProvider:
        """What seals the lines."""
        return FileKeyProvider(self.folder / "subjects.key")

    def whose(self, alias: str) -> int | None:
        """Whose an alias is; None of who was erased."""
        line = self._known().lines.get(alias)
        return None if line is None else int(self.keys.unwrap(line["sealed"], alias))

    def alias_of(self, subject_id: int) -> str | None:
        """The alias of a subject; None where the log never named them, or they were erased."""
        known = self._known()
        return known.by_tag.get(self._tag(subject_id)) if known.lines else None

    def given(self, subject_id: int) -> str:
        """The alias of a subject, made now where they have none."""
        return self.given_all([subject_id])[0]

    def given_all(self, subject_ids: Iterable[int]) -> list[str]:
        """The aliases of several subjects, in their order; the new ones are durable together."""
        self.keys.create()
        wanted = [(subject_id, self._tag(subject_id)) for subject_id in subject_ids]
        held = dict(self._known().by_tag)
        new = []
        for subject_id, tag in wanted:
            if tag not in held:
                line = self._line(subject_id, tag)
                held[tag] = line["alias"]
                new.append(line)
        if new:
            self._append(new)
        return [held[tag] for _, tag in wanted]

    def sealed(self, alias: str, words: str) -> str:
        """`words` that nobody reads once the person of `alias` is erased."""
        line = self._known().lines[alias]
        if "own" not in line:  # of an earlier version
            own = self.keys.wrap(secrets.token_bytes(32), f"{alias} own")
            self._append([{**line, "tag": self._tag_of(line), "own": own}])
        return base64.b64encode(_sealed(self._own_key(alias), words.encode(), alias)).decode()

    def unsealed(self, alias: str, sealed: str) -> str | None:
        """What `sealed` gave; None where the person was erased."""
        if alias not in self._known().lines:
            return None
        return _unsealed(self._own_key(alias), base64.b64decode(sealed), alias).decode()

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
        with _LOCK:
            _KNOWN.pop(self.folder, None)

    def _line(self, subject_id: int, tag: str) -> dict[str, Any]:
        alias = f"a{secrets.token_hex(ALIAS_BYTES)}"
        return {
            "alias": alias,
            "tag": tag,
            "sealed": self.keys.wrap(str(subject_id).encode(), alias),
            "own": self.keys.wrap(secrets.token_bytes(32), f"{alias} own"),
        }

    def _tag(self, subject_id: int) -> str:
        return self.keys.signature(f"subject {subject_id}".encode())[:TAG_HEX]

    def _own_key(self, alias: str) -> bytes:
        return self.keys.unwrap(self._known().lines[alias]["own"], f"{alias} own")

    def _append(self, lines: list[dict[str, Any]]) -> None:
        text = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, text)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _known(self) -> _Known:
        """What the file says: what was read before, and the lines that came since."""
        with _LOCK:
            known = _KNOWN.setdefault(self.folder, _Known())
            if not self.path.is_file():
                known = _KNOWN[self.folder] = _Known()
                return known
            with self.path.open("rb") as file:
                file.seek(max(0, known.read - len(known.end)))
                if (
                    file.read(len(known.end)) != known.end
                ):  # another file by now: somebody was erased
                    known = _KNOWN[self.folder] = _Known()
                    file.seek(0)
                text = file.read()
            # A torn last line is of an entry that was never made.
            whole = text[: text.rfind(b"\n") + 1]
            for line in map(orjson.loads, whole.splitlines()):
                known.lines[line["alias"]] = line
                known.by_tag[line.get("tag") or self._tag_of(line)] = line["alias"]
            known.read += len(whole)
            known.end = (known.end + whole)[-LATEST_BYTES:]
            return known

    def _tag_of(self, line: dict[str, Any]) -> str:
        """The tag of a line of an earlier version, which had none."""
        return self._tag(int(self.keys.unwrap(line["sealed"], line["alias"])))


def _sealed(key: bytes, content: bytes, context: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(key).encrypt(nonce, content, context.encode())


def _unsealed(key: bytes, sealed: bytes, context: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).decrypt(sealed[:12], sealed[12:], context.encode())
