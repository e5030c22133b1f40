"""The one door by which records come in.

Units of the source are read in parallel and spilled by bucket (`spill`); each bucket of shards is then merged with
what the store has (`merging`); the new version is published by creating its manifest, last and at once. Killed at
any moment, a store keeps its last good version, and a second run takes up the finished units.
"""

from __future__ import annotations

import shutil
from concurrent.futures import Future, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.base.progress import SILENT, Progress
from lifecourse.engine.processes import processes
from lifecourse.privacy.audit import AuditLog
from lifecourse.privacy.pseudonyms import subject_id
from lifecourse.records.notes import dictionary_digest
from lifecourse.records.source import IDENTIFIER, released
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline.assembly import Assembly, IngestReport
from lifecourse.timeline.merging import MOVED, MergingJob, merge_bucket
from lifecourse.timeline.opening import OF_PEOPLE_KNOWN, open_for, split_mappings
from lifecourse.timeline.planning import Plan, plan_ingest
from lifecourse.timeline.rewriting import finish_rewriting
from lifecourse.timeline.sameness import places_of, tellings
from lifecourse.timeline.sealed import read_table
from lifecourse.timeline.sharding import shard_of
from lifecourse.timeline.spill import (
    SIDE_TABLES,
    ReadingJob,
    read_side,
    read_spilled,
    read_unit,
    remove_spilled_events,
    spill_events,
    write_spill,
)
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import ProcessPoolExecutor

    from lifecourse.records.source import Unit

T = TypeVar("T")
STRANGERS = "people whom no record had told of: are they named as the records name them?"
LOADED = "lifecourse.timeline.merging"
"""What a process needs to read and to merge."""


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
    facts_from_notes: bool = False,
    same_as: Path | None = None,
    workers: int | None = None,
    pool: ProcessPoolExecutor | None = None,
    progress: Progress = SILENT,
) -> IngestReport:
    """Add the records in `source` to `store`, as one new version.

    Parameters
    ----------
    source : file or folder
    store : folder, made when absent
    kind : ``fhir``, ``omop``, ``meds`` or ``exposures``; detected when None
    timezone : IANA name for times without an offset
    issuer : who gave the person ids; the same (issuer, id) is the same subject. Default: `kind`; of genomes and series
        of devices, who named the people of the store
    identifiability : of a new store; an existing store keeps its own
    plain : True leaves a new store unencrypted; default only where it is synthetic
    snapshot : the source is complete: records of the same issuer that it no longer has are removed
    mappings : files that map local codes to concepts (CSV), and one that says what tables mean (YAML, or its name in
        the library of mappings)
    facts_from_notes : what notes say in words becomes events of its own, ``NOTED//...``, beside the coded ones
    same_as : a CSV file that says which ids of which sources are one person (`timeline.identity`); it holds for later
        ingests too
    workers : processes that share the work; as many as there are cores when None
    pool : such processes, where some run already (`lifecourse.engine.processes`); a small source does not use them

    Raises
    ------
    SourceError
        Nothing of the source can be read.
    StoreBusy
        Another process is writing the store.
    """
    target = Store(store)
    of_tables, of_codes = split_mappings(mappings)
    opened = open_for(
        target, source, kind=kind, timezone=timezone, issuer=issuer, mapping=of_tables
    )
    with target.locked(), _no_store_of_nothing(target), released(opened):
        finish_rewriting(target)
        plan = plan_ingest(
            opened,
            target,
            timezone=timezone,
            identifiability=Identifiability(identifiability),
            plain=plain,
            snapshot=snapshot or opened.rests_on_store,
            mappings=of_codes,
            workers=workers,
            notes=dictionary_digest() if facts_from_notes else None,
            same_as=same_as,
        )
        report = _Ingestion(plan, progress).run(pool)
        if plan.base is not None and opened.kind in OF_PEOPLE_KNOWN:
            report = _with_strangers(report, report.subjects - plan.base.report["subjects"])
    AuditLog(target.audit_folder).record(
        actor=actor or Actor(name="system"),
        purpose=Purpose.OPERATIONS,
        action="ingest",
        target=f"store version {report.version}",
    )
    return report


