"""Who looked at whom, why and with what outcome: an append-only file in which each entry seals the one before."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.clock import now
from lifecourse.base.errors import StoreDamaged
from lifecourse.base.files import write_bytes
from lifecourse.privacy.aliases import Aliases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.schema.actor import Actor, Purpose

GENESIS = "0" * 64
ERASED = "erased"
HEAD = "head.json"


@dataclass(frozen=True, slots=True)
class AuditLog:
    """The log in `folder`; safe for several processes."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file of entries, one JSON object a line."""
        return self.folder / "audit.jsonl"

    def record(
        self,
        *,
        actor: Actor,
        purpose: Purpose,
        action: str,
        target: str,
        outcome: str = "success",
    ) -> None:
        """Append an entry durably; call it before the answer leaves.

        `target` is a store, task or model by name, or ``subject/<subject_id>``; never a name or a value. The file
        names subjects by aliases, so that it can outlast their erasure.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked() as descriptor:
            sequence, previous = _last(descriptor)
            entry = {
                "seq": sequence + 1,
                "time": now().isoformat(),
                "actor": actor.name,
                "role": actor.role,
                "purpose": str(purpose),
                "action": action,
                "target": self._with_alias(target),
                "outcome": outcome,
                "previous": previous,
            }
            entry["hash"] = _hash(entry)
            os.write(descriptor, orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
            os.fsync(descriptor)
            self._seal(entry)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _seal(self, entry: dict[str, Any]) -> None:
        """Write down which entry is the last one, so that a shorter log shows."""
        head = {"seq": entry["seq"], "hash": entry["hash"]}
        sealed = Aliases(self.folder).keys.create().signature(orjson.dumps(head))
        write_bytes(self.folder / HEAD, orjson.dumps({**head, "signature": sealed}))

    def _sealed(self) -> dict[str, Any] | None:
        path = self.folder / HEAD
        if not path.is_file():
            return None
        try:
            stated = orjson.loads(path.read_bytes())
            head = {"seq": stated["seq"], "hash": stated["hash"]}
            signature = Aliases(self.folder).keys.signature(orjson.dumps(head))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise StoreDamaged("the seal of the audit log was changed.") from None
        if stated.get("signature") != signature:
            raise StoreDamaged("the seal of the audit log was changed.")
        return head

    def entries(self) -> Iterator[dict[str, Any]]:
        """The entries, oldest first; subjects by their ids, ``subject/erased`` who was erased."""
        aliases = Aliases(self.folder)
        for entry in self._lines():
            head, _, rest = entry["target"].partition("/")
            if head == "subject":
                alias, slash, more = rest.partition("/")
                named = aliases.subjects().get(alias)
                # Logs of earlier versions have the ids themselves.
                told = alias if alias.lstrip("-").isdigit() else ERASED
                who = told if named is None else str(named)
                entry["target"] = f"subject/{who}{slash}{more}"
            yield entry

    def forget(self, subject_id: int) -> None:
        """Destroy what the log's alias of a subject means; the entries stay as they are."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            Aliases(self.folder).forget(subject_id)

    def alias_of(self, subject_id: int) -> str | None:
        """What the file calls a subject; None where it never named them."""
        return Aliases(self.folder).alias_of(subject_id)

    def _with_alias(self, target: str) -> str:
        head, _, rest = target.partition("/")
        named, slash, more = rest.partition("/")
        if head != "subject" or not named.lstrip("-").isdigit():
            return target
        return f"subject/{Aliases(self.folder).given(int(named))}{slash}{more}"

    def _lines(self) -> Iterator[dict[str, Any]]:
        if self.path.exists():
            with self.path.open("rb") as lines:
                for line in lines:
                    yield orjson.loads(line)

    def verify(self) -> int:
        """The number of entries, after checking the chain.

        Raises
        ------
        StoreDamaged
            An entry was changed, dropped, moved or cut off; the message says which.
        """
        sealed = self._sealed()
        previous, count = GENESIS, 0
        for count, entry in enumerate(self._lines(), start=1):
            stated = entry.pop("hash", None)
            if (
                entry.get("seq") != count
                or entry.get("previous") != previous
                or stated != _hash(entry)
            ):
                raise StoreDamaged(f"audit entry {count} does not follow from the one before it.")
            previous = stated
            if sealed is not None and count == sealed["seq"] and stated != sealed["hash"]:
                raise StoreDamaged(f"audit entry {count} is not the one that was sealed.")
        if sealed is None and count:
            raise StoreDamaged("the audit log has lost its seal.")
        # A power cut between an entry and its seal leaves one more entry than was sealed, never fewer.
        if sealed is not None and not sealed["seq"] <= count <= sealed["seq"] + 1:
            raise StoreDamaged(
                f"the audit log has {count} entries, {sealed['seq']} were sealed: some were cut off or added."
            )
        return count


def _hash(entry: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _last(descriptor: int) -> tuple[int, str]:
    """Sequence and hash of the last whole entry; a torn last line (power cut) is cut off."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return 0, GENESIS
    start = max(0, size - 65_536)
    tail = os.pread(descriptor, size - start, start)
    if not tail.endswith(b"\n"):
        whole = tail.rfind(b"\n") + 1
        os.ftruncate(descriptor, start + whole)
        tail = tail[:whole]
    lines = tail.splitlines()
    if not lines:
        return 0, GENESIS
    entry = orjson.loads(lines[-1])
    return int(entry["seq"]), str(entry["hash"])
