"""Who looked at whom, why and with what outcome: an append-only file in which each entry seals the one before.

Three things show that it was changed. Each entry has the hash of the one before it; each has a code that only the
holder of the log's key can make; and the head, a small file, says which is the last. A thief of the key, or whoever
puts an old head back beside a shortened log, is found by a checkpoint that lies elsewhere (see `checkpoints.py`).
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import orjson

from lifecourse.base.clock import now
from lifecourse.base.errors import StoreDamaged
from lifecourse.base.files import sync_directory
from lifecourse.privacy.acts import PROGRAM, SUBJECT, Act, Details, gathering_of, subject_of
from lifecourse.privacy.aliases import Aliases
from lifecourse.privacy.merkle import EMPTY, Frontier, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from lifecourse.privacy.checkpoints import Checkpoint
    from lifecourse.schema.actor import Actor, Purpose

GENESIS = "0" * 64
ERASED = "erased"
HEAD = "head.json"
# In one sector of a disk, so that it is written whole or not at all.
HEAD_BYTES = 256
MOST_LISTED = 50
"""People an entry lists one by one; of more it has the number and a keyed hash."""
SEALS = ("hash", "mac")


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
        **details: Unpack[Details],
    ) -> None:
        """Write an entry durably; call it before the answer leaves.

        While a request is answered, what is recorded becomes part of its one entry, which is written before the first
        byte of the answer. `target` is a store, task or model by name, or ``subject/<subject_id>``; never a name or a
        value. The file names subjects by aliases, so that it can outlast their erasure.
        """
        act = Act(
            actor=actor,
            purpose=purpose,
            action=action,
            target=target,
            outcome=outcome,
            details=details,
        )
        gathering = gathering_of(self.folder)
        if gathering is None:
            self.write(act)
        else:
            gathering.acts.append(act)

    def write(self, act: Act) -> int:
        """Append `act` durably, with one synchronisation of the disk; gives the number of its entry."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked() as descriptor:
            head = self._whole_head()
            sequence, previous = _last(descriptor)
            if head is not None and head["seq"] > sequence:
                # The log was cut: the gap stays for `verify` to find, instead of being closed by whoever looks next.
                sequence, previous = head["seq"], head["hash"]
            entry = {
                "seq": sequence + 1,
                "time": now().isoformat(),
                "actor": act.actor.name,
                "role": act.actor.role,
                "purpose": str(act.purpose),
                "action": act.action,
                **self._of_people(act),
                "outcome": act.outcome,
                "previous": previous,
            }
            entry["hash"] = _hash(entry)
            entry["mac"] = _code(self._code_key(), entry["hash"])
            os.write(descriptor, orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
            os.fdatasync(descriptor)
            # A head that was taken away or changed is not made anew: that it is missing tells.
            if head is not None or sequence < 2:
                self._seal(entry, is_new=head is None)
        return int(entry["seq"])

    def _whole_head(self) -> dict[str, Any] | None:
        try:
            return self._sealed()
        except StoreDamaged:
            return None

    def _of_people(self, act: Act) -> dict[str, Any]:
        """Whom and what the act was of, people by their aliases; what may name somebody is sealed."""
        aliases = Aliases(self.folder)
        aliases.keys.create()
        details: dict[str, Any] = {
            key: value for key, value in act.details.items() if value not in (None, (), [], "")
        }
        if PROGRAM.get():
            details.setdefault("client", PROGRAM.get())
        told: dict[str, Any] = {"target": act.target}
        alias = None
        if act.subject_id is not None:
            alias = aliases.given(act.subject_id)
            more = act.target.removeprefix(SUBJECT).partition("/")
            told["target"] = f"{SUBJECT}{alias}{more[1]}{more[2]}"
        people = sorted(set(details.pop("people", ())))
        if 0 < len(people) <= MOST_LISTED:
            told["people"] = aliases.given_all(people)
        elif people:
            told["cohort"] = {
                "size": len(people),
                "hash": aliases.keys.signature(b"cohort " + orjson.dumps(people)),
            }
        reason = details.pop("reason", None)
        if reason is not None:
            told["reason"] = (
                aliases.keys.wrap(reason.encode(), "reason")
                if alias is None
                else aliases.sealed(alias, reason)
            )
        return {**told, **details}

    @contextmanager
    def _locked(self) -> Iterator[int]:
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_new:
                sync_directory(self.folder)
            yield descriptor
        finally:
            os.close(descriptor)

    def _code_key(self) -> bytes:
        """What the codes of entries are made with: of the log's key, so that it is read once for a whole log."""
        return Aliases(self.folder).keys.signature(b"codes of entries").encode()

    def _seal(self, entry: dict[str, Any], *, is_new: bool = False) -> None:
        """Write down which entry is the last one, so that a shorter log shows.

        Written in its place and left to the system to bring to the disk: after a power cut the head may name an
        earlier entry, never a later one, and the entries behind it still have their codes.
        """
        head = {"seq": entry["seq"], "hash": entry["hash"]}
        sealed = Aliases(self.folder).keys.signature(orjson.dumps(head))
        descriptor = os.open(self.folder / HEAD, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, orjson.dumps({**head, "signature": sealed}).ljust(HEAD_BYTES), 0)
            if is_new:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

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
        reader = Reading(self)
        for line in self.lines():
            yield reader.told(line)

    def forget(self, subject_id: int) -> None:
        """Destroy what the log's alias of a subject means; the entries stay as they are."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            Aliases(self.folder).forget(subject_id)

    def alias_of(self, subject_id: int) -> str | None:
        """What the file calls a subject; None where it never named them."""
        return Aliases(self.folder).alias_of(subject_id)

    def lines(self) -> Iterator[bytes]:
        """The whole lines, without their ends; what a power cut left of an entry that was never answered is none."""
        if self.path.exists():
            with self.path.open("rb") as lines:
                for line in lines:
                    if line.endswith(b"\n"):
                        yield line[:-1]

    def verify(self, checkpoints: Sequence[Checkpoint] = ()) -> int:
        """The number of entries, after checking the chain, the codes, the head and what `checkpoints` say.

        Raises
        ------
        StoreDamaged
            An entry was changed, dropped, moved, cut off or put in; the message says which.
        """
        sealed = self._sealed()
        signed = {each.size: each for each in checkpoints}
        frontier, previous, is_coded, count = Frontier(), GENESIS, False, 0
        key = self._code_key() if self.path.exists() else b""
        _check_root(signed.get(0), EMPTY, 0)
        for count, line in enumerate(self.lines(), start=1):
            entry = _parsed(line, count)
            stated, code = (entry.pop(seal, None) for seal in SEALS)
            if (
                entry.get("seq") != count
                or entry.get("previous") != previous
                or stated != _hash(entry)
            ):
                raise StoreDamaged(f"audit entry {count} does not follow from the one before it.")
            previous = stated
            if code is not None and code != _code(key, stated):
                raise StoreDamaged(f"audit entry {count} was not written with the log's key.")
            is_old = not is_coded and sealed is not None and count <= sealed["seq"] + 1
            if (
                code is None and not is_old
            ):  # entries of earlier versions, before any other, have none
                raise StoreDamaged(f"audit entry {count} was not written with the log's key.")
            is_coded = code is not None
            if sealed is not None and count == sealed["seq"] and stated != sealed["hash"]:
                raise StoreDamaged(f"audit entry {count} is not the one that was sealed.")
            frontier.add(leaf_hash(line))
            if count in signed:
                _check_root(signed[count], frontier.root(), count)
        if sealed is None and count:
            raise StoreDamaged("the audit log has lost its seal.")
        longest = max([*signed, sealed["seq"] if sealed else 0])
        if count < longest:
            raise StoreDamaged(
                f"the audit log has {count} entries, {longest} were sealed: entry {count + 1} and "
                "those behind it were cut off."
            )
        return count

    def roots(self, sizes: Collection[int]) -> dict[int, bytes]:
        """The RFC 6962 root of the first n lines, for each n of `sizes` that the log reaches."""
        frontier = Frontier()
        found = {0: EMPTY} if 0 in sizes else {}
        for line in self.lines():
            frontier.add(leaf_hash(line))
            if frontier.size in sizes:
                found[frontier.size] = frontier.root()
        return found


class Reading:
    """Lines of a log as entries that say whom they mean, as far as that may still be known."""

    def __init__(self, log: AuditLog) -> None:
        self._aliases = Aliases(log.folder)
        self._whose: dict[str, int | None] = {}

    def told(self, line: bytes) -> dict[str, Any]:
        """The entry of a line: subjects by their ids, ``erased`` who was erased; reasons in words."""
        entry: dict[str, Any] = orjson.loads(line)
        alias = None
        if entry["target"].startswith(SUBJECT):
            alias, slash, more = entry["target"].removeprefix(SUBJECT).partition("/")
            # Logs of earlier versions have the ids themselves.
            is_id = subject_of(entry["target"]) is not None
            who = alias if is_id else self._who(alias)
            entry["target"] = f"{SUBJECT}{who}{slash}{more}"
        if "people" in entry:
            entry["people"] = [self._who(each) for each in entry["people"]]
        if "reason" in entry:
            entry["reason"] = self._reason(entry["reason"], alias)
        return entry

    def _who(self, alias: str) -> int | str:
        if alias not in self._whose:
            self._whose[alias] = self._aliases.whose(alias)
        found = self._whose[alias]
        return ERASED if found is None else found

    def _reason(self, sealed: str, alias: str | None) -> str:
        if alias is None:
            return self._aliases.keys.unwrap(sealed, "reason").decode()
        return self._aliases.unsealed(alias, sealed) or ERASED


def _check_root(checkpoint: Checkpoint | None, root: bytes, count: int) -> None:
    if checkpoint is not None and checkpoint.root != root:
        raise StoreDamaged(
            f"the first {count} audit entries are not those that the checkpoint of {count} entries signed: "
            "one of them was changed, or the log is another."
        )


def _parsed(line: bytes, count: int) -> dict[str, Any]:
    """The entry of a line that is byte for byte as it was written."""
    try:
        entry: dict[str, Any] = orjson.loads(line)
        is_as_written = isinstance(entry, dict) and orjson.dumps(entry) == line
    except orjson.JSONDecodeError:
        is_as_written = False
    if not is_as_written:
        raise StoreDamaged(f"audit entry {count} is not as it was written.")
    return entry


def _code(key: bytes, stated: str) -> str:
    return hmac.digest(key, stated.encode(), "sha256").hex()


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
