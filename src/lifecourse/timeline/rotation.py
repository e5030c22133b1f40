"""Keys of a store turned: what wraps changes, what is wrapped does not, so that a few kilobytes are written.

The keeper gets a new key, the ring a new one to wrap with; every manifest is sealed anew with its files' keys wrapped
by that. What the keeper had before is destroyed by the first writer after `keep_days`: until then backups made before
still open, from then on they are noise.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lifecourse.base.clock import now
from lifecourse.base.errors import UserError
from lifecourse.privacy.audit import AuditLog
from lifecourse.privacy.keyring import ring_document
from lifecourse.timeline import manifest as log
from lifecourse.timeline.rewriting import Rewriting, finish_rewriting, rewrite, rewritten
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.manifest import FileEntry, Manifest

KEEP_DAYS = 30


def rotate_keys(
    store: Path, *, actor: Actor, purpose: Purpose, keep_days: int = KEEP_DAYS
) -> dict[str, Any]:
    """Turn the keys of `store`; killed at any moment it is readable, and the next writer ends what was begun.

    Parameters
    ----------
    keep_days : how long the keeper's key of before stays, so that backups made before can be restored

    Raises
    ------
    UserError
        The store is plain.
    StoreBusy
        Another process is writing.
    """
    found = Store.at(store)
    with found.locked():
        finish_rewriting(found)
        if not found.ring_path.is_file() and not found.manifest().encrypted:
            raise UserError("the store is plain: it has no keys to turn.")
        report = turn_keys(found, keep_days=keep_days)
    AuditLog(found.audit_folder).record(
        actor=actor, purpose=purpose, action="rotate keys", target=f"store {found.path.name}"
    )
    return report


def turn_keys(store: Store, *, keep_days: int = KEEP_DAYS) -> dict[str, Any]:
    """`rotate_keys` for the one writer."""
    until = now() + timedelta(days=keep_days)
    ring = store.ring.turned()
    for mark in store.keys.rotate():
        ring = ring.with_retiring(mark, until)
    # From here on old and new keys both open, so a reader meets either sort of manifest and reads it.
    store.keep_ring(ring)
    manifests = [store.manifest(version) for version in log.versions(store.path)]
    documents, _ = rewritten(store, manifests, lambda each, parent: _rewrapped(store, each, parent))
    ring = ring.without_old_keys()
    rewrite(
        store,
        Rewriting(documents=documents, replaced=[], ring=ring_document(ring, store.keys)),
    )
    return {
        "outcome": "turned",
        "versions": len(manifests),
        "bytes_written": sum(map(len, documents.values())),
        "earlier_backups_open_until": until.isoformat(timespec="seconds"),
    }


def _rewrapped(store: Store, manifest: Manifest, parent: str | None) -> Manifest:
    def rewrap(entry: FileEntry) -> FileEntry:
        key = store.key_of(entry)
        if key is None:
            return entry
        return replace(entry, wrapped_key=store.ring.wrap(key, entry.path))

    return replace(manifest.with_entries(rewrap), parent=parent)
