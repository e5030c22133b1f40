"""The one door by which records come in.

Units of the source are read in parallel and spilled by shard (`spill`); each shard is then merged with what
the store has (`merging`); the new version is published by creating its manifest, last and at once. Killed at any
moment, a store keeps its last good version, and a second run takes up the finished units.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from concurrent.futures import Future, as_completed
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import polars as pl

from lifecourse.base.files import read_json, sha256_of_file, to_json, write_json
from lifecourse.base.progress import SILENT, Progress
from lifecourse.engine.processes import processes
from lifecourse.privacy.audit import AuditLog
from lifecourse.privacy.keys import new_file_key
from lifecourse.privacy.pseudonyms import PUBLIC_KEY, subject_id
from lifecourse.records.registry import open_source
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.schema.event import EVENT_COLUMNS
from lifecourse.timeline.assembly import Assembly, IngestReport, mapping_digests
from lifecourse.timeline.manifest import Manifest, SourceEntry
from lifecourse.timeline.merging import (
    MergingJob,
    merge_shard,
    resolve_references,
    standing_records,
)
from lifecourse.timeline.sealed import read_table
from lifecourse.timeline.spill import (
    SIDE_TABLES,
    ReadingJob,
    conform,
    read_side,
    read_spilled,
    read_unit,
    spill_events,
    write_spill,
)
from lifecourse.timeline.store import WORK, Store
from lifecourse.vocab import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lifecourse.records.source import Batch, Source, SourceFile

T = TypeVar("T")

EVENTS_PER_SHARD = 50_000
SMALL_SOURCE_BYTES = 1 << 20
BYTES_PER_EVENT = {"fhir": 350, "omop": 90}
EXPANSION_OF_GZIP = 12
LARGEST_SHARDS = 4096


def ingest(
    source: Path,
    store: Path,
    *,
    kind: str | None = None,
    timezone: str = "UTC",
    issuer: str | None = None,
    identifiability: Identifiability = Identifiability.IDENTIFIED,
    plain: bool | None = None,
    snapshot: bool = False,
    mappings: Sequence[Path] = (),
    actor: Actor | None = None,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> IngestReport:
    """Add the records in `source` to `store`, as one new version.

    Parameters
    ----------
    source : file or folder
    store : folder, made when absent
    kind : ``fhir``, ``omop`` or ``meds``; detected when None
    timezone : IANA name for times without an offset
    issuer : who gave the person ids; the same (issuer, id) is the same subject. Default: `kind`
    identifiability : of a new store; an existing store keeps its own
    plain : True leaves a new store unencrypted; default only where it is synthetic
    snapshot : the source is complete: records of the same issuer that it no longer has are removed
    mappings : files that map local codes to concepts

    Raises
    ------
    SourceError
        Nothing of the source can be read.
    StoreBusy
        Another process is writing the store.
    """
    opened = open_source(source, kind=kind, timezone=timezone, issuer=issuer)
    target = Store(store)
    with target.locked():
        ingestion = _Ingestion(
            opened,
            target,
            timezone=timezone,
            identifiability=Identifiability(identifiability),
            plain=plain,
            snapshot=snapshot,
            mappings=tuple(mappings),
            workers=workers or os.cpu_count() or 1,
            progress=progress,
        )
        report = ingestion.run()
    AuditLog(target.audit_folder).record(
        actor=actor or Actor(name="system"),
        purpose=Purpose.OPERATIONS,
        action="ingest",
        target=f"store version {report.version}",
    )
    return report


class _Ingestion:
    """One ingest, from the plan to the published manifest."""

    def __init__(
        self,
        source: Source,
        store: Store,
        *,
        timezone: str,
        identifiability: Identifiability,
        plain: bool | None,
        snapshot: bool,
        mappings: tuple[Path, ...],
        workers: int,
        progress: Progress,
    ) -> None:
        self._source = source
        self._store = store
        self._timezone = timezone
        self._snapshot = snapshot
        self._mappings = mappings
        self._progress = progress
        self._files = source.files()
        self._base = store.manifest() if store.exists() else None
        self._identifiability = self._base.identifiability if self._base else identifiability
        is_synthetic = self._identifiability == Identifiability.SYNTHETIC
        wants_plain = is_synthetic if plain is None else plain
        self._encrypted = self._base.encrypted if self._base else not wants_plain
        if self._encrypted:
            store.keys.create()
        self._subject_key = self._choose_subject_key()
        self._digests = {file.index: sha256_of_file(file.path) for file in self._files}
        total = sum(file.size_bytes for file in self._files)
        self._workers = 1 if total < SMALL_SOURCE_BYTES else workers
        self._folder = store.path / WORK

    def run(self) -> IngestReport:
        if self._base is not None and self._is_nothing_new(self._base):
            self._clear_finished(self._base)
            standing = IngestReport(**self._base.report)
            return replace(standing, added=0, changed=0, removed=0, unchanged=standing.event_rows)
        self._prepare_folder()
        readings = self._read()
        self._gather_sides()
        self._spill_waiting()
        merges = self._merge()
        manifest = self._assembly().manifest(readings, merges)
        self._store.publish(manifest)
        shutil.rmtree(self._folder)
        self._store.remove_strays()
        return IngestReport(**manifest.report)

    # -- the plan -----------------------------------------------------------------------------------------

    def _choose_subject_key(self) -> bytes:
        if self._identifiability != Identifiability.PSEUDONYMOUS:
            return PUBLIC_KEY
        self._store.keys.create()
        secret = self._store.keys.path.read_bytes().strip()
        return hashlib.blake2b(secret, digest_size=32, person=b"subject-id").digest()

    def _is_nothing_new(self, base: Manifest) -> bool:
        known = {(s.kind, s.issuer, s.name, s.sha256) for s in base.sources}
        mine = {
            (self._source.kind, self._source.issuer, f.name, self._digests[f.index])
            for f in self._files
        }
        same_issuer = {s for s in known if s[:2] == (self._source.kind, self._source.issuer)}
        same_files = mine == same_issuer if self._snapshot else mine <= known
        return same_files and base.mappings == mapping_digests(self._mappings)

    def _all_sources(self) -> list[SourceEntry]:
        sources = list(self._base.sources) if self._base else []
        places = {(s.issuer, s.name): i for i, s in enumerate(sources)}
        for file in self._files:
            entry = SourceEntry(
                kind=self._source.kind,
                issuer=self._source.issuer,
                name=file.name,
                size=file.size_bytes,
                sha256=self._digests[file.index],
            )
            place = places.get((entry.issuer, entry.name))
            if place is None:
                sources.append(entry)
            else:
                sources[place] = entry
        return sources

    def _file_index(self) -> dict[int, int]:
        places = {(s.issuer, s.name): i for i, s in enumerate(self._all_sources())}
        return {file.index: places[(self._source.issuer, file.name)] for file in self._files}

    def _assembly(self) -> Assembly:
        return Assembly(
            store=self._store,
            base=self._base,
            folder=self._folder,
            key=self._key,
            encrypted=self._encrypted,
            identifiability=self._identifiability,
            kind=self._source.kind,
            issuer=self._source.issuer,
            timezone=self._timezone,
            sources=tuple(self._all_sources()),
            mappings=self._mappings,
        )

    @property
    def _n_shards(self) -> int:
        if self._base is not None:
            return len(self._base.parts)
        events = sum(_estimated_events(file, self._source.kind) for file in self._files)
        return max(1, min(LARGEST_SHARDS, -(-events // EVENTS_PER_SHARD)))

    def _clear_finished(self, base: Manifest) -> None:
        """Clear what a run left that was killed after it had published; work that can be taken up stays."""
        path = self._folder / "plan.json"
        if path.exists() and dict(read_json(path)).get("base") != base.version:  # type: ignore[call-overload]
            shutil.rmtree(self._folder)
            self._store.remove_strays()

    def _prepare_folder(self) -> None:
        """Take up the work of a killed run of the very same ingest; clear any other."""
        plan = {
            "files": [[f.name, self._digests[f.index]] for f in self._files],
            "kind": self._source.kind,
            "issuer": self._source.issuer,
            "timezone": self._timezone,
            "snapshot": self._snapshot,
            "base": self._base.version if self._base else 0,
            "n_shards": self._n_shards,
            "encrypted": self._encrypted,
        }
        path = self._folder / "plan.json"
        if path.exists() and _same_plan(path, plan):
            self._key = self._passing_key(dict(read_json(path)))  # type: ignore[call-overload]
            return
        if self._folder.exists():
            shutil.rmtree(self._folder)
        self._store.remove_strays()
        self._folder.mkdir(parents=True)
        self._key = new_file_key() if self._encrypted else None
        wrapped = self._store.keys.wrap(self._key, WORK) if self._key else None
        write_json(path, {**plan, "wrapped_key": wrapped})

    def _passing_key(self, plan: dict[str, Any]) -> bytes | None:
        wrapped = plan["wrapped_key"]
        return None if wrapped is None else self._store.keys.unwrap(wrapped, WORK)

    # -- the work -----------------------------------------------------------------------------------------

    def _read(self) -> list[dict[str, Any]]:
        job = ReadingJob(
            source=self._source,
            folder=self._folder,
            n_shards=self._n_shards,
            file_index=self._file_index(),
            key=self._key,
            subject_key=self._subject_key,
            normalises=self._source.kind != "meds",
        )
        arguments = [(job, number, unit) for number, unit in enumerate(self._source.units())]
        return self._in_parallel("reading", read_unit, arguments)

    def _gather_sides(self) -> None:
        """One table each of what units told beside events; subject ids are checked for collisions."""
        for name in (*SIDE_TABLES, "keys"):
            tables = read_spilled(self._folder, f"{name}-*.parquet", self._key)
            if tables:
                whole = pl.concat(tables, how="diagonal_relaxed").unique(maintain_order=True)
                write_spill(self._folder / f"{name}.parquet", whole, self._key)

    def _spill_waiting(self) -> None:
        """Give events their subjects that were named by an alias from another unit."""
        waiting = sorted(self._folder.glob("waiting-*.parquet"))
        if not waiting:
            return
        aliases = read_side(self._folder, "aliases", self._key)
        known = (
            dict(aliases.select("alias", "subject_key").iter_rows()) if aliases is not None else {}
        )
        lost = []
        for path in waiting:
            events = read_table(path, key=self._key, aad=path.name)
            named = events.with_columns(
                subject=pl.col("subject_key").replace_strict(known, default=None)
            )
            lost.append(
                named.filter(pl.col("subject").is_null()).select("source_file", "source_row")
            )
            found = named.filter(pl.col("subject").is_not_null())
            if found.height:
                ids = {s: self._subject_id(s) for s in found["subject"].unique().to_list()}
                spill_events(
                    self._folder,
                    found.with_columns(
                        subject_id=pl.col("subject").replace_strict(ids, return_dtype=pl.Int64)
                    ),
                    n_shards=self._n_shards,
                    key=self._key,
                    name=path.stem,
                )
        rejects = (
            pl.concat(lost)
            .unique()
            .select(
                pl.col("source_file").cast(pl.UInt32),
                row=pl.col("source_row").cast(pl.UInt32),
                reason=pl.lit("reference to a patient that is not in the source", pl.String),
            )
        )
        write_spill(self._folder / "late-rejects-waiting.parquet", rejects, self._key)

    def _subject_id(self, subject: str) -> int:
        return subject_id(self._source.issuer, subject, key=self._subject_key)

    def _merge(self) -> list[dict[str, Any]]:
        index = self._file_index()
        sources = self._base.sources if self._base else ()
        mine = tuple(i for i, s in enumerate(sources) if s.issuer == self._source.issuer)
        job = MergingJob(
            store=self._store,
            folder=self._folder,
            key=self._key,
            encrypted=self._encrypted,
            base=self._base.parts if self._base else (),
            replaced_files=tuple(index.values()),
            issuer_files=mine,
            snapshot_files=mine if self._snapshot else (),
        )
        arguments = [(job, shard) for shard in range(self._n_shards)]
        return self._in_parallel("merging", merge_shard, arguments)

    def _in_parallel(
        self, what: str, function: Callable[..., T], arguments: Sequence[tuple[Any, ...]]
    ) -> list[T]:
        if self._workers == 1 or len(arguments) == 1:
            results = []
            for done, argument in enumerate(arguments, start=1):
                results.append(function(*argument))
                self._progress.step(what, done, len(arguments))
            return results
        with processes(self._workers) as pool:
            futures = [pool.submit(function, *argument) for argument in arguments]
            try:
                for done, _ in enumerate(_finished(futures), start=1):
                    self._progress.step(what, done, len(arguments))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            return [future.result() for future in futures]


def events_of_resources(resources: list[dict[str, Any]], *, timezone: str = "UTC") -> pl.DataFrame:
    """The events (EVENT_COLUMNS) of FHIR resources in memory, read and resolved as a source's are."""
    import tempfile

    entries = [{"resource": resource} for resource in resources]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prefetch.json"
        path.write_bytes(orjson.dumps(bundle))
        opened = open_source(path, kind="fhir", timezone=timezone)
        batches = [batch for unit in opened.units() for batch in opened.read(unit)]
    return _resolve_in_memory(batches, opened.issuer)


