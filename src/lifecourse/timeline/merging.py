"""Bring new events and old ones of one bucket of shards together: the second half of an ingest.

A record (one ``source_id`` of one subject) stands once: its largest version, of equal versions the latest
load's. Rows of sources without record ids (MEDS) stand as they are; a file read again replaces its rows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.files import read_json, write_json
from lifecourse.schema.event import EVENT_COLUMNS, PROVENANCE_COLUMNS, REFERENCE_CODE, event_schema
from lifecourse.timeline.accounting import ORIGIN, RECORD, whole_rejects, whole_rows
from lifecourse.timeline.contradictions import contradictions
from lifecourse.timeline.identity import ALL_DIFFERENT, SamePeople
from lifecourse.timeline.ordering import OrderedEvents, in_shards
from lifecourse.timeline.persons import persons_of
from lifecourse.timeline.sameness import apart, tellings, together, told_once
from lifecourse.timeline.sealed import read_table
from lifecourse.timeline.spill import Buckets, conform, spilled_events, write_spill
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.timeline.manifest import FileEntry

EVERY_VERSION = 2**62
MOVED = "moved"
TOLD_AGAIN = "facts told again by another source, kept with the first"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergingJob:
    """What a merging process needs to know; picklable.

    version : the number of the new version
    base : the shards' files of the version that is built upon, or empty
    row_bases : rows of the same file before a unit that counted its own from 1, by the unit's number
    replaced_files : store file indices whose old rows without record ids go
    issuer_files : store file indices of the same issuer's earlier loads
    snapshot_files : store file indices of a source that now speaks for itself: old rows not in it go
    sources : the place of each file's source among all; empty where there is one (`sameness.places_of`)
    same : who is the same person
    """

    store: Store
    folder: Path
    buckets: Buckets
    key: bytes | None
    encrypted: bool
    version: int
    base: tuple[FileEntry, ...]
    row_bases: dict[int, int]
    replaced_files: tuple[int, ...]
    issuer_files: tuple[int, ...]
    snapshot_files: tuple[int, ...]
    sources: dict[int, int] = field(default_factory=dict)
    same: SamePeople = ALL_DIFFERENT


def merge_bucket(job: MergingJob, bucket: int) -> dict[str, Any]:
    """Write the parts of the shards of `bucket`, unless that is done; its counts and file entries."""
    done = job.folder / f"merged-{bucket:05d}.json"
    if done.exists():
        return dict(read_json(done))
    outcome = _merge(job, bucket)
    write_json(done, outcome)
    return outcome


def _merge(job: MergingJob, bucket: int) -> dict[str, Any]:
    new, unresolved = resolve_references(_read_new(job, bucket), _references(job))
    old = _read_old(job, bucket)
    gone = _deleted(job)
    both = pl.concat(
        [
            old.with_columns(generation=pl.lit(0, pl.UInt8)),
            new.with_columns(generation=pl.lit(1, pl.UInt8)),
        ]
    )
    both, withdrawn = _without(gone, both, job)
    kept, losers = standing_records(apart(both, job.sources))
    kept = together(kept, job.sources)
    withdrawn = whole_rejects(withdrawn, kept)
    losers = whole_rows(losers, kept, withdrawn)
    kept, dropped = _drop_snapshot(kept, job)
    counts = _change_counts(old, new, kept, losers)
    rejects = pl.concat([unresolved, withdrawn, _superseded(losers)])
    del both, old, new
    told_again = 0
    kept = kept.select(EVENT_COLUMNS)
    if job.sources:
        kept, told_again = told_once(kept, job.sources)
    ordered = in_shards(kept, job.buckets.n_shards)
    del kept
    persons = persons_of(ordered.events)
    told = {
        "codes": _code_counts(ordered),
        "words": _words(ordered),
        "persons": persons,
        "late-rejects": rejects,
    }
    for name, table in told.items():
        write_spill(job.folder / f"{name}-{bucket:05d}.parquet", table, job.key)
    return {
        "entries": _write_parts(job, bucket, ordered),
        "subjects": persons.height,
        "dropped_by_snapshot": dropped,
        "counts": {
            **({TOLD_AGAIN: told_again} if told_again else {}),
            **(contradictions(ordered) if job.sources else {}),
        },
        **counts,
    }


def _write_parts(job: MergingJob, bucket: int, ordered: OrderedEvents) -> list[dict[str, Any]]:
    entries = []
    for shard in job.buckets.shards(bucket):
        start, end = np.searchsorted(ordered.shards, [shard, shard + 1]).tolist()
        part = ordered.events.slice(start, end - start)
        entry = job.store.write(part, f"{shard:05d}", encrypted=job.encrypted, version=job.version)
        entries.append(asdict(entry))
    return entries


def _read_new(job: MergingJob, bucket: int) -> pl.DataFrame:
    flushes = spilled_events(job.folder, bucket, buckets=job.buckets, key=job.key)
    tables = [
        table.with_columns(pl.col("source_row") + job.row_bases.get(int(name.split("-")[0]), 0))
        for name, table in flushes
    ]
    return conform(pl.concat(tables, how="diagonal") if tables else pl.DataFrame())


def _read_old(job: MergingJob, bucket: int) -> pl.DataFrame:
    if not job.base:
        return pl.DataFrame(schema=event_schema())
    replaced = pl.col("source_id").is_null() & pl.col("source_file").is_in(list(job.replaced_files))
    parts = [tellings(job.store.read(job.base[shard])) for shard in job.buckets.shards(bucket)]
    if job.same.moved:
        parts = [_without_moved(part, job) for part in parts]
        parts += [
            conform(table)
            for _, table in spilled_events(
                job.folder / MOVED, bucket, buckets=job.buckets, key=job.key
            )
        ]
    return pl.concat(part.filter(~replaced) for part in parts)


def _without_moved(part: pl.DataFrame, job: MergingJob) -> pl.DataFrame:
    return part.filter(~pl.col("subject_id").is_in(list(job.same.moved)))


def _deleted(job: MergingJob) -> pl.DataFrame:
    """``source_id`` and ``gone_to``: up to which version the record is gone."""
    path = job.folder / "deletions.parquet"
    if not path.exists():
        return pl.DataFrame(schema={"source_id": pl.String, "gone_to": pl.Int64})
    told = read_table(path, key=job.key, aad=path.name)
    return told.group_by("source_id").agg(
        gone_to=pl.col("source_version").fill_null(EVERY_VERSION).max()
    )


def _without(
    gone: pl.DataFrame, both: pl.DataFrame, job: MergingJob
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of records that are not gone; rows that came in this very load and are gone, as rejects."""
    if gone.height == 0:
        return both, _no_rejects()
    # Ids are an issuer's own: another hospital's Condition/1 is another record.
    is_mine = pl.col("source_file").is_in((*job.issuer_files, *job.replaced_files))
    # A version after the one that was withdrawn is a correction, and stands.
    is_old = pl.col("source_version").fill_null(-EVERY_VERSION) <= pl.col("gone_to")
    judged = both.join(gone, on="source_id", how="left", maintain_order="left").with_columns(
        is_gone=(is_mine & is_old).fill_null(False)
    )
    new = judged.filter(pl.col("is_gone") & (pl.col("generation") == 1))
    kept = judged.filter(~pl.col("is_gone")).drop("gone_to", "is_gone")
    return kept, _as_rejects(new, "taken back in the same source")


