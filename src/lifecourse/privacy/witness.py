"""What is signed of an audit log, kept beside it, and handed to whoever watches it from outside."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from lifecourse.base.files import write_text
from lifecourse.privacy.checkpoints import Checkpoint, Signer, Verifier
from lifecourse.privacy.merkle import consistency_proof, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lifecourse.privacy.audit import AuditLog

FOLDER = "checkpoints"


def take_checkpoint(log: AuditLog, since: str | None = None) -> dict[str, Any]:
    """A signed note of how long the log is and what its root is, kept in ``checkpoints/`` too; of a whole log alone.

    Parameters
    ----------
    since : an earlier checkpoint of this log; then what shows that the log only grew since comes along

    Returns
    -------
    ``entries checkpoint verifier``: ``verifier`` is the public key to check it by, to be handed over once and by
    another way. With `since` also ``request``: what a witness of transparency logs takes (C2SP tlog-witness,
    ``add-checkpoint``): the earlier size, a consistency proof and the checkpoint

    Raises
    ------
    StoreDamaged
        The log is not whole, or does not begin with what `since` signed.
    """
    signer = Signer(log.folder)
    verifier = signer.verifier()
    earlier = None if since is None else verifier.read(since)
    size = verify(log, [] if earlier is None else [earlier])
    root = log.roots([size])[size]
    note = signer.sign(Checkpoint(origin=verifier.name, size=size, root=root))
    write_text(log.folder / FOLDER / f"{size:012}.txt", note)
    told: dict[str, Any] = {"entries": size, "checkpoint": note, "verifier": str(verifier)}
    if earlier is not None:
        told["request"] = _request(log, earlier.size, size, note)
    return told


def verify(log: AuditLog, also: Sequence[Checkpoint] = ()) -> int:
    """The number of entries of a whole log that agrees with every checkpoint kept beside it, and with `also`.

    Raises
    ------
    StoreDamaged
        An entry, or a checkpoint, was changed; the message says which.
    """
    return log.verify([*_kept(log), *also])


def read_checkpoint(log: AuditLog, path: Path, verifier: str | None = None) -> Checkpoint:
    """The checkpoint in a file, signed by this log's key, or by the key of `verifier` (``name+id+key``).

    Raises
    ------
    StoreDamaged
        It is none, or signed by another.
    """
    who = Signer(log.folder).verifier() if verifier is None else Verifier.of(verifier)
    return who.read(path.read_text(encoding="utf-8", errors="replace"))


def _kept(log: AuditLog) -> list[Checkpoint]:
    folder = log.folder / FOLDER
    return [read_checkpoint(log, path) for path in sorted(folder.glob("*.txt"))]


def _request(log: AuditLog, earlier: int, size: int, note: str) -> str:
    leaves = [leaf_hash(line) for line in log.lines()][:size]
    proof = consistency_proof(leaves, earlier) if earlier else []
    lines = [f"old {earlier}", *(base64.b64encode(step).decode() for step in proof)]
    return "\n".join(lines) + f"\n\n{note}"
