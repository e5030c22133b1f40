"""A shard: the events of some subjects as flat arrays behind subject offsets, and the codes they use."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.schema.event import BIRTH, EVENT_COLUMNS, event_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from lifecourse.schema.code import Codelist

STATIC = np.iinfo(np.int64).min
NO_END = np.iinfo(np.int64).max
MANY = 8
"""Of one in so many events or more, owners are looked up in a list of everyone's rather than each searched for."""


@dataclass(slots=True, kw_only=True)
class CodeTable:
    """The codes of a store, sorted; a code's id is its position.

    codes : n code strings
    parents : n tuples of mapped codes (MEDS ``parent_codes``)
    descriptions : n texts or None
    unit_factor : float64[n]
        What a value under the code is multiplied with to be in its concept's canonical unit.
    ancestors : n tuples of what a code, or what it maps to, is a kind of; None where no vocabulary told
    compiled : what the kernel remembers of questions, by the id of their tuple
    """

    codes: list[str]
    parents: list[tuple[str, ...]]
    descriptions: list[str | None]
    unit_factor: npt.NDArray[np.float64]
    ancestors: list[tuple[str, ...]] | None = None
    _ids: dict[Codelist, npt.NDArray[np.int32]] = field(default_factory=dict)
    _possible: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None
    _names: tuple[list[str], list[int]] | None = None
    _words: npt.NDArray[np.object_] | None = None
    _single: (
        tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32], npt.NDArray[np.float32]] | None
    ) = None
    _below: dict[str, list[int]] | None = None
    _enumeration: pl.Enum | None = None
    compiled: dict[int, tuple[object, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of codes."""
        return len(self.codes)

    @classmethod
    def of(cls, codes: Sequence[str]) -> CodeTable:
        """A table of `codes` with the mappings of `vocab`."""
        from lifecourse.vocab import map_codes

        ordered = sorted(set(codes))
        return cls.from_frame(map_codes(ordered).sort("code"))

    @classmethod
    def from_frame(cls, table: pl.DataFrame) -> CodeTable:
        """The table stored as ``metadata/codes.parquet``, sorted by code."""
        return cls(
            codes=table["code"].to_list(),
            parents=[tuple(parents or ()) for parents in table["parent_codes"].to_list()],
            descriptions=table["description"].to_list(),
            unit_factor=table["unit_factor"].fill_null(1.0).to_numpy().astype(np.float64),
            ancestors=_ancestors(table),
        )

    def ids(self, codelist: Codelist) -> npt.NDArray[np.int32]:
        """int32 ids, sorted, of the codes that `codelist` matches, themselves or through a parent."""
        if codelist not in self._ids:
            self._ids[codelist] = self._match(codelist)
        return self._ids[codelist]

    def description(self, code: str) -> str | None:
        """What the store calls `code`; None where it does not say, or does not have it."""
        place = bisect_left(self.codes, code)
        found = place < len(self.codes) and self.codes[place] == code
        return self.descriptions[place] if found else None

    @property
    def words(self) -> npt.NDArray[np.object_]:
        """`codes` as an array of str, so that many ids become strings at once: ``words[ids]``."""
        if self._words is None:
            self._words = np.array(self.codes, dtype=np.object_)
        return self._words

    @property
    def possible(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """float64[n] each: the least and greatest value, in the canonical unit, that a living person can have.

        Infinite where a code is of no quantity that `vocab.units` knows.
        """
        if self._possible is None:
            self._possible = self._bounds()
        return self._possible

    def in_canonical_unit(
        self, code: npt.NDArray[np.int32], value: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """float32 values in the canonical unit of their codes (ids); NaN where no living person has such a value.

        An impossible value is no value: it enters no mean, score or rule. `lifecourse inspect` counts them.
        """
        if self._single is None:
            # Numbers of the values' own precision, so that a value that is a bound lies inside.
            low, high = (ends.astype(np.float32) for ends in self.possible)
            self._single = (self.unit_factor != 1.0, low, high)
        scaled, low, high = self._single
        if scaled.any() and scaled[code].any():
            value = np.where(scaled[code], value * self.unit_factor[code], value).astype(np.float32)
        if len(code) == 0 or np.isneginf(low).all():
            return value
        wrong = (value < low[code]) | (value > high[code])
        return np.where(wrong, np.float32(np.nan), value) if wrong.any() else value

    def _bounds(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        from lifecourse.vocab.units import possible_range

        low, high = np.full(len(self), -np.inf), np.full(len(self), np.inf)
        for place, (code, parents) in enumerate(zip(self.codes, self.parents, strict=True)):
            known = (possible_range(name) for name in (code, *parents))
            low[place], high[place] = next(filter(None, known), (-np.inf, np.inf))
        return low, high

    @property
    def enumeration(self) -> pl.Enum:
        """`codes` as a type of Polars: cast to it, a code is its id."""
        if self._enumeration is None:
            self._enumeration = pl.Enum(self.codes)
        return self._enumeration

    def _match(self, codelist: Codelist) -> npt.NDArray[np.int32]:
        if codelist.everything:
            return np.arange(len(self.codes), dtype=np.int32)
        names, positions = self._sorted_names()
        excluded = codelist.excluded
        found = {
            positions[place]
            for place in _places(codelist, names)
            if not (excluded and names[place].startswith(excluded))
        }
        found |= {
            position
            for position in self._kinds_of(codelist.descendants)
            if not (excluded and self.codes[position].startswith(excluded))
        }
        return np.array(sorted(found), dtype=np.int32)

    def _kinds_of(self, wanted: frozenset[str]) -> set[int]:
        """Codes that are a kind of one of `wanted`, as far as a vocabulary told."""
        if not wanted or self.ancestors is None:
            return set()
        if self._below is None:
            self._below = {}
            for position, ancestors in enumerate(self.ancestors):
                for ancestor in ancestors:
                    self._below.setdefault(ancestor, []).append(position)
        return {position for ancestor in wanted for position in self._below.get(ancestor, ())}

    def _sorted_names(self) -> tuple[list[str], list[int]]:
        """Every name of a code, its own and its parents', sorted, and the code each is a name of."""
        if self._names is None:
            pairs = [(code, position) for position, code in enumerate(self.codes)]
            for position, parents in enumerate(self.parents):
                pairs += [(parent, position) for parent in parents]
            pairs.sort()
            self._names = ([name for name, _ in pairs], [position for _, position in pairs])
        return self._names


def _ancestors(table: pl.DataFrame) -> list[tuple[str, ...]] | None:
    """Of each code; None where nobody told any, as in stores that were made without a vocabulary."""
    name = "ancestor_codes"
    if name not in table.columns or not table[name].list.len().sum():
        return None
    return [tuple(ancestors or ()) for ancestors in table[name].to_list()]


def _places(codelist: Codelist, names: list[str]) -> Iterator[int]:
    """Places in the sorted `names` that the codelist matches, before its exclusions; some may recur."""
    for name in (*codelist.exact, *codelist.descendants):
        yield from range(bisect_left(names, name), bisect_right(names, name))
    for prefix in codelist.prefixes:
        place = bisect_left(names, prefix)
        while place < len(names) and names[place].startswith(prefix):
            yield place
            place += 1
    for regex in codelist.regexes:
        yield from pl.Series(names, dtype=pl.String).str.contains(regex).arg_true()


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Subjects' events as flat arrays, subject-major, in the order of `lifecourse.schema.event`.

    subject_ids : int64[n], sorted; of several shards together, those of each shard
    offsets : int64[n + 1]
        Events of subject i are ``offsets[i]:offsets[i + 1]``.
    time : int64[m], microseconds UTC; STATIC where the event has no time
    code : int32[m], ids in `codes`
    value : float32[m], NaN where there is no number; in the code's canonical unit
    end : int64[m], microseconds UTC; NO_END where none is stated
    """

    codes: CodeTable
    subject_ids: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]
    code: npt.NDArray[np.int32]
    value: npt.NDArray[np.float32]
    end: npt.NDArray[np.int64]

    @property
    def n_subjects(self) -> int:
        """Subjects in the shard."""
        return len(self.subject_ids)

    @property
    def n_events(self) -> int:
        """Events in the shard."""
        return len(self.time)

    def index_of(self, subject_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """int64 positions of `subject_ids`; -1 for those not in the shard."""
        if self.n_subjects == 0:
            return np.full(len(subject_ids), -1, dtype=np.int64)
        order = self._by_id
        ids = self.subject_ids if order is None else self.subject_ids[order]
        places = np.searchsorted(ids, subject_ids).clip(max=self.n_subjects - 1)
        found = places if order is None else order[places]
        return np.where(ids[places] == subject_ids, found, -1).astype(np.int64)

    @cached_property
    def _by_id(self) -> npt.NDArray[np.int64] | None:
        """The positions in the order of the ids; None where that is their own order."""
        if np.all(self.subject_ids[1:] > self.subject_ids[:-1]):
            return None
        return np.argsort(self.subject_ids)

    def owners(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """int64 position of the subject of the event at each of `places`, in whatever order these are."""
        if len(places) * MANY < self.n_events:
            return np.searchsorted(self.offsets, places, side="right") - 1
        each = np.arange(self.n_subjects, dtype=np.int64)
        return np.repeat(each, np.diff(self.offsets))[places]

    @cached_property
    def birth(self) -> npt.NDArray[np.int64]:
        """int64[n] microseconds of each subject's first birth event; STATIC where unknown."""
        births = np.full(self.n_subjects, STATIC, dtype=np.int64)
        ids = self.codes.ids(_birth_codelist())
        places = np.flatnonzero(np.isin(self.code, ids) & (self.time != STATIC))
        births[self.owners(places)[::-1]] = self.time[places[::-1]]
        return births


def _birth_codelist() -> Codelist:
    from lifecourse.schema.code import codes

    return codes("birth", BIRTH)


def shard_from_events(events: pl.DataFrame, codes: CodeTable) -> Shard:
    """The shard of an events table that is sorted as `lifecourse.schema.event` says."""
    ids = events["subject_id"].to_numpy()
    starts = np.flatnonzero(np.append(len(ids) > 0, ids[1:] != ids[:-1]))
    code = events["code"].cast(codes.enumeration).to_physical().cast(pl.Int32).to_numpy()
    value = events["numeric_value"].cast(pl.Float32).fill_null(float("nan")).to_numpy()
    return Shard(
        codes=codes,
        subject_ids=ids[starts].astype(np.int64),
        offsets=np.append(starts, len(ids)).astype(np.int64),
        time=events["time"].cast(pl.Int64).fill_null(STATIC).to_numpy(),
        code=np.ascontiguousarray(code),
        value=np.ascontiguousarray(codes.in_canonical_unit(code, value)),
        end=events["end_time"].cast(pl.Int64).fill_null(NO_END).to_numpy(),
    )


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


def sorted_events(events: pl.DataFrame) -> pl.DataFrame:
    """`events` in the order of `lifecourse.schema.event`; nothing depends on the order they came in."""
    from lifecourse.schema.event import SORT_COLUMNS

    return events.sort(*SORT_COLUMNS, nulls_last=False, maintain_order=False)
