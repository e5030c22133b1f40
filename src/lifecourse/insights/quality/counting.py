"""One pass over a timeline's events: counts that add up over shards, and nothing else is kept of anybody.

A person lies in one shard, so counts of people add up too. What is held is bounded by codes x sources x years (and, for
values, by the width of their histograms), never by events.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.insights.quality.lookups import Lookups, lookups_of
from lifecourse.insights.quality.marks import Mark, marked, marks_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from lifecourse.base.progress import Progress
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.shard import CodeTable

COLUMNS = (
    "subject_id",
    "time",
    "code",
    "numeric_value",
    "unit",
    "end_time",
    "onset_time",
    "source_file",
)
LOOKED_UP = (
    *("family", "system", "damage", "damaged_system", "starts_with_zero", "known", "timeless"),
    *("inconvertible", "canonical", "tells_unit", "low", "high", "factor"),
    *("visit", "sex", "one_sex", "birth"),
)
EVENTS_AT_ONCE = 400_000
ROWS_BEFORE_ADDING = 1_000_000
GROWTH = 1.02
"""Each bin of a histogram of values is so many times as wide as the one before: medians are exact within 1 %."""
_LEAST = 1e-9
"""Numbers nearer to zero are counted as zero."""

KEYS = {
    "totals": ["mark", "source"],
    "marks": ["mark", "source", "code"],
    "damages": ["source", "damaged_system", "damage"],
    "systems": ["source", "system"],
    "codes": ["source", "code", "year"],
    "values": ["source", "code", "year", "bin"],
    "units": ["source", "code", "year", "unit"],
    "months": ["source", "family", "month"],
    "weeks": ["source", "family", "week"],
    "years": ["source", "year"],
    "feeds": ["source", "family"],
}
Tables = dict[str, pl.DataFrame]


@dataclass(slots=True)
class Counts:
    """Tables by name, each with its `KEYS` and counts; adding two adds what has the same keys.

    totals : of each mark the events and people it may be of (``of_events of_people``) and those it is of, by source and
        of all sources together (`marks.EVERY_SOURCE`)
    marks : events and people that a mark is of, by source and code
    damages : events and people by source, system and what is wrong with the code
    systems : events, people and events of codes that begin with zero, by source and code system
    codes : events, people, values and values with a unit, by source, code and year
    values : events by source, code, year and bin of the value, in the canonical unit; impossible values left out
    units : values by source, code, year and unit
    months, weeks : events (and people) by source and family of codes; a month is ``12 x year + month - 1``, a week is
        counted from 1970-01-01
    years : people with any dated event, by source
    feeds : events, and those with a time, a number, a unit, an end, by source and family
    """

    tables: Tables = field(default_factory=dict)
    _waiting: dict[str, list[pl.DataFrame]] = field(default_factory=dict)

    def add(self, tables: Tables) -> None:
        """Add what another part of the shards gave."""
        for name, table in tables.items():
            self._waiting.setdefault(name, []).append(table)
            if sum(part.height for part in self._waiting[name]) > ROWS_BEFORE_ADDING:
                self._settle(name)

    def settled(self) -> Tables:
        """Every table, summed and sorted by its keys."""
        for name in KEYS:
            self._settle(name)
        return {name: table.sort(KEYS[name]) for name, table in self.tables.items()}

    def _settle(self, name: str) -> None:
        parts = self._waiting.pop(name, [])
        if name in self.tables:
            parts = [self.tables[name], *parts]
        if parts:
            whole = pl.concat(parts)
            self.tables[name] = whole.group_by(KEYS[name]).agg(pl.exclude(KEYS[name]).sum())


def count(timeline: Timeline, progress: Progress) -> tuple[Tables, Lookups]:
    """The counts of everyone in `timeline`, and what its codes are to the checks."""
    lookups = lookups_of(timeline.codes)
    loads = timeline.loads()
    sources = source_names(loads.sources)
    place = {name: i for i, name in enumerate(sources)}
    of_file = np.array([place[name] for name in loads.sources] or [0], dtype=np.uint16)
    people = timeline.persons().select(
        "subject_id", birth=pl.col("birth").cast(pl.Int64), death=pl.col("death").cast(pl.Int64)
    )
    sex = timeline.persons()["sex"].replace_strict({"female": 1, "male": 2}, default=0)
    people = people.with_columns(sex=sex.cast(pl.Int8))
    groups = list(timeline.groups(EVENTS_AT_ONCE))
    marks = marks_for(loads.made_at)

    def of_group(shards: Sequence[int]) -> Tables:
        events = timeline.table(shards, COLUMNS)
        seen = _prepared(events, people, timeline.codes, lookups, of_file)
        return counted(seen, marks)

    counts = Counts()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, tables in enumerate(_in_turn(pool, of_group, groups), start=1):
            counts.add(tables)
            progress.step("looking", done, len(groups))
    return counts.settled(), lookups


def source_names(sources: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each (kind, issuer) once, in the order of their first file; one without a name where files are unknown."""
    return list(dict.fromkeys(sources)) or [("memory", "memory")]


