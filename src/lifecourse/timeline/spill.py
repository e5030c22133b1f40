"""Read a unit of a source and lay its events into the folders of their shards.

The first half of an ingest. A finished unit leaves ``unit-<number>.json``, written last, so that a second run
skips it; everything is bounded by one flush of events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.files import read_json, write_json
from lifecourse.privacy.pseudonyms import subject_id
from lifecourse.schema.event import EVENT_COLUMNS, event_schema
from lifecourse.timeline.sealed import read_table, write_table
from lifecourse.vocab import normalise

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from lifecourse.records.source import Batch, Source, Unit

FLUSH_ROWS = 50_000
ALIAS_PREFIX = "urn:uuid:"
SIDE_TABLES = ("rejects", "references", "aliases", "identities", "deletions")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingJob:
    """What a reading process needs to know; picklable.

    file_index : the store's index of each file of the source, by the source's own index
    key : encrypts what is spilled; None where the store is plain
    """

    source: Source
    folder: Path
    n_shards: int
    file_index: dict[int, int]
    key: bytes | None
    subject_key: bytes
    normalises: bool


def shard_of(subject_ids: npt.NDArray[np.int64], n_shards: int) -> npt.NDArray[np.uint32]:
    """The shard of each subject: a 64-bit mix (splitmix64) of the id, modulo `n_shards`."""
    mixed = subject_ids.astype(np.uint64)
    with np.errstate(over="ignore"):
        mixed = mixed + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(n_shards)).astype(np.uint32)


def read_unit(job: ReadingJob, number: int, unit: Unit) -> dict[str, Any]:
    """Spill the events of `unit`; its counts. A unit that is done already is not read again."""
    done = job.folder / f"unit-{number:06d}.json"
    if done.exists():
        return dict(read_json(done))  # type: ignore[call-overload, no-any-return]
    reading = _UnitReading(job, number)
    for batch in job.source.read(unit):
        reading.take(batch)
    outcome = reading.finish()
    write_json(done, outcome)
    return outcome


class _UnitReading:
    def __init__(self, job: ReadingJob, number: int) -> None:
        self._job = job
        self._number = number
        self._held: list[pl.DataFrame] = []
        self._held_rows = 0
        self._flushes = 0
        self._sides: dict[str, list[pl.DataFrame]] = {name: [] for name in SIDE_TABLES}
        self._aliases: dict[str, str] = {}
        self._ids: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._references: dict[str, int] = {}
        self._rows_read = 0
        self._duplicates = 0

    def take(self, batch: Batch) -> None:
        self._rows_read += batch.rows_read
        self._duplicates += batch.duplicate_rows
        _add(self._references, batch.reference_rows)
        _add(self._counts, batch.counts)
        for name in SIDE_TABLES:
            table = getattr(batch, name)
            if table is not None and table.height:
                self._sides[name].append(table)
        if batch.aliases is not None and batch.aliases.height:
            self._aliases.update(batch.aliases.select("alias", "subject_key").iter_rows())
        if batch.identities is not None and batch.identities.height:
            for subject in batch.identities["subject_key"].unique().to_list():
                self._id_of(subject)
        if batch.events is not None and batch.events.height:
            self._hold(batch.events)

    def finish(self) -> dict[str, Any]:
        self._flush()
        for name, tables in self._sides.items():
            if tables:
                self._write(pl.concat(tables, how="diagonal_relaxed"), f"{name}-{self._number:06d}")
        if self._ids:
            keys = pl.DataFrame(
                {"subject_key": list(self._ids), "subject_id": list(self._ids.values())},
                schema={"subject_key": pl.String, "subject_id": pl.Int64},
            )
            self._write(keys, f"keys-{self._number:06d}")
        return {
            "rows_read": self._rows_read,
            "duplicate_rows": self._duplicates,
            "reference_rows": self._references,
            "counts": self._counts,
        }

    def _hold(self, events: pl.DataFrame) -> None:
        if self._job.normalises:
            events, counts = normalise(events)
            _add(self._counts, counts)
        self._held.append(events)
        self._held_rows += events.height
        if self._held_rows >= FLUSH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        events = pl.concat(self._held, how="diagonal_relaxed")
        self._held, self._held_rows = [], 0
        events = events.with_columns(
            pl.col("source_file")
            .replace_strict(self._job.file_index, return_dtype=pl.UInt32)
            .alias("source_file")
        )
        if "subject_id" not in events.columns:
            events = self._identify(events)
        self._spill(events)
        self._flushes += 1

    def _identify(self, events: pl.DataFrame) -> pl.DataFrame:
        """Give each event its subject; those whose subject is named in another unit wait for all aliases."""
        keys = events["subject_key"].unique().to_list()
        named = {key: self._aliases.get(key, key) for key in keys}
        waiting = [key for key, name in named.items() if name.startswith(ALIAS_PREFIX)]
        if waiting:
            later = events.filter(pl.col("subject_key").is_in(waiting))
            self._write(later, f"waiting-{self._number:06d}-{self._flushes:04d}")
            events = events.filter(~pl.col("subject_key").is_in(waiting))
        ids = {key: self._id_of(name) for key, name in named.items() if key not in set(waiting)}
        return events.with_columns(
            pl.col("subject_key").replace_strict(ids, return_dtype=pl.Int64).alias("subject_id")
        ).drop("subject_key")

    def _id_of(self, subject: str) -> int:
        if subject not in self._ids:
            job = self._job
            self._ids[subject] = subject_id(job.source.issuer, subject, key=job.subject_key)
        return self._ids[subject]

    def _spill(self, events: pl.DataFrame) -> None:
        spill_events(
            self._job.folder,
            events,
            n_shards=self._job.n_shards,
            key=self._job.key,
            name=f"{self._number:06d}-{self._flushes:04d}",
        )

    def _write(self, table: pl.DataFrame, stem: str) -> None:
        write_spill(self._job.folder / f"{stem}.parquet", table, self._job.key)


def spill_events(
    folder: Path, events: pl.DataFrame, *, n_shards: int, key: bytes | None, name: str
) -> None:
    """Write `events` (with ``subject_id``) to the folders of their shards, as files called `name`."""
    events = conform(events)
    shards = shard_of(events["subject_id"].to_numpy(), n_shards)
    parts = events.with_columns(pl.Series("shard", shards)).partition_by(
        "shard", include_key=False, as_dict=True, maintain_order=True
    )
    for (shard,), part in parts.items():
        target = folder / f"shard-{shard:05d}" / f"{name}.parquet"
        target.parent.mkdir(exist_ok=True)
        write_spill(target, part, key)


def write_spill(path: Path, table: pl.DataFrame, key: bytes | None) -> None:
    """Write a passing table, whole or not at all."""
    temporary = path.with_suffix(".part")
    write_table(table, temporary, key=key, aad=path.name)
    temporary.replace(path)


def read_side(folder: Path, name: str, key: bytes | None) -> pl.DataFrame | None:
    """The gathered table `name` of an ingest, None where no unit told any."""
    path = folder / f"{name}.parquet"
    return read_table(path, key=key, aad=path.name) if path.exists() else None


def read_spilled(folder: Path, pattern: str, key: bytes | None) -> list[pl.DataFrame]:
    """The passing tables whose names match `pattern`, in the order of their names."""
    return [read_table(path, key=key, aad=path.name) for path in sorted(folder.glob(pattern))]


def conform(events: pl.DataFrame) -> pl.DataFrame:
    """`events` with exactly EVENT_COLUMNS in their types; absent columns are null."""
    schema = event_schema()
    missing = [pl.lit(None, kind).alias(n) for n, kind in schema.items() if n not in events.columns]
    moments = [
        pl.col(name).dt.replace_time_zone(None)
        for name, kind in events.schema.items()
        if isinstance(kind, pl.Datetime) and kind.time_zone == "UTC"
    ]
    return events.with_columns(*missing, *moments).select(
        pl.col(name).cast(schema[name]) for name in EVENT_COLUMNS
    )


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + int(count)
