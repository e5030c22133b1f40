"""Copies of a store: whole, checked byte by byte, and without its key, which is kept apart."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import StoreDamaged, UserError
from lifecourse.base.files import sha256_of_file, sync_directory, sync_file
from lifecourse.privacy.audit import AuditLog
from lifecourse.timeline import manifest as log
from lifecourse.timeline.rewriting import TOMBSTONES, finish_rewriting
from lifecourse.timeline.store import PARTS, RING, Store

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.manifest import FileEntry


def backup(store: Path, target: Path, *, actor: Actor, purpose: Purpose) -> dict[str, Any]:
    """Copy every version of `store` into the new folder `target`, its log of versions last.

    The key that opens an encrypted store is not copied: whoever finds the copy cannot read it.

    Raises
    ------
    UserError
        `target` has something in it.
    StoreDamaged
        A file is not what was written; no copy is left.
    """
    found = Store.at(store)
    with found.locked():
        finish_rewriting(found)
        copied = _copied(found, Store(target))
    AuditLog(found.audit_folder).record(
        actor=actor, purpose=purpose, action="back up", target=f"{copied['versions']} versions"
    )
    return copied


def restore(source: Path, store: Path, *, actor: Actor, purpose: Purpose) -> dict[str, Any]:
    """Make `store`, which must be absent, of the copy in `source`; its key file must lie in its place already.

    Raises
    ------
    UserError
        There is a store already.
    KeyUnavailable
        The copy is encrypted, and its key is not there.
    StoreDamaged
        A file of the copy is not what was written, or the key is another store's; no store is left.
    """
    if Store(store).exists():
        raise UserError(f"there is a store at {store.name}. Restore into another folder.")
    copied = _copied(Store(source, keyed_as=store), Store(store))
    restored = Store(store)
    try:
        restored.read(restored.manifest().persons)
    except BaseException:
        shutil.rmtree(store)
        raise
    restored.show_as_meds(restored.manifest())
    AuditLog(restored.audit_folder).record(
        actor=actor, purpose=purpose, action="restore", target=f"{copied['versions']} versions"
    )
    return copied


def _copied(source: Store, target: Store) -> dict[str, Any]:
    versions = log.versions(source.path)
    log.check_chain(source.path, lambda: source.ring)
    if target.path.exists() and any(target.path.iterdir()):
        raise UserError(f"{target.path.name} has something in it. Give a new or empty folder.")
    entries = {
        entry.path: entry for version in versions for entry in source.manifest(version).files
    }
    (target.path / PARTS).mkdir(parents=True, exist_ok=True)
    (target.path / log.LOG).mkdir(exist_ok=True)
    try:
        for entry in entries.values():
            _copy(entry, source.path, target.path)
        sync_directory(target.path / PARTS)
        for name in (TOMBSTONES, RING):
            beside = source.path / log.LOG / name
            if beside.is_file():
                shutil.copyfile(beside, target.path / log.LOG / name)
        for version in versions:
            path = log.path_of(target.path, version)
            shutil.copyfile(log.path_of(source.path, version), path)
            sync_file(path)
        sync_directory(target.path / log.LOG)
    except BaseException:
        shutil.rmtree(target.path)
        raise
    return {
        "outcome": "copied",
        "versions": len(versions),
        "files": len(entries),
        "bytes": sum(entry.size for entry in entries.values()),
        "key": "kept apart" if source.manifest().encrypted else "none: the store is plain",
    }


def _copy(entry: FileEntry, source: Path, target: Path) -> None:
    if not (source / entry.path).is_file():
        raise StoreDamaged(f"{entry.path} is missing.")
    shutil.copyfile(source / entry.path, target / entry.path)
    sync_file(target / entry.path)
    if sha256_of_file(target / entry.path) != entry.sha256:
        raise StoreDamaged(f"{entry.path} is not what was written.")