def _with_strangers(report: IngestReport, number: int) -> IngestReport:
    """`report` with how many people nobody told of before: files that name people otherwise show by it."""
    if number <= 0:
        return report
    return replace(report, counts={**report.counts, STRANGERS: number})


@contextmanager
def _no_store_of_nothing(store: Store) -> Iterator[None]:
    """Where a first source cannot be read, take away what was begun: the key too, if this made it."""
    had_key = store.keys.is_there()
    try:
        yield
    except SourceError:
        if not store.exists():
            store.discard()
            if not had_key:
                store.keys.discard()
        raise


class _Ingestion:
    """One ingest, from the plan to the published manifest."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._plan = plan
        self._progress = progress
        self._store = plan.store
        self._folder = plan.folder
        self._subject_key = plan.subject_key()
        self._key: bytes | None = None
        self._pool: ProcessPoolExecutor | None = None

    def run(self, pool: ProcessPoolExecutor | None = None) -> IngestReport:
        plan = self._plan
        if plan.base is not None and plan.is_nothing_new:
            plan.clear_finished()
            standing = IngestReport(**plan.base.report)
            return replace(standing, added=0, changed=0, removed=0, unchanged=standing.event_rows)
        with ExitStack() as stack:
            if plan.workers > 1:
                # Processes start while this one looks where to cut the source.
                self._pool = pool or stack.enter_context(processes(plan.workers, loaded=LOADED))
            self._key = plan.take_up_work()
            units = plan.source.units()
            readings = self._read(units)
            bases = _row_bases(units, readings)
            self._gather_sides(bases)
            self._spill_waiting()
            self._spill_moved()
            merges = self._merge(bases)
            removed = self._pool and self._pool.submit(remove_spilled_events, self._folder)
            manifest = self._assembly().manifest(readings, merges)
            self._store.publish(manifest)
            if removed:
                removed.result()
        shutil.rmtree(self._folder)
        self._store.remove_strays()
        return IngestReport(**manifest.report)

    def _assembly(self) -> Assembly:
        plan = self._plan
        return Assembly(
            store=self._store,
            base=plan.base,
            folder=self._folder,
            key=self._key,
            encrypted=plan.encrypted,
            identifiability=plan.identifiability,
            kind=plan.source.kind,
            issuer=plan.source.issuer,
            timezone=plan.timezone,
            sources=plan.sources,
            mappings=plan.mappings,
            same=plan.same,
        )

    def _read(self, units: list[Unit]) -> list[dict[str, Any]]:
        plan = self._plan
        job = ReadingJob(
            source=plan.source,
            folder=self._folder,
            buckets=plan.buckets,
            file_index=plan.file_index,
            key=self._key,
            subject_key=self._subject_key,
            normalises=plan.source.kind != "meds",
            facts_from_notes=plan.notes is not None,
            same=plan.same,
            flush_rows=plan.flush_rows,
            record_key=plan.record_key(),
        )
        arguments = [(job, number, unit) for number, unit in enumerate(units)]
        return self._in_parallel("reading", read_unit, arguments)

    def _gather_sides(self, bases: dict[int, int]) -> None:
        """One table each of what units told beside events; subject ids are checked for collisions."""
        for name in (*SIDE_TABLES, "keys"):
            told = read_spilled(self._folder, f"{name}-*.parquet", self._key)
            tables = [
                table.with_columns(pl.col("row") + bases.get(int(stem.split("-")[1]), 0))
                if name == "rejects"
                else table
                for stem, table in told.items()
            ]
            if tables:
                whole = pl.concat(tables, how="diagonal_relaxed").unique(maintain_order=True)
                write_spill(self._folder / f"{name}.parquet", whole, self._key)

    def _spill_waiting(self) -> None:
        """Give events their subjects that were named by an alias from another unit."""
        waiting = sorted(self._folder.glob("waiting-*.parquet"))
        if not waiting:
            return
        known = self._known_aliases()
        lost = []
        for path in waiting:
            events = read_table(path, key=self._key, aad=path.name)
            key = pl.col("subject_key")
            # An identifier that nobody's record has names a person all the same; one of two people's names nobody.
            unmet = pl.when(key.str.starts_with(IDENTIFIER) & ~key.is_in(list(known))).then(key)
            named = events.with_columns(
                subject=pl.coalesce(key.replace_strict(known, default=None), unmet)
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
                    buckets=self._plan.buckets,
                    key=self._key,
                    name=f"{path.stem.removeprefix('waiting-')}-waiting",
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

    def _known_aliases(self) -> dict[str, str | None]:
        """Whom each alias stands for; None for an alias that is more than one person's."""
        aliases = read_side(self._folder, "aliases", self._key)
        if aliases is None:
            return {}
        told = aliases.group_by("alias").agg(pl.col("subject_key").unique())
        known = {alias: keys[0] if len(keys) == 1 else None for alias, keys in told.iter_rows()}
        return {alias: _last_name(key, known) for alias, key in known.items()}

    def _subject_id(self, subject: str) -> int:
        own = subject_id(self._plan.source.issuer, subject, key=self._subject_key)
        return self._plan.same.person_of(own)

    def _spill_moved(self) -> None:
        """Lay aside what the store has of people who are now known to be others, under the others' ids."""
        plan = self._plan
        if plan.base is None or not plan.same.moved:
            return
        moved = np.array(sorted(plan.same.moved), dtype=np.int64)
        folder = self._folder / MOVED
        folder.mkdir(exist_ok=True)
        for shard in sorted(set(shard_of(moved, len(plan.base.parts)).tolist())):
            whole = tellings(self._store.read(plan.base.parts[shard]))
            theirs = whole.filter(pl.col("subject_id").is_in(moved.tolist()))
            if theirs.height:
                spill_events(
                    folder,
                    plan.same.renamed(theirs),
                    buckets=plan.buckets,
                    key=self._key,
                    name=f"{shard:06d}",
                )

    def _merge(self, bases: dict[int, int]) -> list[dict[str, Any]]:
        plan = self._plan
        job = MergingJob(
            store=self._store,
            folder=self._folder,
            buckets=plan.buckets,
            key=self._key,
            encrypted=plan.encrypted,
            version=plan.base.version + 1 if plan.base else 1,
            base=plan.base.parts if plan.base else (),
            row_bases=bases,
            replaced_files=tuple(plan.file_index.values()),
            issuer_files=plan.earlier_files,
            snapshot_files=plan.earlier_files if plan.snapshot else (),
            sources=places_of(plan.sources),
            same=plan.same,
        )
        arguments = [(job, bucket) for bucket in range(plan.buckets.n_buckets)]
        return self._in_parallel("merging", merge_bucket, arguments)

    def _in_parallel(
        self, what: str, function: Callable[..., T], arguments: Sequence[tuple[Any, ...]]
    ) -> list[T]:
        if self._pool is None:
            results = []
            for done, argument in enumerate(arguments, start=1):
                results.append(function(*argument))
                self._progress.step(what, done, len(arguments))
            return results
        futures = [self._pool.submit(function, *argument) for argument in arguments]
        try:
            for done, _ in enumerate(_finished(futures), start=1):
                self._progress.step(what, done, len(arguments))
        except BaseException:
            self._pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _last_name(key: str | None, known: dict[str, str | None]) -> str | None:
    """Who a key stands for in the end: what an alias stands for may be an alias of somebody itself."""
    passed: set[str] = set()
    while key is not None and key in known and key not in passed:
        passed.add(key)
        key = known[key]
    return key


def _row_bases(units: list[Unit], readings: list[dict[str, Any]]) -> dict[int, int]:
    """Rows that come before each unit which could not know them, by the unit's number."""
    bases: dict[int, int] = {}
    before = 0
    for number, (unit, reading) in enumerate(zip(units, readings, strict=True)):
        if unit.continues:
            bases[number] = before
        before = (before if unit.continues else 0) + int(reading["rows_read"])
    return bases


def _finished(futures: list[Future[T]]) -> Iterator[T]:
    for future in as_completed(futures):
        yield future.result()
