"""A holding as one asker may see it: every way of reading goes through the view, and what is closed is as if absent."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.schema.event import EVENT_COLUMNS
from lifecourse.timeline.holdings import NO_NAMES, SHARD_COLUMNS, Loads
from lifecourse.timeline.view import NEEDED

if TYPE_CHECKING:
    from lifecourse.schema.actor import Identifiability
    from lifecourse.timeline.holdings import Holding
    from lifecourse.timeline.shard import CodeTable
    from lifecourse.timeline.view import Rows, View

AT_ONCE = 2_000_000
"""Events read together when all are looked through."""


class Nameless:
    """A holding whose names and identifiers are closed; its events are all open."""

    def __init__(self, holding: Holding) -> None:
        self._holding = holding

    def __getattr__(self, name: str) -> Any:
        """All else is as it is."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__dict__["_holding"], name)

    def identity(self, subject_id: int) -> dict[str, Any] | None:
        """Nobody's."""
        del subject_id
        return None

    def names(self) -> pl.DataFrame:
        """Nobody's."""
        return NO_NAMES


class Guarded:
    """A holding some of whose events or people are closed."""

    def __init__(self, holding: Holding, rows: Rows) -> None:
        self._holding = holding
        self._rows = rows
        self.identifiability: Identifiability = holding.identifiability
        self.version: int = holding.version
        self.n_shards: int = holding.n_shards

    @cached_property
    def content_hash(self) -> str:
        """The same for the same open events: others' events do not change it."""
        from lifecourse.timeline.content import content_hash

        digest = hashlib.sha256()
        for number in range(self.n_shards):
            digest.update(content_hash(self.events(number, columns=EVENT_COLUMNS)).encode())
        return digest.hexdigest()

    def codes(self) -> CodeTable:
        """The codes that occur, in open events or not: ids, of which only those of open events are ever met."""
        return self._rows.codes

    def persons(self) -> pl.DataFrame:
        """One row a subject with an open event; birth, sex, death and times as open events tell them."""
        return self._persons

    def n_events(self) -> int:
        """Open events."""
        return sum(part.height for part in self._parts(("subject_id",)))

    def events(self, shard: int, *, columns: Sequence[str]) -> pl.DataFrame:
        """The `columns` of the open events of a shard."""
        return self._seen(self._holding.events(shard, columns=_with_needed(columns)), columns)

    def matching(
        self, shards: Sequence[int], columns: Sequence[str], codes: Collection[str] | None
    ) -> pl.DataFrame:
        """The `columns` of the open events of several shards, one after the other; only rows of `codes` where given."""
        found = self._holding.matching(shards, _with_needed(columns), codes)
        return self._seen(found, columns)

    def events_in(self, shard: int) -> int:
        """About how many events a shard has, to read so many at once; closed ones count."""
        return self._holding.events_in(shard)

    def loads(self) -> Loads:
        """Where the events were read from; what became of rows is not told of those that are closed."""
        return replace(self._holding.loads(), rows_read=0, rejected=0, unitless=0)

    def subject_events(self, shard: int, subject_id: int, *, whole: bool) -> pl.DataFrame:
        """One subject's open events; `whole` with every column."""
        columns = EVENT_COLUMNS if whole else SHARD_COLUMNS
        return self._rows.seen(self._holding.subject_events(shard, subject_id, whole=whole)).select(
            columns
        )

    def identity(self, subject_id: int) -> dict[str, Any] | None:
        """Who a subject is, where that is open."""
        return self._holding.identity(subject_id) if subject_id in self._named else None

    def names(self) -> pl.DataFrame:
        """``subject_id`` and ``name`` of those whose name is open."""
        return self._holding.names().filter(pl.col("subject_id").is_in(self._rows.whose_names()))

    def is_closed(self, subject_id: int) -> bool:
        """Whether there is such a person of whom nothing is open: for the audit log, which alone may say so."""
        place = int(np.searchsorted(self._rows.subject_ids, subject_id))
        return place < len(self._rows.subject_ids) and bool(
            self._rows.subject_ids[place] == subject_id
        )

    def seen(self, events: pl.DataFrame) -> pl.DataFrame:
        """A table of events with `NEEDED` columns, read elsewhere, as this holding shows them."""
        return self._rows.seen(events)

    def whole(self) -> frozenset[int]:
        """The subjects of whom everything is open, told by the policies alone."""
        return frozenset(self._rows.whole().tolist())

    @cached_property
    def _named(self) -> frozenset[int]:
        return frozenset(self._rows.whose_names().tolist())

    @cached_property
    def _persons(self) -> pl.DataFrame:
        from lifecourse.timeline.persons import persons_of

        told = self._holding.persons()
        whole, possible = self._rows.whole(), self._rows.possible()
        as_told = told.filter(pl.col("subject_id").is_in(whole))
        partly = np.setdiff1d(possible, whole)
        if len(partly) == 0:
            return as_told
        parts = [
            persons_of(part.filter(pl.col("subject_id").is_in(partly)))
            for part in self._parts(NEEDED)
            if part.height
        ]
        return pl.concat([as_told, *(part.cast(told.schema) for part in parts)]).sort("subject_id")

    def _parts(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The open events of all shards, some shards at a time."""
        together: list[int] = []
        held = 0
        for number in range(self.n_shards):
            together.append(number)
            held += self._holding.events_in(number)
            if held >= AT_ONCE or number == self.n_shards - 1:
                yield self.matching(together, columns, None)
                together, held = [], 0

    def _seen(self, events: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        return self.seen(events).select(columns)


def _with_needed(columns: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*columns, *NEEDED]))


def seen_through(holding: Holding, view: View) -> Holding:
    """`holding` as `view` shows it; itself where nothing is hidden."""
    if view.rows is not None:
        return Guarded(holding, view.rows)
    return holding if view.are_names_open else Nameless(holding)
