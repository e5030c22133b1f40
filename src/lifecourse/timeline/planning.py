"""What an ingest is going to do: which files, into how many shards, by how many processes, kept how."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from lifecourse.base.files import read_json, to_json, write_json
from lifecourse.privacy.keys import new_file_key
from lifecourse.privacy.pseudonyms import PUBLIC_KEY, record_key_of, subject_key_of
from lifecourse.schema.actor import Identifiability
from lifecourse.timeline.assembly import mapping_digests
from lifecourse.timeline.identity import (
    ALL_DIFFERENT,
    KnowsSamePeople,
    SamePeople,
    read_same_as,
    same_people,
)
from lifecourse.timeline.manifest import Manifest, SourceEntry
from lifecourse.timeline.spill import SPILL_FORMAT, Buckets
from lifecourse.timeline.store import WORK, Store

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.records.source import Source, SourceFile

EVENTS_PER_SHARD = 64_000
LARGEST_SHARDS = 4096
SMALL_SOURCE_BYTES = 1 << 20
EXPANSION_OF_GZIP = 12
DEFAULT = "other"
# Bundles hold claims and spaces too: with as many shards as if they were lines, each would hold next to nothing.
BYTES_PER_EVENT = {"fhir": 350, "bundles": 1_000, "ccda": 1_000, "omop": 90, DEFAULT: 100}
# Events of FHIR carry ids and words: fewer of them fill the same memory.
EVENTS_PER_BUCKET = {"fhir": 60_000, "ccda": 60_000, DEFAULT: 400_000}
FLUSH_ROWS = {"fhir": 40_000, DEFAULT: 400_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One ingest, decided.

    base : the version built upon; None for a first one
    digests : SHA-256 of each file of the source, by its index
    workers : processes that share the work; 1 where the source is small
    notes : the dictionary by which facts are derived from notes; None where none are
    same : who is the same person
    is_standing : whether the version built upon knows as much of that
    """

    source: Source
    store: Store
    base: Manifest | None
    files: tuple[SourceFile, ...]
    digests: dict[int, str]
    identifiability: Identifiability
    encrypted: bool
    timezone: str
    snapshot: bool
    mappings: tuple[Path, ...]
    workers: int
    buckets: Buckets
    notes: str | None = None
    same: SamePeople = ALL_DIFFERENT
    is_standing: bool = True

    @property
    def folder(self) -> Path:
        """Where the ingest's passing tables lie."""
        return self.store.path / WORK

    @property
    def flush_rows(self) -> int:
        """Events that a process holds before it lays them aside."""
        return FLUSH_ROWS.get(self.source.kind, FLUSH_ROWS[DEFAULT])

    @property
    def is_nothing_new(self) -> bool:
        """Whether the version built upon has been made of these very files."""
        if self.base is None or self.source.rests_on_store or not self.is_standing:
            return False
        source = self.source
        known = {(s.kind, s.issuer, s.name, s.sha256, s.notes) for s in self.base.sources}
        mine = {
            (source.kind, source.issuer, f.name, self.digests[f.index], self.notes)
            for f in self.files
        }
        same_issuer = {s for s in known if s[:2] == (source.kind, source.issuer)}
        same_files = mine == same_issuer if self.snapshot else mine <= known
        return same_files and self.base.mappings == mapping_digests(self.mappings)

    @property
    def sources(self) -> tuple[SourceEntry, ...]:
        """Every file the new version is made of: those before, and this source's in their place or after."""
        sources = list(self.base.sources) if self.base else []
        places = {(s.issuer, s.name): i for i, s in enumerate(sources)}
        for file in self.files:
            entry = SourceEntry(
                kind=self.source.kind,
                issuer=self.source.issuer,
                name=file.name,
                size=file.size_bytes,
                sha256=self.digests[file.index],
                notes=self.notes,
            )
            place = places.get((entry.issuer, entry.name))
            if place is None:
                sources.append(entry)
            else:
                sources[place] = entry
        return tuple(sources)

    @property
    def file_index(self) -> dict[int, int]:
        """The place in `sources` of each file, by the source's own index."""
        places = {(s.issuer, s.name): i for i, s in enumerate(self.sources)}
        return {file.index: places[(self.source.issuer, file.name)] for file in self.files}

    @property
    def earlier_files(self) -> tuple[int, ...]:
        """The places in `sources` of what the same issuer gave of the same kind before."""
        earlier = self.base.sources if self.base else ()
        mine = (self.source.kind, self.source.issuer)
        return tuple(i for i, s in enumerate(earlier) if (s.kind, s.issuer) == mine)

    def subject_key(self) -> bytes:
        """What subject ids are hashed with: the store's own secret where people are pseudonyms."""
        return _subject_key(self.store, self.identifiability)

    def record_key(self) -> bytes | None:
        """What ids of records are hashed with where people are pseudonyms; None elsewhere."""
        if self.identifiability != Identifiability.PSEUDONYMOUS:
            return None
        return record_key_of(self.store.ring.pseudonyms)

    # -- work that a killed run left ----------------------------------------------------------------------

    def take_up_work(self) -> bytes | None:
        """Take up the work of a killed run of the very same ingest, or clear any other; the work's key."""
        stated = {
            "files": [[f.name, self.digests[f.index]] for f in self.files],
            "kind": self.source.kind,
            "issuer": self.source.issuer,
            "timezone": self.timezone,
            "snapshot": self.snapshot,
            "base": self.base.version if self.base else 0,
            "n_shards": self.buckets.n_shards,
            "n_buckets": self.buckets.n_buckets,
            "encrypted": self.encrypted,
            "spill": SPILL_FORMAT,
            "notes": self.notes,
            "same": sorted(self.same.stands_for.items()),
        }
        path = self.folder / "plan.json"
        if path.exists() and _is_same(path, stated):
            wrapped = _read(path)["wrapped_key"]
            return None if wrapped is None else self.store.ring.unwrap(wrapped, WORK)
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.store.remove_strays()
        self.folder.mkdir(parents=True)
        key = new_file_key() if self.encrypted else None
        wrapped = self.store.ring.wrap(key, WORK) if key else None
        write_json(path, {**stated, "wrapped_key": wrapped})
        return key

    def clear_finished(self) -> None:
        """Clear what a run left that was killed after it had published; work that can be taken up stays.

        A folder without its plan was killed while it was being cleared, or before anything was laid aside.
        """
        path = self.folder / "plan.json"
        version = self.base.version if self.base else 0
        can_be_taken_up = path.exists() and _read(path).get("base") == version
        if self.folder.exists() and not can_be_taken_up:
            shutil.rmtree(self.folder)
            self.store.remove_strays()