def _resolve_in_memory(batches: list[Batch], issuer: str) -> pl.DataFrame:
    def together(name: str) -> pl.DataFrame | None:
        tables = [
            t for t in (getattr(batch, name) for batch in batches) if t is not None and t.height
        ]
        return pl.concat(tables, how="diagonal_relaxed") if tables else None

    events = together("events")
    if events is None:
        return conform(pl.DataFrame())
    aliases = together("aliases")
    known = dict(aliases.select("alias", "subject_key").iter_rows()) if aliases is not None else {}
    ids = {
        key: subject_id(issuer, known.get(key, key))
        for key in events["subject_key"].unique().to_list()
    }
    events, _ = normalise(events)
    events = conform(
        events.with_columns(
            subject_id=pl.col("subject_key").replace_strict(ids, return_dtype=pl.Int64)
        )
    )
    references = together("references")
    if references is not None:
        events, _ = resolve_references(events, references)
    events, _ = standing_records(events.with_columns(generation=pl.lit(1, pl.UInt8)))
    whole: pl.DataFrame = events.select(EVENT_COLUMNS)
    return whole


def _finished(futures: list[Future[T]]) -> Iterator[T]:
    for future in as_completed(futures):
        yield future.result()


def _same_plan(path: Path, plan: dict[str, Any]) -> bool:
    stated = dict(read_json(path))  # type: ignore[call-overload]
    stated.pop("wrapped_key", None)
    return bool(stated == orjson.loads(to_json(plan)))


def _estimated_events(file: SourceFile, kind: str) -> int:
    if file.path.suffix == ".parquet":
        return int(pl.scan_parquet(file.path, glob=False).select(pl.len()).collect().item())
    unpacked = file.size_bytes * (EXPANSION_OF_GZIP if file.path.suffix == ".gz" else 1)
    return unpacked // BYTES_PER_EVENT.get(kind, 100)
