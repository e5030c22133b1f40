"""Erasure of one person: no version, file or log of the store yields them afterwards.

Every table of every version that holds the person is written anew without them, under a fresh key, and every manifest
is made anew in the same order (`rewriting`); what is about others stays as it was, so old versions still answer. Old
files are overwritten before they are deleted, and the keys that opened them stand in no manifest any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.base.clock import now
from lifecourse.base.errors import UserError
from lifecourse.privacy.access.house import House
from lifecourse.privacy.audit import AuditLog
from lifecourse.timeline import manifest as log
from lifecourse.timeline.manifest import Manifest, content_of_parts
from lifecourse.timeline.rewriting import Rewriting, finish_rewriting, rewrite, rewritten
from lifecourse.timeline.rotation import KEEP_DAYS, turn_keys
from lifecourse.timeline.sharding import shard_of_one
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.manifest import FileEntry, SourceEntry

ERASED_SOURCE = "erased"
SHORTEST_IDENTIFIER = 5
"""Shorter identifiers are too common as parts of other words to tell whose a rejected record is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom to erase: their id, and what identifies them in what sources wrote."""

    subject_id: int
    identifiers: frozenset[str]


def erase(
    store: Path,
    subject_id: int,
    *,
    actor: Actor,
    purpose: Purpose,
    keep_days: int = KEEP_DAYS,
) -> dict[str, Any]:
    """Erase a person from every version of `store`, and from its audit log.

    The keys of an encrypted store are turned too (`rotation`): backups made before open for `keep_days` more, and are
    noise from then on.

    Returns versions and files rewritten. What was made from the store elsewhere (labels, plans, models) is not the
    store's: `lifecourse erase` sees to those of a workspace.

    Raises
    ------
    UserError
        No version has the person.
    StoreBusy
        Another process is writing.
    """
    found = Store.at(store)
    audit = AuditLog(found.audit_folder)
    with found.locked():
        finish_rewriting(found)
        manifests = [found.manifest(version) for version in log.versions(found.path)]
        person = _person(found, manifests, subject_id)
        # Before the store: were it killed between, a second try must still find the person.
        House.at(found.audit_folder.parent).forget(subject_id, person.identifiers)
        tables = _Tables(found, person)
        documents, replaced = rewritten(found, manifests, tables.without)
        tombstone = {
            "erased": now().isoformat(),
            "versions": len(manifests),
            "files": len(tables.written),
        }
        rewrite(found, Rewriting(documents=documents, replaced=replaced, tombstone=tombstone))
        turned = turn_keys(found, keep_days=keep_days) if found.ring_path.is_file() else {}
    audit.forget(subject_id)
    audit.record(actor=actor, purpose=purpose, action="erase", target="a person, by request")
    return {
        "outcome": "erased",
        "versions": len(manifests),
        "files_rewritten": len(tables.written),
        "files_destroyed": len(replaced),
        "earlier_backups_open_until": turned.get("earlier_backups_open_until"),
    }


def _person(store: Store, manifests: list[Manifest], subject_id: int) -> Person:
    is_known = False
    identifiers = {str(subject_id)}
    for manifest in manifests:
        persons = store.read(manifest.persons, ["subject_id"])
        is_known |= subject_id in persons["subject_id"]
        if manifest.identity is not None:
            own = store.read(manifest.identity).filter(pl.col("subject_id") == subject_id)
            is_known |= own.height > 0
            for column in ("subject_key", "value", "name"):
                identifiers |= set(own[column].drop_nulls().to_list())
    if not is_known:
        raise UserError("no version of the store has this subject. Look the id up again.")
    return Person(
        subject_id=subject_id,
        identifiers=frozenset(each for each in identifiers if len(each) >= SHORTEST_IDENTIFIER),
    )


class _Tables:
    """The tables without the person, each written once however many versions name it."""

    def __init__(self, store: Store, person: Person) -> None:
        self._store, self._person = store, person
        self._entries: dict[str, FileEntry] = {}
        self.written: list[str] = []

    def without(self, manifest: Manifest, parent: str | None) -> Manifest:
        """The manifest of a version without the person."""
        shard = shard_of_one(self._person.subject_id, len(manifest.parts))
        lost = self._store.read(manifest.parts[shard]).filter(self._is_theirs)
        part = self._rewritten(manifest.parts[shard])
        parts = (*manifest.parts[:shard], part, *manifest.parts[shard + 1 :])
        whole = content_of_parts(parts)
        persons = self._rewritten(manifest.persons)
        report = {
            **manifest.report,
            "subjects": persons.rows,
            "events": sum(each.rows for each in parts),
            "content_hash": whole,
        }
        return replace(
            manifest,
            parent=parent,
            parts=parts,
            codes=self._codes(manifest.codes, lost),
            persons=persons,
            rejects=self._rejects(manifest.rejects),
            identity=manifest.identity and self._rewritten(manifest.identity),
            same_as=manifest.same_as and self._same_as(manifest.same_as),
            sources=self._sources(manifest, lost),
            report=report,
            content_hash=whole,
        )

    @property
    def _is_theirs(self) -> pl.Expr:
        return pl.col("subject_id") == self._person.subject_id

    def _rewritten(self, entry: FileEntry) -> FileEntry:
        return self._kept(entry, lambda table: table.filter(~self._is_theirs))

    def _same_as(self, entry: FileEntry) -> FileEntry:
        is_theirs = self._is_theirs | (pl.col("stands_for") == self._person.subject_id)
        return self._kept(entry, lambda table: table.filter(~is_theirs))

    def _rejects(self, entry: FileEntry) -> FileEntry:
        """Without the rejected records that name the person."""
        names = sorted(self._person.identifiers)
        said = pl.concat_str(pl.col("file"), pl.col("raw"), separator="\n", ignore_nulls=True)
        return self._kept(
            entry,
            lambda table: table.filter(~said.str.contains_any(names)) if names else table,
        )

    def _codes(self, entry: FileEntry, lost: pl.DataFrame) -> FileEntry:
        """With their events no longer counted, and without the codes that nobody else has."""
        counted = lost.group_by("code").agg(lost=pl.len())

        def without(table: pl.DataFrame) -> pl.DataFrame:
            left = (pl.col("count").cast(pl.Int64) - pl.col("lost").fill_null(0)).cast(pl.UInt32)
            is_gone = pl.col("lost").is_not_null() & (pl.col("count") == 0)
            joined = table.join(counted, on="code", how="left", maintain_order="left")
            return joined.with_columns(count=left).filter(~is_gone).drop("lost")

        return self._kept(entry, without)

    def _kept(self, entry: FileEntry, change: Any) -> FileEntry:
        """The entry of the changed table; the same where nothing changed."""
        if entry.path in self._entries:
            return self._entries[entry.path]
        before = self._store.read(entry)
        after = change(before)
        if after.equals(before):
            self._entries[entry.path] = entry
            return entry
        stem = entry.path.rpartition("/")[2].rpartition("-")[0]
        written = self._store.write(
            after, stem, encrypted=entry.wrapped_key is not None, version=entry.written_in or 1
        )
        self.written.append(written.path)
        self._entries[entry.path] = written
        return written

    def _sources(self, manifest: Manifest, lost: pl.DataFrame) -> tuple[SourceEntry, ...]:
        """Files that speak of nobody else lose their names, which often are the person's, and their hashes."""
        if "source_file" not in lost.columns:
            return manifest.sources
        theirs = set(lost["source_file"].drop_nulls().to_list())
        for entry in manifest.parts:
            if not theirs:
                return manifest.sources
            table = self._store.read(entry, ["subject_id", "source_file"]).filter(~self._is_theirs)
            theirs -= set(table["source_file"].drop_nulls().to_list())
        return tuple(
            replace(source, name=f"{ERASED_SOURCE}/{place}", sha256="0" * 64, size=0)
            if place in theirs or any(each in source.name for each in self._person.identifiers)
            else source
            for place, source in enumerate(manifest.sources)
        )
