"""Read a unit of a source and lay its events aside, ordered by bucket: the first half of an ingest.

A *bucket* is a run of neighbouring shards that are merged together, so that work that costs the same for few rows
as for many is done once for all of them. Each flush of events is one file: offsets of its buckets, then a blob for
each, so that a bucket is read without the rest. A finished unit leaves ``unit-<number>.json``, written last, so
that a second run skips it; everything is bounded by one flush of events.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.files import read_json, write_json
from lifecourse.privacy.pseudonyms import record_id, subject_id
from lifecourse.records.notes import with_facts
from lifecourse.records.source import ALIAS, IDENTIFIER, batches
from lifecourse.timeline.identity import ALL_DIFFERENT, SamePeople
from lifecourse.timeline.seal import Seal
from lifecourse.timeline.sealed import read_table, write_table
from lifecourse.timeline.shard import conform as conform  # what spilled tables are conformed with
from lifecourse.timeline.sharding import shard_of
from lifecourse.vocab import normalise

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from lifecourse.records.source import Batch, Source, Unit

SIDE_TABLES = ("rejects", "references", "aliases", "identities", "deletions", "concepts")
SPILL_FORMAT = 3
"""A run takes up only work that was laid aside in the form it reads."""
SAMPLED_ROWS = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """How subjects are put into shards and neighbouring shards into buckets."""

    n_shards: int
    n_buckets: int

    def of(self, subject_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
        """The bucket of each subject; subjects that come in runs are looked at once a run."""
        starts = np.flatnonzero(
            np.append(len(subject_ids) > 0, subject_ids[1:] != subject_ids[:-1])
        )
        shards = shard_of(subject_ids[starts], self.n_shards).astype(np.uint64)
        places = (shards * np.uint64(self.n_buckets) // np.uint64(self.n_shards)).astype(np.uint16)
        return np.repeat(places, np.diff(np.append(starts, len(subject_ids))))

    def shards(self, bucket: int) -> range:
        """The shards of `bucket`."""
        first = -(-bucket * self.n_shards // self.n_buckets)
        return range(first, -(-(bucket + 1) * self.n_shards // self.n_buckets))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingJob:
    """What a reading process needs to know; picklable.

    file_index : the store's index of each file of the source, by the source's own index
    key : encrypts what is spilled; None where the store is plain
    flush_rows : events that are held before they are laid aside
    facts_from_notes : what notes say becomes events too
    same : who is the same person
    record_key : what ids of records are hashed with, where people are pseudonyms; None where ids are kept
    """

    source: Source
    folder: Path
    buckets: Buckets
    file_index: dict[int, int]
    key: bytes | None
    subject_key: bytes
    normalises: bool
    flush_rows: int
    facts_from_notes: bool = False
    same: SamePeople = ALL_DIFFERENT
    record_key: bytes | None = None


def read_unit(job: ReadingJob, number: int, unit: Unit) -> dict[str, Any]:
    """Spill the events of `unit`; its counts. A unit that is done already is not read again."""
    done = job.folder / f"unit-{number:06d}.json"
    if done.exists():
        return dict(read_json(done))
    reading = _UnitReading(job, number)
    for batch in batches(job.source, unit):
        reading.take(batch)
    outcome = reading.finish()
    write_json(done, outcome)
    return outcome


@dataclass(slots=True)
class _UnitReading:
    job: ReadingJob
    number: int
    held: list[pl.DataFrame] = field(default_factory=list)
    held_rows: int = 0
    flushes: int = 0
    sides: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    references: dict[str, int] = field(default_factory=dict)
    rows_read: int = 0
    duplicates: int = 0

    def take(self, batch: Batch) -> None:
        self.rows_read += batch.rows_read
        self.duplicates += batch.duplicate_rows
        _add(self.references, batch.reference_rows)
        _add(self.counts, batch.counts)
        for name in SIDE_TABLES:
            table = getattr(batch, name)
            if table is not None and table.height:
                table = without_origin(table, self.job.record_key)
                self.sides.setdefault(name, []).append(table)
        if batch.aliases is not None and batch.aliases.height:
            # An identifier may be two people's: only all units together know.
            own = batch.aliases.filter(~pl.col("alias").str.starts_with(IDENTIFIER))
            self.aliases.update(own.select("alias", "subject_key").iter_rows())
        if batch.identities is not None and batch.identities.height:
            for subject in batch.identities["subject_key"].unique().to_list():
                self._id_of(subject)
        if batch.events is not None and batch.events.height:
            self._hold(batch.events)

    def finish(self) -> dict[str, Any]:
        self._flush()
        for name, tables in self.sides.items():
            self._write(pl.concat(tables, how="diagonal_relaxed"), f"{name}-{self.number:06d}")
        if self.ids:
            keys = pl.DataFrame(
                {"subject_key": list(self.ids), "subject_id": list(self.ids.values())},
                schema={"subject_key": pl.String, "subject_id": pl.Int64},
            )
            self._write(keys, f"keys-{self.number:06d}")
        return {
            "rows_read": self.rows_read,
            "duplicate_rows": self.duplicates,
            "reference_rows": self.references,
            "counts": self.counts,
        }

    def _hold(self, events: pl.DataFrame) -> None:
        if self.job.normalises:
            events, counts = normalise(events)
            _add(self.counts, counts)
        if self.job.facts_from_notes:
            events, counts = with_facts(events)
            _add(self.counts, counts)
        self.held.append(without_origin(events, self.job.record_key))
        self.held_rows += events.height
        if self.held_rows >= self.job.flush_rows:
            self._flush()

    def _flush(self) -> None:
        if not self.held:
            return
        events = pl.concat(self.held, how="diagonal_relaxed")
        self.held, self.held_rows = [], 0
        events = events.with_columns(
            pl.col("source_file").replace_strict(self.job.file_index, return_dtype=pl.UInt32)
        )
        is_named = "subject_id" in events.columns
        events = self.job.same.applied(events) if is_named else self._identify(events)
        spill_events(
            self.job.folder,
            events,
            buckets=self.job.buckets,
            key=self.job.key,
            name=f"{self.number:06d}-{self.flushes:04d}",
        )
        self.flushes += 1

    def _identify(self, events: pl.DataFrame) -> pl.DataFrame:
        """Give each event its subject; those whose subject is named in another unit wait for all aliases."""
        # Most sources have a person's rows together: texts are compared once a run, not once a row.
        runs = events["subject_key"].rle().struct.unnest()
        keys = runs["value"].unique().to_list()
        named = {key: self.aliases.get(key, key) for key in keys}
        waiting = [key for key, name in named.items() if name.startswith(ALIAS)]
        if waiting:
            later = events.filter(pl.col("subject_key").is_in(waiting))
            self._write(later, f"waiting-{self.number:06d}-{self.flushes:04d}")
            events = events.filter(~pl.col("subject_key").is_in(waiting))
            runs = events["subject_key"].rle().struct.unnest()
        ids = {key: self._id_of(name) for key, name in named.items() if key not in set(waiting)}
        subjects = runs["value"].replace_strict(ids, return_dtype=pl.Int64).to_numpy()
        return events.drop("subject_key").with_columns(
            subject_id=pl.Series(np.repeat(subjects, runs["len"].to_numpy()))
        )

    def _id_of(self, subject: str) -> int:
        if subject not in self.ids:
            job = self.job
            own = _subject_id(job.source.issuer, subject, job.subject_key)
            self.ids[subject] = job.same.person_of(own)
        return self.ids[subject]

    def _write(self, table: pl.DataFrame, stem: str) -> None:
        write_spill(self.job.folder / f"{stem}.parquet", table, self.job.key)


def without_origin(table: pl.DataFrame, key: bytes | None) -> pl.DataFrame:
    """`table` as pseudonymous stores keep it: ids of records hashed with `key`, and no words of a rejected row.

    As it is where there is no key.
    """
    if key is None:
        return table
    if "raw" in table.columns:
        table = table.with_columns(raw=pl.lit(None, pl.String))
    if "source_id" not in table.columns:
        return table
    stated = table["source_id"].to_list()
    hashed = [None if each is None else record_id(each, key=key) for each in stated]
    return table.with_columns(pl.Series("source_id", hashed, pl.String))


# The same people are in every table of a source; a process remembers about 25 MB of them.
@lru_cache(maxsize=100_000)
def _subject_id(issuer: str, subject: str, key: bytes) -> int:
    return subject_id(issuer, subject, key=key)


# -- events by bucket --------------------------------------------------------------------------------------


def spill_events(
    folder: Path, events: pl.DataFrame, *, buckets: Buckets, key: bytes | None, name: str
) -> None:
    """Write `events` (with ``subject_id``), ordered by bucket, as the file ``events-<name>.spill``.

    The file is the int64 offsets of n_buckets + 2 blobs, then the blobs: one a bucket, and last the words that
    columns with few of them are numbers of. Each is an Arrow stream, sealed by itself where there is a key.
    """
    events = conform(events)
    places = buckets.of(events["subject_id"].to_numpy())
    order = np.argsort(places, kind="stable")
    edges = np.searchsorted(places[order], np.arange(buckets.n_buckets + 1)).tolist()
    coded, words = _coded(events)
    coded = coded.select(pl.all().gather(pl.Series(order.astype(np.uint32))))
    path = folder / f"events-{name}.spill"
    seal = Seal(key, path.name)
    blobs = [
        seal.closed(_stream(coded.slice(start, end - start)), number) if end > start else b""
        for number, (start, end) in enumerate(pairwise(edges))
    ]
    blobs.append(seal.closed(_stream(words), buckets.n_buckets))
    first = 8 * (len(blobs) + 1)
    offsets = first + np.append(0, np.cumsum([len(blob) for blob in blobs])).astype(np.int64)
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as handle:
        handle.write(offsets.astype("<i8").tobytes())
        handle.writelines(blobs)
    temporary.replace(path)


def remove_spilled_events(folder: Path) -> None:
    """Remove what `spill_events` wrote: once all buckets are merged, nobody reads it again."""
    for path in folder.glob("events-*.spill"):
        path.unlink(missing_ok=True)


def spilled_events(
    folder: Path, bucket: int, *, buckets: Buckets, key: bytes | None
) -> list[tuple[str, pl.DataFrame]]:
    """The events of `bucket` of each flush that has some, with the flush's name, in the order of the names.

    A table lacks the columns of which it says nothing; `conform` gives them back.

    Raises
    ------
    StoreDamaged
        A file was changed, or `key` is another.
    """
    found = []
    for path in sorted(folder.glob("events-*.spill")):
        table = _read_bucket(path, bucket, buckets.n_buckets, Seal(key, path.name))
        if table is not None:
            found.append((path.stem.removeprefix("events-"), table))
    return found


def _read_bucket(path: Path, bucket: int, last: int, seal: Seal) -> pl.DataFrame | None:
    """The events of `bucket` in `path`: the columns that say anything; None where it has none of them."""
    with path.open("rb") as handle:
        offsets = np.frombuffer(handle.read(8 * (last + 2)), dtype="<i8").tolist()
        if offsets[bucket] == offsets[bucket + 1]:
            return None

        def blob(number: int) -> bytes:
            handle.seek(offsets[number])
            sealed = handle.read(offsets[number + 1] - offsets[number])
            return seal.opened(sealed, number)

        coded = pl.read_ipc_stream(io.BytesIO(blob(bucket)))
        stands = os.fstat(handle.fileno())
        name = (path, stands.st_ino, stands.st_mtime_ns)
        if (said := _WORDS.get(name)) is None:
            said = _by_column(pl.read_ipc_stream(io.BytesIO(blob(last))))
            if sum(words.estimated_size() for words in said.values()) <= MOST_BYTES_OF_WORDS:
                _WORDS[name] = said
            if len(_WORDS) > MOST_FLUSHES:
                _WORDS.pop(next(iter(_WORDS)))
    return coded.with_columns(
        words.gather(coded[column]).alias(column)
        for column, words in said.items()
        if column in coded.columns
    )


_WORDS: dict[tuple[Path, int, int], dict[str, pl.Series]] = {}
"""The words of flushes by file: a process reads the same ones for each of its buckets."""
MOST_FLUSHES, MOST_BYTES_OF_WORDS = 256, 256 << 10


def _by_column(words: pl.DataFrame) -> dict[str, pl.Series]:
    parts = words.partition_by("column", as_dict=True, maintain_order=True)
    return {str(column): part["word"].rechunk() for (column,), part in parts.items()}


def _coded(events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Columns that say anything, those of few words as numbers of them; and the words, ``column`` and ``word``."""
    kept, words = [], [pl.DataFrame(schema={"column": pl.String, "word": pl.String})]
    for series in events:
        if series.null_count() == events.height and series.name != "time":
            continue
        if series.dtype != pl.String or not _has_few_words(series):
            kept.append(series)
            continue
        said = series.drop_nulls().unique()
        kept.append(series.cast(pl.Enum(said)).to_physical().cast(pl.UInt32))
        words.append(
            pl.DataFrame({"column": pl.repeat(series.name, len(said), eager=True), "word": said})
        )
    return pl.DataFrame(kept), pl.concat(words)


def _has_few_words(series: pl.Series) -> bool:
    sample = series.gather_every(max(1, len(series) // SAMPLED_ROWS))
    return sample.n_unique() <= max(len(sample) // 4, 1)


def _stream(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_ipc_stream(buffer, compression="uncompressed")
    return buffer.getvalue()


# -- passing tables ----------------------------------------------------------------------------------------


def write_spill(path: Path, table: pl.DataFrame, key: bytes | None) -> None:
    """Write a passing table, whole or not at all."""
    temporary = path.with_suffix(".part")
    write_table(table, temporary, key=key, aad=path.name)
    temporary.replace(path)


def read_side(folder: Path, name: str, key: bytes | None) -> pl.DataFrame | None:
    """The gathered table `name` of an ingest, None where no unit told any."""
    path = folder / f"{name}.parquet"
    return read_table(path, key=key, aad=path.name) if path.exists() else None


def read_spilled(folder: Path, pattern: str, key: bytes | None) -> dict[str, pl.DataFrame]:
    """The passing tables whose names match `pattern`, by name without its ending, in the order of the names."""
    paths = sorted(folder.glob(pattern))
    return {path.stem: read_table(path, key=key, aad=path.name) for path in paths}


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + int(count)
