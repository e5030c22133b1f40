"""The FHIR Consents of a house's people as they came: one file for its owner alone, sealed beside a sealed store."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from lifecourse.base.files import removed_for_good, rewritten_for_good
from lifecourse.privacy.access.consent import DENIES_ALL, Provision, rule_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CONTEXT = "access/consents.jsonl"


class Seals(Protocol):
    """Closes what is about a store's people, as the store itself is closed."""

    def wrap(self, content: bytes, context: str) -> str:
        """`content` sealed, bound to `context`."""

    def unwrap(self, wrapped: str, context: str) -> bytes:
        """What `wrap` sealed under the same `context`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consents:
    """The Consents in ``access/consents.jsonl`` of `home`.

    keys : seal each line where the store is sealed; None beside a plain one
    """

    home: Path
    keys: Seals | None = None

    @property
    def path(self) -> Path:
        """One Consent a line, with whose it is."""
        return self.home / "access" / "consents.jsonl"

    def rules(self) -> dict[int, tuple[Provision, ...]]:
        """By subject, what the Consents in force say; who has none is not in it."""
        if not self.path.is_file():
            return {}
        state = self.path.stat()
        return _rules(self, state.st_mtime_ns, state.st_size, state.st_ino)

    def keep(self, consents: Iterable[tuple[int, dict[str, Any]]]) -> int:
        """Keep Consents with whose they are; one of the same subject and id takes the place of the one before.

        Gives how many are kept now.
        """
        held = {(line["subject_id"], line["id"]): line for line in self._lines()}
        for number, (subject_id, consent) in enumerate(consents):
            name = str(consent.get("id") or f"without-id-{number}")
            held[subject_id, name] = self._line(subject_id, name, consent)
        self._write(list(held.values()))
        return len(held)

    def of(self, subject_id: int) -> list[dict[str, Any]]:
        """The Consents of a subject, as they came."""
        return [self._consent(line) for line in self._lines() if line["subject_id"] == subject_id]

    def forget(self, subject_id: int) -> None:
        """Erase a subject's Consents."""
        lines = self._lines()
        kept = [line for line in lines if line["subject_id"] != subject_id]
        if len(kept) < len(lines):
            self._write(kept)

    def _lines(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            return []
        return [orjson.loads(line) for line in self.path.read_bytes().splitlines()]

    def _line(self, subject_id: int, name: str, consent: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = {"subject_id": subject_id, "id": name}
        if self.keys is None:
            return {**line, "consent": consent}
        return {**line, "sealed": self.keys.wrap(orjson.dumps(consent), f"{CONTEXT}/{subject_id}")}

    def _consent(self, line: dict[str, Any]) -> dict[str, Any]:
        if "sealed" not in line:
            plain: dict[str, Any] = line["consent"]
            return plain
        if self.keys is None:
            return {}
        opened = self.keys.unwrap(line["sealed"], f"{CONTEXT}/{line['subject_id']}")
        found: dict[str, Any] = orjson.loads(opened)
        return found

    def _write(self, lines: list[dict[str, Any]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not lines:
            removed_for_good(self.path)
            return
        content = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        if not self.path.exists():
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600))
        with rewritten_for_good(self.path) as temporary:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            temporary.write_bytes(content)


@lru_cache(maxsize=8)
def _rules(
    consents: Consents, changed: int, size: int, inode: int
) -> dict[int, tuple[Provision, ...]]:
    """The rules of a file in one state."""
    del changed, size, inode
    found: dict[int, list[Provision]] = {}
    for line in consents._lines():
        consent = consents._consent(line)
        rule = rule_of(consent) if consent else DENIES_ALL
        if rule is not None:
            found.setdefault(line["subject_id"], []).append(rule)
    return {subject: tuple(dict.fromkeys(rules)) for subject, rules in found.items()}
