"""A new version put together: from merged shards and what units told, to a manifest and its report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from lifecourse.base.clock import now
from lifecourse.base.errors import StoreError
from lifecourse.base.files import sha256_of_file, to_json
from lifecourse.privacy.release import FEWEST_PEOPLE
from lifecourse.schema.actor import Identifiability
from lifecourse.timeline.identity import ALL_DIFFERENT, SamePeople
from lifecourse.timeline.manifest import (
    FileEntry,
    Manifest,
    SourceEntry,
    content_of_parts,
    manifest_hash,
)
from lifecourse.timeline.spill import read_side, read_spilled
from lifecourse.vocab import map_codes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lifecourse.timeline.store import Store


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """What came in and what became of it.

    rows_read = event_rows + sum(reference_rows) + duplicate_rows + sum(rejects). `added`, `changed`,
    `unchanged` and `removed` count source rows against the version before.
    """

    kind: str
    timezone: str
    version: int
    subjects: int
    events: int
    rows_read: int
    event_rows: int
    duplicate_rows: int
    reference_rows: dict[str, int]
    rejects: dict[str, int]
    counts: dict[str, int] = field(default_factory=dict)
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    content_hash: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Everything a new version is made of, but its events.

    base : the version built upon; None for a first one
    folder, key : where the ingest's passing tables lie, and what opens them
    """

    store: Store
    base: Manifest | None
    folder: Path
    key: bytes | None
    encrypted: bool
    identifiability: Identifiability
    kind: str
    issuer: str
    timezone: str
    sources: tuple[SourceEntry, ...]
    mappings: tuple[Path, ...]
    same: SamePeople = ALL_DIFFERENT

    def manifest(self, readings: list[dict[str, Any]], merges: list[dict[str, Any]]) -> Manifest:
        """The manifest of the new version, its tables written; not yet published."""
        entries = [entry for merge in merges for entry in merge["entries"]]
        parts = tuple(FileEntry.of(entry) for entry in entries)
        codes = self._write("codes", self._codes())
        persons = self._write(
            "persons", pl.concat(self._spilled("persons-*.parquet")).sort("subject_id")
        )
        rejects_table = self._rejects()
        whole = content_of_parts(parts)
        report = self._report(readings, merges, rejects_table, self.version, parts, whole)
        return Manifest(
            version=self.version,
            parent=manifest_hash(self.store.path, self.base.version) if self.base else None,
            dataset=self._dataset(whole),
            created=now().isoformat(timespec="seconds"),
            identifiability=self.identifiability,
            encrypted=self.encrypted,
            timezone=self.timezone,
            parts=parts,
            codes=codes,
            persons=persons,
            rejects=self._write("rejects", rejects_table),
            identity=self._identity(),
            same_as=self._write("same-as", self.same.table()) if self.same.stands_for else None,
            sources=tuple(self.sources),
            mappings=mapping_digests(self.mappings),
            report=orjson.loads(to_json(report.to_dict())),
            content_hash=whole,
        )

    @property
    def version(self) -> int:
        """The number of the new version."""
        return self.base.version + 1 if self.base else 1

    def _dataset(self, whole: str) -> str:
        """What names the store: of an encrypted one its ring does, else the content it began with."""
        if self.encrypted:
            return self.store.ring.dataset
        return self.base.dataset if self.base else whole[:16]

    def _report(
        self,
        readings: list[dict[str, Any]],
        merges: list[dict[str, Any]],
        rejects: pl.DataFrame,
        version: int,
        parts: tuple[FileEntry, ...],
        content: str,
    ) -> IngestReport:
        reasons = (
            rejects.filter(pl.col("version") == version).group_by("reason").len().sort("reason")
        )
        return IngestReport(
            kind=self.kind,
            timezone=self.timezone,
            version=version,
            subjects=sum(merge["subjects"] for merge in merges),
            events=sum(part.rows for part in parts),
            rows_read=sum(reading["rows_read"] for reading in readings),
            event_rows=sum(merge["event_rows"] for merge in merges),
            duplicate_rows=sum(m["duplicate_rows"] for m in [*readings, *merges]),
            reference_rows=_total(readings, "reference_rows"),
            rejects=dict(reasons.iter_rows()),
            counts=_total([*readings, *merges], "counts"),
            added=sum(merge["added"] for merge in merges),
            changed=sum(merge["changed"] for merge in merges),
            unchanged=sum(merge["unchanged"] for merge in merges),
            removed=sum(m["removed"] for m in merges),
            content_hash=content,
        )

    def _codes(self) -> pl.DataFrame:
        counted = (
            pl.concat(self._spilled("codes-*.parquet")).group_by("code").agg(pl.col("count").sum())
        )
        mapped = map_codes(counted["code"].sort().to_list(), self.mappings)
        whole = mapped.join(counted, on="code").join(self._descriptions(), on="code", how="left")
        whole = whole.join(self._told_by_sources(), on="code", how="left")
        parents = pl.concat_list(
            pl.col("parent_codes").fill_null([]), pl.col("told_parents").fill_null([])
        )
        return (
            whole.with_columns(
                parents.list.unique(maintain_order=True).alias("parent_codes"),
                pl.coalesce("description", "told", "text").alias("description"),
            )
            .drop("text", "told", "told_parents")
            .sort("code")
        )

    def _told_by_sources(self) -> pl.DataFrame:
        """What sources say of their codes, the newest first: ``code``, ``told``, ``told_parents``."""
        schema = pl.Schema(
            {"code": pl.String(), "description": pl.String(), "parent_codes": pl.List(pl.String())}
        )
        tables = [pl.DataFrame(schema=schema)]
        mine = self._side("concepts")
        if mine is not None:
            tables.append(mine.select(*schema))
        # Of a version that used other mappings, nobody can tell what the mappings said from what the source did.
        if self.base and self.base.mappings == mapping_digests(self.mappings):
            tables.append(self.store.read(self.base.codes).select(*schema))
        return (
            pl.concat(tables)
            .filter(pl.col("code").is_not_null())
            .unique("code", keep="first", maintain_order=True)
            .rename({"description": "told", "parent_codes": "told_parents"})
        )

    def _descriptions(self) -> pl.DataFrame:
        """The commonest words for a code, where ten people's records say them: fewer could be a note about one."""
        words = pl.concat(self._spilled("words-*.parquet"))
        return (
            words.group_by("code", "text")
            .agg(pl.col("people").sum())
            .filter(pl.col("people") >= FEWEST_PEOPLE)
            .sort("people", "text", descending=[True, False])
            .unique("code", keep="first", maintain_order=True)
            .select("code", "text")
        )

    def _rejects(self) -> pl.DataFrame:
        """Every reject of every load, with file, row, reason and the row as it was read."""
        names = {i: source.name for i, source in enumerate(self.sources)}
        schema = {
            "version": pl.Int64,
            "file": pl.String,
            "row": pl.UInt32,
            "reason": pl.String,
            "raw": pl.String,
        }
        early = self._side("rejects")
        late = pl.concat(self._spilled("late-rejects-*.parquet")).with_columns(
            file=pl.col("source_file").replace_strict(names, return_dtype=pl.String)
        )
        tables = [table for table in (early, late) if table is not None]
        mine = [
            table.with_columns(
                version=pl.lit(self.version, pl.Int64),
                raw=pl.col("raw") if "raw" in table.columns else pl.lit(None, pl.String),
            ).select(pl.col(name).cast(kind) for name, kind in schema.items())
            for table in tables
        ]
        before = [self.store.read(self.base.rejects)] if self.base else []
        return pl.concat([*before, *mine]).sort(
            "version", "file", "row", "reason", nulls_last=False
        )

    def _identity(self) -> FileEntry | None:
        """The identity map, which pseudonymous stores never have."""
        if self.identifiability == Identifiability.PSEUDONYMOUS:
            return None
        keys = self._side("keys")
        if keys is None and not self.same.moved:
            return self.base.identity if self.base else None
        if keys is None:
            keys = pl.DataFrame(schema={"subject_key": pl.String, "subject_id": pl.Int64})
        told = self._side("identities")
        empty = {
            "subject_key": pl.String,
            "system": pl.String,
            "value": pl.String,
            "name": pl.String,
        }
        told = pl.DataFrame(schema=empty) if told is None else told
        whole = keys.join(told, on="subject_key", how="left").select(
            "subject_id",
            pl.lit(self.issuer).alias("issuer"),
            "subject_key",
            *(
                pl.col(n) if n in told.columns else pl.lit(None, pl.String).alias(n)
                for n in list(empty)[1:]
            ),
        )
        if self.base and self.base.identity:
            before = self.store.read(self.base.identity)
            whole = pl.concat([self.same.renamed(before), whole])
        whole = whole.unique(maintain_order=False).sort(whole.columns, nulls_last=False)
        crowded = whole.group_by("subject_id").agg(
            pl.struct("issuer", "subject_key").n_unique().alias("n")
        )
        crowded = crowded.filter(~pl.col("subject_id").is_in(list(self.same.people)))
        if (crowded["n"] > 1).any():
            raise StoreError(
                f"{int((crowded['n'] > 1).sum())} subject ids stand for two people each (a hash collision). "
                "Nothing was stored. Give the source another issuer name."
            )
        return self._write("identity", whole)

    def _write(self, stem: str, table: pl.DataFrame) -> FileEntry:
        return self.store.write(table, stem, encrypted=self.encrypted, version=self.version)

    def _side(self, name: str) -> pl.DataFrame | None:
        return read_side(self.folder, name, self.key)

    def _spilled(self, pattern: str) -> list[pl.DataFrame]:
        return list(read_spilled(self.folder, pattern, self.key).values())


def mapping_digests(mappings: Sequence[Path]) -> tuple[str, ...]:
    """What tells one set of mapping files from another."""
    return tuple(sha256_of_file(path) for path in mappings)


def _total(readings: list[dict[str, Any]], name: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for reading in readings:
        for key, count in reading[name].items():
            total[key] = total.get(key, 0) + count
    return dict(sorted(total.items()))