def plan_ingest(
    source: Source,
    store: Store,
    *,
    timezone: str,
    identifiability: Identifiability,
    plain: bool | None,
    snapshot: bool,
    mappings: tuple[Path, ...],
    workers: int | None,
    notes: str | None = None,
    same_as: Path | None = None,
) -> Plan:
    """Decide how `source` gets into `store`; its key is made where it needs one."""
    files = tuple(source.files())
    base = store.manifest() if store.exists() else None
    kept_as = base.identifiability if base else identifiability
    wants_plain = kept_as == Identifiability.SYNTHETIC if plain is None else plain
    encrypted = base.encrypted if base else not wants_plain
    if encrypted or kept_as == Identifiability.PSEUDONYMOUS:
        _make_ring(store, is_new=base is None)
    same, is_standing = _same_people(same_as, source, store, base, kept_as)
    total = sum(file.size_bytes for file in files)
    cores = workers or os.cpu_count() or 1
    return Plan(
        source=source,
        store=store,
        base=base,
        files=files,
        digests=_digests(files, cores),
        identifiability=kept_as,
        encrypted=encrypted,
        timezone=timezone,
        snapshot=snapshot,
        mappings=mappings,
        workers=1 if total < SMALL_SOURCE_BYTES else cores,
        buckets=_buckets(files, source.kind, base),
        notes=notes,
        same=same,
        is_standing=is_standing,
    )


def _make_ring(store: Store, *, is_new: bool) -> None:
    """A new store gets its keys; an earlier one has them, or must be migrated first."""
    if is_new:
        store.make_ring()
    else:
        _ = store.ring


def _subject_key(store: Store, identifiability: Identifiability) -> bytes:
    if identifiability != Identifiability.PSEUDONYMOUS:
        return PUBLIC_KEY
    return subject_key_of(store.ring.pseudonyms)


def _same_people(
    path: Path | None,
    source: Source,
    store: Store,
    base: Manifest | None,
    identifiability: Identifiability,
) -> tuple[SamePeople, bool]:
    """Who is the same person, by the store, the source and the map in `path`; whether the store knew it all."""
    standing: dict[int, int] = {}
    if base is not None and base.same_as is not None:
        standing = dict(store.read(base.same_as).iter_rows())
    told = source.same_people() if isinstance(source, KnowsSamePeople) else []
    if path is None and not told:
        return SamePeople(stands_for=standing), True
    merged = [[(source.issuer, key) for key in keys] for keys in told]
    sources = [(s.kind, s.issuer) for s in base.sources] if base else []
    same = same_people(
        read_same_as(path) if path else [],
        standing,
        key=_subject_key(store, identifiability),
        keeps_ids={
            issuer for kind, issuer in (*sources, (source.kind, source.issuer)) if kind == "meds"
        },
        name=path.name if path else "the source",
        merged=merged,
    )
    return same, same.stands_for == standing


def _digests(files: tuple[SourceFile, ...], threads: int) -> dict[int, str]:
    with ThreadPoolExecutor(threads) as pool:
        hashed = pool.map(lambda file: file.fingerprint(), files)
        return {file.index: digest for file, digest in zip(files, hashed, strict=True)}


def _buckets(files: tuple[SourceFile, ...], kind: str, base: Manifest | None) -> Buckets:
    events = sum(_estimated_events(file, kind) for file in files)
    n_shards = (
        len(base.parts) if base else max(1, min(LARGEST_SHARDS, -(-events // EVENTS_PER_SHARD)))
    )
    standing = sum(part.rows for part in base.parts) if base else 0
    held = EVENTS_PER_BUCKET.get(kind, EVENTS_PER_BUCKET[DEFAULT])
    n_buckets = max(1, min(n_shards, -(-(events + standing) // held)))
    return Buckets(n_shards=n_shards, n_buckets=n_buckets)


def _estimated_events(file: SourceFile, kind: str) -> int:
    if file.rows is not None:
        return file.rows
    if file.path.suffix == ".parquet":
        with suppress(pl.exceptions.PolarsError, OSError):  # reading it says what is wrong
            return int(pl.scan_parquet(file.path, glob=False).select(pl.len()).collect().item())
    unpacked = file.size_bytes * (EXPANSION_OF_GZIP if file.path.suffix == ".gz" else 1)
    is_document = file.name.lower().removesuffix(".gz").endswith(".json")
    return unpacked // BYTES_PER_EVENT.get(
        "bundles" if kind == "fhir" and is_document else kind, BYTES_PER_EVENT[DEFAULT]
    )


def _read(path: Path) -> dict[str, Any]:
    return dict(read_json(path))


def _is_same(path: Path, stated: dict[str, Any]) -> bool:
    found = _read(path)
    found.pop("wrapped_key", None)
    return bool(found == orjson.loads(to_json(stated)))
