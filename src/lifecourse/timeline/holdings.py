"""Where a timeline's events lie: in a store, or in a table in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from lifecourse.base.clock import to_microseconds
from lifecourse.schema.actor import Identifiability
from lifecourse.schema.event import EVENT_COLUMNS
from lifecourse.timeline.excerpt import WITH_VALUES
from lifecourse.timeline.shard import CodeTable
from lifecourse.timeline.sharding import shard_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lifecourse.timeline.manifest import FileEntry, Manifest
    from lifecourse.timeline.store import Store

NO_NAMES = pl.DataFrame(schema={"subject_id": pl.Int64, "name": pl.String})
SHARD_COLUMNS = (*WITH_VALUES, "end_time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """What a timeline was made of.

    sources : kind and issuer of each file, in the order that ``source_file`` counts them
    made_at : microseconds of the newest load; None in memory
    rows_read, rejected : rows of the newest load, and those of them that were laid aside
    unitless : values of the newest load that came without a unit and were taken to be in the canonical one
    """

    sources: tuple[tuple[str, str], ...] = ()
    made_at: int | None = None
    rows_read: int = 0
    rejected: int = 0
    unitless: int = 0


class Holding(Protocol):
    """What a timeline asks of where its events lie."""

    @property
    def identifiability(self) -> Identifiability:
        """What is known of who the people are."""

    @property
    def version(self) -> int:
        """The store's version; 0 in memory."""

    @property
    def content_hash(self) -> str:
        """The same for the same events."""

    @property
    def n_shards(self) -> int:
        """Shards, each read on its own."""

    def codes(self) -> CodeTable:
        """The codes that occur."""

    def persons(self) -> pl.DataFrame:
        """One row a subject, sorted."""

    def n_events(self) -> int:
        """Events of all shards."""

    def events(self, shard: int, *, columns: Sequence[str]) -> pl.DataFrame:
        """The `columns` of a shard."""

    def matching(
        self, shards: Sequence[int], columns: Sequence[str], codes: Collection[str] | None
    ) -> pl.DataFrame:
        """The `columns` of several shards, one after the other; only rows of `codes` where given."""

    def events_in(self, shard: int) -> int:
        """Events of one shard."""

    def loads(self) -> Loads:
        """Where the events were read from, and what became of the rows."""

    def subject_events(self, shard: int, subject_id: int, *, whole: bool) -> pl.DataFrame:
        """One subject's events; `whole` with every column."""

    def identity(self, subject_id: int) -> dict[str, Any] | None:
        """Who a subject is, where the store knows."""

    def names(self) -> pl.DataFrame:
        """``subject_id`` and ``name`` of those with a name."""


