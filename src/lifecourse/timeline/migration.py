"""A store of an earlier format brought to the one of today, every version of it.

From format 1: files bound to store, version and path; their keys wrapped by a ring (`privacy.keyring`) and not by the
keeper itself; manifests sealed; of pseudonymous stores, ids of records hashed and words of rejected rows dropped.
Tables are read and written once each. Plain stores of people who are no pseudonyms are the same in both formats.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from lifecourse.privacy.audit import AuditLog
from lifecourse.privacy.keyring import Keyring, ring_document, write_ring
from lifecourse.privacy.keys import FileKeyProvider
from lifecourse.privacy.pseudonyms import record_id, record_key_of
from lifecourse.schema.actor import Identifiability
from lifecourse.schema.event import ALSO_FROM
from lifecourse.timeline import manifest as log
from lifecourse.timeline.manifest import FORMAT, FileEntry, Manifest, content_of_parts
from lifecourse.timeline.rewriting import Rewriting, finish_rewriting, rewrite, rewritten
from lifecourse.timeline.shard import sorted_events
from lifecourse.timeline.spill import without_origin
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.schema.actor import Actor, Purpose


def migrate(store: Path, *, actor: Actor, purpose: Purpose) -> dict[str, Any]:
    """Bring every version of `store` to today's format; killed at any moment, it is of the one or the other.

    Raises
    ------
    StoreBusy
        Another process is writing.
    """
    found = Store.at(store)
    with found.locked():
        finish_rewriting(found)
        manifests = [found.manifest(version) for version in log.versions(found.path)]
        before = min(manifest.format for manifest in manifests)
        tables = _Tables(found)
        if before < FORMAT and any(_has_keys(manifest) for manifest in manifests):
            _make_ring(found)
            documents, replaced = rewritten(found, manifests, tables.migrated)
            rewrite(found, Rewriting(documents=documents, replaced=replaced))
            outcome = "migrated"
        else:
            outcome = "nothing to do"
    AuditLog(found.audit_folder).record(
        actor=actor, purpose=purpose, action="migrate", target=f"store {found.path.name}"
    )
    return {
        "outcome": outcome,
        "format_before": before,
        "format": FORMAT if outcome == "migrated" else before,
        "versions": len(manifests),
        "files_rewritten": tables.written,
    }


def _has_keys(manifest: Manifest) -> bool:
    return manifest.encrypted or manifest.identifiability == Identifiability.PSEUDONYMOUS


def _make_ring(store: Store) -> None:
    """A ring for a store without one; people keep their ids, which were hashed with what the key file says."""
    if store.ring_path.is_file():
        return
    keeper = store.keys
    keeper.fingerprint()
    secret = keeper.path.read_bytes().strip() if isinstance(keeper, FileKeyProvider) else None
    write_ring(store.ring_path, ring_document(Keyring.new(pseudonyms=secret), keeper))


class _Tables:
    """The tables in today's form, each written once however many versions name it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: dict[str, FileEntry] = {}
        self.written = 0

    def migrated(self, manifest: Manifest, parent: str | None) -> Manifest:
        """The manifest of a version in today's format."""
        hashes = manifest.identifiability == Identifiability.PSEUDONYMOUS
        parts = tuple(self._anew(entry, manifest, hashes=hashes) for entry in manifest.parts)
        whole = content_of_parts(parts)

        def anew(entry: FileEntry) -> FileEntry:
            # Parts are there already.
            return self._anew(entry, manifest, hashes=hashes)

        return replace(
            manifest.with_entries(anew),
            format=FORMAT,
            parent=parent,
            dataset=self._store.ring.dataset,
            parts=parts,
            content_hash=whole,
            report={**manifest.report, "content_hash": whole},
        )

    def _anew(self, entry: FileEntry, manifest: Manifest, *, hashes: bool) -> FileEntry:
        if entry.path in self._entries:
            return self._entries[entry.path]
        table = self._store.read(entry)
        if hashes:
            table = _without_origin(table, record_key_of(self._store.ring.pseudonyms))
        stem = entry.path.rpartition("/")[2].rpartition("-")[0]
        written = self._store.write(
            table, stem, encrypted=manifest.encrypted, version=manifest.version
        )
        self.written += 1
        # Under its new name too: a plain table that did not change is the same file.
        self._entries[entry.path] = self._entries[written.path] = written
        return written


def _without_origin(events: pl.DataFrame, key: bytes) -> pl.DataFrame:
    hashed = without_origin(events, key)
    if ALSO_FROM in hashed.columns:
        others = [_other_tellings(told, key) for told in hashed[ALSO_FROM].to_list()]
        hashed = hashed.with_columns(pl.Series(ALSO_FROM, others, pl.String))
    return sorted_events(hashed) if "source_id" in hashed.columns else hashed


def _other_tellings(told: str | None, key: bytes) -> str | None:
    if told is None:
        return None
    tellings = orjson.loads(told)
    for telling in tellings:
        if telling.get("source_id") is not None:
            telling["source_id"] = record_id(telling["source_id"], key=key)
    return orjson.dumps(tellings).decode()
