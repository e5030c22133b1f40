"""The whole log of a store made anew, for erasure, for turning keys, for another format: all of it or nothing.

What is to be is first written down whole as a journal: the manifests as they will stand, the files that then go, the
keys that stay. Killed at any moment, the store is either as before, or the next writer ends what was begun.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.files import removed_for_good, sync_directory, to_json, write_bytes
from lifecourse.privacy.keyring import due, write_ring
from lifecourse.timeline import manifest as log
from lifecourse.timeline.manifest import Manifest
from lifecourse.timeline.store import WORK, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

JOURNAL = "rewriting.json"
EARLIER_JOURNAL = "erasure.json"
DONE = "rewriting.done"
TOMBSTONES = "erasures.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """What a log is to become.

    documents : by version, the manifest as it will be written
    replaced : files that no version names any more
    tombstone : what is said of an erasure for good; None where nobody was erased
    ring : the sealed keys that stay; None where they stay as they are
    """

    documents: dict[int, bytes]
    replaced: list[str]
    tombstone: dict[str, Any] | None = None
    ring: dict[str, Any] | None = None


def rewritten(
    store: Store, manifests: Iterable[Manifest], change: Callable[[Manifest, str | None], Manifest]
) -> tuple[dict[int, bytes], list[str]]:
    """Every manifest as `change` makes it of the one before and its new parent's hash, and the files that go."""
    documents: dict[int, bytes] = {}
    kept: set[str] = set()
    before: set[str] = set()
    parent: str | None = None
    for manifest in manifests:
        changed = change(manifest, parent)
        documents[changed.version] = store.encoded(changed)
        parent = log.hash_of(documents[changed.version])
        kept |= {entry.path for entry in changed.files}
        before |= {entry.path for entry in manifest.files}
    return documents, sorted(before - kept)


def rewrite(store: Store, rewriting: Rewriting) -> None:
    """Make the log what `rewriting` says; for the one writer."""
    journal = {
        "documents": {str(v): text.decode() for v, text in rewriting.documents.items()},
        "replaced": rewriting.replaced,
        "tombstone": rewriting.tombstone,
        "ring": rewriting.ring,
    }
    write_bytes(store.path / log.LOG / JOURNAL, to_json(journal))
    finish_rewriting(store)


def is_unfinished(store: Store) -> bool:
    """Whether a rewriting was begun that the next writer will end."""
    return any((store.path / log.LOG / name).is_file() for name in (JOURNAL, EARLIER_JOURNAL))


def finish_rewriting(store: Store) -> None:
    """End a rewriting that was begun, if one was, and destroy keys whose time has come; for the one writer."""
    removed_for_good(store.path / log.LOG / DONE)
    for name in (JOURNAL, EARLIER_JOURNAL):
        path = store.path / log.LOG / name
        if not path.is_file():
            continue
        journal = orjson.loads(path.read_bytes())
        for version, document in _documents(journal).items():
            log.replace(store.path, version, document)
        _clear(store, journal["replaced"])
        if journal["tombstone"] is not None:
            _bury(store, journal["tombstone"])
        if journal.get("ring") is not None:
            write_ring(store.ring_path, journal["ring"])
        # Renamed first: a journal that is half overwritten would be neither done nor to be done.
        path.replace(store.path / log.LOG / DONE)
        sync_directory(store.path / log.LOG)
        removed_for_good(store.path / log.LOG / DONE)
    _retire(store)


def _documents(journal: dict[str, Any]) -> dict[int, bytes]:
    if "documents" in journal:
        return {int(version): text.encode() for version, text in journal["documents"].items()}
    # A journal of format 1 has the manifests themselves.
    return {int(each["version"]): to_json(each) for each in journal["manifests"]}


def _clear(store: Store, replaced: list[str]) -> None:
    """Take away what no version names any more, and what an ingest that was killed had laid aside."""
    store.show_as_meds(store.manifest())
    for name in replaced:
        removed_for_good(store.path / name)
    # What a killed ingest wrote and never published may tell of whoever is erased.
    for stray in store.strays():
        removed_for_good(stray)
    work = store.path / WORK
    for left in work.rglob("*") if work.is_dir() else ():
        if left.is_file():
            removed_for_good(left)


def _bury(store: Store, tombstone: dict[str, Any]) -> None:
    """Add the tombstone, which says that somebody was erased and when, unless it stands there."""
    path = store.path / log.LOG / TOMBSTONES
    line = orjson.dumps(tombstone, option=orjson.OPT_APPEND_NEWLINE)
    if path.is_file() and line in path.read_bytes():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _retire(store: Store) -> None:
    """Have their keeper destroy keys that were turned long enough ago; first there, then in our list of them."""
    if not store.ring_path.is_file() or b'"until"' not in store.ring_path.read_bytes():
        return
    marks, left = due(store.ring)
    for mark in marks:
        store.keys.retire(mark)
    if marks:
        store.keep_ring(left)