class Stored:
    """Events in a store."""

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self._store = store
        self._manifest = manifest
        self.identifiability = manifest.identifiability
        self.version = manifest.version
        self.content_hash = manifest.content_hash
        self.n_shards = len(manifest.parts)

    def codes(self) -> CodeTable:
        """The codes that occur."""
        return CodeTable.from_frame(self._store.read(self._manifest.codes))

    def persons(self) -> pl.DataFrame:
        """One row a subject, sorted."""
        return self._store.read(self._manifest.persons)

    def n_events(self) -> int:
        """Events of all shards."""
        return sum(part.rows for part in self._manifest.parts)

    def events(self, shard: int, *, columns: Sequence[str]) -> pl.DataFrame:
        """The `columns` of a shard."""
        return self._store.read(self._part(shard), columns)

    def matching(
        self, shards: Sequence[int], columns: Sequence[str], codes: Collection[str] | None
    ) -> pl.DataFrame:
        """The `columns` of several shards, one after the other; only rows of `codes` where given."""
        return self._store.read_all([self._part(shard) for shard in shards], columns, codes)

    def events_in(self, shard: int) -> int:
        """Events of one shard."""
        return self._part(shard).rows

    def loads(self) -> Loads:
        """Where the events were read from, and what became of the rows."""
        from lifecourse.vocab.normalise import COUNTS  # the vocabulary is not loaded to read

        made = self._manifest
        return Loads(
            sources=tuple((source.kind, source.issuer) for source in made.sources),
            made_at=to_microseconds(datetime.fromisoformat(made.created)),
            rows_read=int(made.report["rows_read"]),
            rejected=sum(made.report["rejects"].values()),
            unitless=int(made.report["counts"].get(COUNTS["assumed"], 0)),
        )

    def subject_events(self, shard: int, subject_id: int, *, whole: bool) -> pl.DataFrame:
        """One subject's events; `whole` with every column."""
        columns = EVENT_COLUMNS if whole else SHARD_COLUMNS
        return self._store.read(self._part(shard), columns, subject_id=subject_id)

    def identity(self, subject_id: int) -> dict[str, Any] | None:
        """Who a subject is, where the store knows."""
        if self._manifest.identity is None:
            return None
        rows = self._identities.filter(pl.col("subject_id") == subject_id)
        if rows.height == 0:
            return None
        names = rows["name"].drop_nulls()
        return {
            "person_id": rows["subject_key"][0],
            "issuer": rows["issuer"][0],
            "name": names[0] if len(names) else None,
            "identifiers": [
                {"system": row["system"], "value": row["value"]}
                for row in rows.filter(pl.col("value").is_not_null()).iter_rows(named=True)
            ],
        }

    def names(self) -> pl.DataFrame:
        """``subject_id`` and ``name`` of those with a name."""
        if self._manifest.identity is None:
            return NO_NAMES
        named = self._identities.drop_nulls("name").unique(
            "subject_id", keep="first", maintain_order=True
        )
        return named.select("subject_id", "name")

    @cached_property
    def _identities(self) -> pl.DataFrame:
        assert self._manifest.identity is not None  # noqa: S101 -- checked by the only caller
        return self._store.read(self._manifest.identity)

    def _part(self, shard: int) -> FileEntry:
        return self._manifest.parts[shard]


class InMemory:
    """Events in a table."""

    version = 0

    def __init__(
        self,
        events: pl.DataFrame,
        identifiability: Identifiability,
        n_shards: int,
        codes: CodeTable | None = None,
    ) -> None:
        self.identifiability: Identifiability = identifiability
        self.n_shards: int = n_shards
        self._events = events
        self._codes = codes
        self._shards = shard_of(events["subject_id"].to_numpy(), n_shards)

    @cached_property
    def content_hash(self) -> str:
        """The same for the same events."""
        from lifecourse.timeline.content import content_hash

        return content_hash(self._events)

    def codes(self) -> CodeTable:
        """The codes that occur."""
        return self._codes or CodeTable.of(self._events["code"].unique().to_list())

    def persons(self) -> pl.DataFrame:
        """One row a subject, sorted."""
        from lifecourse.timeline.persons import persons_of  # what ingests is not loaded to read

        return persons_of(self._events)

    def n_events(self) -> int:
        """Events of all shards."""
        return self._events.height

    def events(self, shard: int, *, columns: Sequence[str]) -> pl.DataFrame:
        """The `columns` of a shard."""
        return self._events.filter(pl.Series(self._shards == shard)).select(columns)

    def matching(
        self, shards: Sequence[int], columns: Sequence[str], codes: Collection[str] | None
    ) -> pl.DataFrame:
        """The `columns` of several shards, one after the other; only rows of `codes` where given."""
        part = self._events.filter(pl.Series(np.isin(self._shards, list(shards))))
        if codes is not None:
            part = part.filter(pl.col("code").is_in(sorted(codes)))
        return part.select(columns)

    def events_in(self, shard: int) -> int:
        """Events of one shard."""
        return int((self._shards == shard).sum())

    def loads(self) -> Loads:
        """Where the events were read from: a table in memory does not know."""
        return Loads()

    def subject_events(self, shard: int, subject_id: int, *, whole: bool) -> pl.DataFrame:
        """One subject's events; `whole` with every column."""
        del shard
        events = self._events.filter(pl.col("subject_id") == subject_id)
        return events if whole else events.select(SHARD_COLUMNS)

    def identity(self, subject_id: int) -> dict[str, Any] | None:
        """Who a subject is, where the store knows."""
        del subject_id
        return None

    def names(self) -> pl.DataFrame:
        """``subject_id`` and ``name`` of those with a name."""
        return NO_NAMES