def _references(job: MergingJob) -> pl.DataFrame:
    path = job.folder / "references.parquet"
    if not path.exists():
        return pl.DataFrame(schema={"key": pl.String, "code": pl.String, "text": pl.String})
    return read_table(path, key=job.key, aad=path.name)


def resolve_references(
    events: pl.DataFrame, references: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put the code that a reference stands for in its place; those that stand for nothing become rejects."""
    refers = pl.col("code").str.contains(REFERENCE_CODE, literal=True)
    if not events["code"].unique().str.contains(REFERENCE_CODE, literal=True).any():
        return events, _no_rejects()
    waiting = events.filter(refers)
    known = references.unique("key", keep="first", maintain_order=True)
    parts = waiting.with_columns(
        status=pl.col("code").str.extract(r"^(.*?)REF//", 1),
        key=pl.col("code").str.extract(r"REF//(.*)$", 1),
    ).join(known.rename({"code": "meant", "text": "meant_text"}), on="key", how="left")
    resolved = parts.filter(pl.col("meant").is_not_null()).with_columns(
        code=pl.col("status") + pl.col("meant"),
        text_value=pl.coalesce("text_value", "meant_text"),
    )
    lost = parts.filter(pl.col("meant").is_null())
    whole = pl.concat([events.filter(~refers), resolved.select(EVENT_COLUMNS)])
    return whole, _as_rejects(lost, "reference to a medication that is not in the source")


def standing_records(both: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of the record versions that stand, and the losers with what became of them."""
    if both["source_id"].null_count() == both.height:
        return both, _no_losers()
    if _every_record_is_of_one_row(both.filter(pl.col("source_id").is_not_null())):
        return both, _no_losers()
    content = [name for name in EVENT_COLUMNS if name not in PROVENANCE_COLUMNS]
    both = both.with_columns(
        record=pl.when(pl.col("source_id").is_not_null()).then(pl.struct(content).hash(seed=7))
    )
    identified = both.filter(pl.col("source_id").is_not_null())
    versions = identified.group_by(*RECORD, *ORIGIN).agg(
        version=pl.col("source_version").max(), record=pl.col("record").sum()
    )
    crowded = versions.filter(pl.len().over(RECORD) > 1)
    if crowded.height == 0:
        return both, _no_losers()
    ranked = crowded.sort(
        *RECORD, "version", "generation", "record", "source_file", "source_row", nulls_last=False
    ).with_columns(
        place=pl.int_range(pl.len()).over(RECORD),
        last=(pl.len() - 1).over(RECORD),
        standing=pl.col("record").last().over(RECORD),
        standing_generation=pl.col("generation").last().over(RECORD),
    )
    losers = ranked.filter(pl.col("place") < pl.col("last")).select(
        *RECORD,
        *ORIGIN,
        same=pl.col("record") == pl.col("standing"),
        standing_generation="standing_generation",
    )
    kept = both.join(losers.select(*RECORD, *ORIGIN), on=[*RECORD, *ORIGIN], how="anti")
    return kept, losers


def _every_record_is_of_one_row(named: pl.DataFrame) -> bool:
    """Whether no source id surely comes in two source rows; ids of one hash are taken for one, so it may say no."""
    hashed = named["source_id"].hash()
    in_order = hashed.sort().to_numpy()
    repeated = pl.Series(np.unique(in_order[1:][in_order[1:] == in_order[:-1]]), dtype=pl.UInt64)
    if repeated.is_empty():
        return True
    row = pl.col("source_file").cast(pl.UInt64) * 2**32 + pl.col("source_row")
    rows = named.select(hashed, row=row, generation="generation").filter(
        pl.col("source_id").is_in(repeated.implode())
    )
    return rows.unique().height == repeated.len()


def _drop_snapshot(kept: pl.DataFrame, job: MergingJob) -> tuple[pl.DataFrame, int]:
    if not job.snapshot_files:
        return kept, 0
    absent = (pl.col("generation") == 0) & pl.col("source_file").is_in(list(job.snapshot_files))
    dropped = kept.filter(absent).select(pl.struct(*ORIGIN).n_unique()).item()
    return kept.filter(~absent), int(dropped)


def _change_counts(
    old: pl.DataFrame, new: pl.DataFrame, kept: pl.DataFrame, losers: pl.DataFrame
) -> dict[str, int]:
    """Source rows by what became of them; old and new count rows of the source, not events."""
    new_rows = _rows(kept, 1)
    old_rows = _rows(kept, 0) if old.height else 0
    lost_old = losers.filter(pl.col("generation") == 0)
    lost_new = losers.filter(pl.col("generation") == 1)
    unchanged = lost_old.filter(pl.col("same")).height
    changed = lost_old.filter(~pl.col("same")).select(RECORD).n_unique() if lost_old.height else 0
    within = lost_new.filter(pl.col("standing_generation") == 1)
    return {
        "event_rows": new_rows + lost_new.filter(pl.col("standing_generation") == 0).height,
        "duplicate_rows": within.filter(pl.col("same")).height,
        "superseded_rows": within.filter(~pl.col("same")).height,
        "added": max(new_rows - unchanged - changed, 0),
        "changed": changed,
        "unchanged": unchanged,
        "removed": max(
            _rows(old.with_columns(generation=pl.lit(0, pl.UInt8)), 0) - old_rows - lost_old.height,
            0,
        ),
    }


def _rows(events: pl.DataFrame, generation: int) -> int:
    row = pl.col("source_file").cast(pl.UInt64) * 2**32 + pl.col("source_row")
    mine = pl.col("generation") == generation
    rows = events.lazy().select("generation", row=row).filter(mine).collect()["row"]
    if rows.is_empty():
        return 0
    # As most sources are read, row after row, none comes twice: no need to look for them.
    return int(rows.rle_id()[-1]) + 1 if rows.is_sorted() else rows.n_unique()


def _superseded(losers: pl.DataFrame) -> pl.DataFrame:
    within = losers.filter(
        (pl.col("generation") == 1) & (pl.col("standing_generation") == 1) & ~pl.col("same")
    )
    return _as_rejects(within, "superseded by another version of the same record")


def _as_rejects(rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    return rows.select(
        pl.col("source_file").cast(pl.UInt32),
        row=pl.col("source_row").cast(pl.UInt32),
        reason=pl.lit(reason, pl.String),
    ).unique(maintain_order=True)


def _no_rejects() -> pl.DataFrame:
    return pl.DataFrame(schema={"source_file": pl.UInt32, "row": pl.UInt32, "reason": pl.String})


def _no_losers() -> pl.DataFrame:
    schema = event_schema()
    return pl.DataFrame(
        schema={
            **{name: schema[name] for name in RECORD},
            "generation": pl.UInt8,
            "source_file": pl.UInt32,
            "source_row": pl.UInt32,
            "same": pl.Boolean,
            "standing_generation": pl.UInt8,
        }
    )


def _code_counts(ordered: OrderedEvents) -> pl.DataFrame:
    counts = np.bincount(ordered.ranks, minlength=len(ordered.codes))
    return pl.DataFrame({"code": ordered.codes, "count": counts.astype(np.uint32)})


def _words(ordered: OrderedEvents) -> pl.DataFrame:
    """How many people's records say each code in which words: ``code text people``.

    Only codes of what a terminology names: the words of a measurement or a note may be anything.
    """
    named = ordered.codes.str.contains(r"^(SNOMED|ICD\w+|RxNorm|NDC|ATC|CVX|CPT4|HCPCS)//[^/]+$")
    is_named = named.to_numpy()[ordered.ranks]
    return (
        ordered.events.lazy()
        .filter(pl.Series(is_named) & pl.col("text_value").is_not_null())
        .group_by("code", text=pl.col("text_value"))
        .agg(people=pl.col("subject_id").n_unique())
        .collect()
    )