def _in_turn(
    pool: ThreadPoolExecutor, of_group: Callable[[list[int]], Tables], groups: list[list[int]]
) -> Iterator[Tables]:
    """Results in order, with few groups in memory at once."""
    ahead = os.cpu_count() or 1
    waiting: list[Future[Tables]] = []
    for group in groups:
        waiting.append(pool.submit(of_group, group))
        if len(waiting) > ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _prepared(
    events: pl.DataFrame,
    people: pl.DataFrame,
    codes: CodeTable,
    lookups: Lookups,
    of_file: np.ndarray,
) -> pl.DataFrame:
    """The events with what their codes are to the checks beside them, times in microseconds."""
    code = events["code"].cast(pl.Enum(codes.codes)).to_physical().cast(pl.Int32).to_numpy()
    looked_up = {name: getattr(lookups, name)[code] for name in LOOKED_UP}
    file = events["source_file"].fill_null(0).to_numpy().clip(max=len(of_file) - 1)
    moment = pl.col("time")
    return (
        events.select(
            "subject_id",
            unit=pl.col("unit"),
            time=moment.cast(pl.Int64),
            end=pl.col("end_time").cast(pl.Int64),
            start=pl.coalesce("onset_time", "time").cast(pl.Int64),
            has_onset=pl.col("onset_time").is_not_null(),
            year=moment.dt.year().cast(pl.Int16),
            month=(moment.dt.year() * 12 + moment.dt.month() - 1).cast(pl.Int32),
            raw=pl.col("numeric_value"),
        )
        .with_columns(
            pl.Series("code", code),
            pl.Series("source", of_file[file]),
            *(
                pl.Series(f"of_{name}" if name in ("birth", "sex") else name, array)
                for name, array in looked_up.items()
            ),
        )
        .with_columns(
            # Values are judged with the precision they are kept in, so that a bound itself lies inside.
            value=(pl.col("raw").cast(pl.Float64) * pl.col("factor")).cast(pl.Float32),
            low=pl.col("low").cast(pl.Float32),
            high=pl.col("high").cast(pl.Float32),
        )
        .join(people, on="subject_id", how="left", maintain_order="left")
    )


def counted(seen: pl.DataFrame, marks: Sequence[Mark]) -> Tables:
    """The tables of some whole shards."""
    totals, by_code = marked(seen, marks)
    dated = seen.filter(pl.col("time").is_not_null())
    keys = ["source", "code", "year"]
    persons = dated.group_by("subject_id", *keys).agg(
        events=pl.len(), values=pl.col("raw").count(), united=pl.col("unit").count()
    )
    codes = persons.group_by(keys).agg(
        pl.col("events").sum(),
        people=pl.len(),
        values=pl.col("values").sum(),
        united=pl.col("united").sum(),
    )
    within = pl.col("value").is_between(pl.col("low"), pl.col("high"))
    numbers = dated.filter(within & pl.col("value").is_finite())
    values = numbers.group_by(*keys, bin_of(pl.col("value")).alias("bin")).agg(events=pl.len())
    units = numbers.group_by(*keys, "unit").agg(events=pl.len())
    subject = pl.col("subject_id")
    damages = (
        seen.filter(pl.col("damage") > 0)
        .group_by("source", "damaged_system", "damage")
        .agg(events=pl.len(), people=subject.n_unique())
    )
    systems = (
        seen.filter(pl.col("system") >= 0)
        .group_by("source", "system")
        .agg(events=pl.len(), people=subject.n_unique(), zeros=pl.col("starts_with_zero").sum())
    )
    feeds = seen.group_by("source", "family").agg(
        events=pl.len(),
        timed=pl.col("time").count(),
        values=pl.col("raw").count(),
        united=pl.col("unit").count(),
        ended=pl.col("end").count(),
    )
    months = dated.group_by("source", "family", "month").agg(
        events=pl.len(), people=subject.n_unique()
    )
    week = (pl.col("time") // (7 * MICROSECONDS_PER_DAY)).cast(pl.Int32).alias("week")
    weeks = dated.group_by("source", "family", week).agg(events=pl.len())
    years = persons.group_by("source", "year").agg(people=subject.n_unique())
    tables = {
        "totals": totals,
        "marks": by_code,
        "damages": damages,
        "systems": systems,
        "codes": codes,
        "values": values,
        "units": units,
        "months": months,
        "weeks": weeks,
        "years": years,
        "feeds": feeds,
    }
    return {name: _wide(table, KEYS[name]) for name, table in tables.items()}


def _wide(table: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    return table.with_columns(pl.exclude(keys).cast(pl.Int64))


def bin_of(value: pl.Expr) -> pl.Expr:
    """int16 bin of a number: 0 for zero, else by the logarithm of its size, with its sign."""
    size = value.abs()
    place = ((size / _LEAST).log(GROWTH).floor() + 1).clip(0, 32_000)
    return (
        pl.when(size < _LEAST)
        .then(0)
        .otherwise(pl.when(value < 0).then(-place).otherwise(place))
        .cast(pl.Int16)
    )


def middle_of(place: pl.Expr) -> pl.Expr:
    """The number in the (geometric) middle of a bin."""
    size = _LEAST * (pl.lit(GROWTH) ** (place.abs().cast(pl.Float64) - 0.5))
    return pl.when(place == 0).then(0.0).otherwise(pl.when(place < 0).then(-size).otherwise(size))
