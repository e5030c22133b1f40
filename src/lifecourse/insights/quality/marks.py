"""Marks: what can be said of one event alone (or of it and its neighbours), and of which events it may be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.insights.quality.definitions import default_dates
from lifecourse.insights.quality.lookups import DAMAGES, INPATIENT
from lifecourse.vocab.damage import Damage

if TYPE_CHECKING:
    from collections.abc import Sequence

AFTER_DEATH_DAYS = 60
LONGEST_LIFE_YEARS = 120
EPOCH_ORDINAL = 719_163


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark's name (its check's), the events that it may be of, and those of them that it is of."""

    name: str
    may: pl.Expr
    holds: pl.Expr


def marks_for(made_at: int | None) -> tuple[Mark, ...]:
    """All marks; `made_at` is the moment of the load, None where there was none, and so no future."""
    return (*_of_codes(), *_of_values(), *_of_times(made_at), *_of_neighbours())


def _of_codes() -> tuple[Mark, ...]:
    coded, damage = pl.col("system") >= 0, pl.col("damage")
    named = {
        "lost-zeros": Damage.LOST_ZEROS,
        "check-digits": Damage.CHECK_DIGIT,
        "malformed-codes": Damage.FORM,
    }
    needed, sex = pl.col("one_sex"), pl.col("sex")
    return (
        *(Mark(name, coded, damage == DAMAGES.index(what) + 1) for name, what in named.items()),
        Mark("unknown-codes", pl.lit(value=True), ~pl.col("known")),
        Mark("wrong-sex", (needed > 0) & (sex > 0), needed != sex),
    )


def _of_values() -> tuple[Mark, ...]:
    valued, quantity, value = pl.col("raw").is_not_null(), pl.col("canonical"), pl.col("value")
    outside = (value < pl.col("low")) | (value > pl.col("high")) | ~value.is_finite()
    lost = pl.col("inconvertible")
    return (
        Mark("inconvertible-units", valued & (quantity | lost), lost),
        Mark(
            "units-missing",
            valued & quantity,
            pl.col("unit").is_null() & ~pl.col("tells_unit"),
        ),
        Mark("impossible-values", valued & quantity, outside),
    )


def _of_times(made_at: int | None) -> tuple[Mark, ...]:
    time, birth, death = pl.col("time"), pl.col("birth"), pl.col("death")
    dated, living = time.is_not_null(), ~pl.col("of_birth")
    day = time // MICROSECONDS_PER_DAY
    defaults = [date.toordinal() - EPOCH_ORDINAL for date in default_dates()]
    longest = int(LONGEST_LIFE_YEARS * DAYS_PER_YEAR * MICROSECONDS_PER_DAY)
    paperwork = AFTER_DEATH_DAYS * MICROSECONDS_PER_DAY
    future = pl.lit(value=False) if made_at is None else time > made_at + MICROSECONDS_PER_DAY
    # Of facts without an onset `time` may be when they were told of, after their end: visits alone begin then.
    begins = pl.col("has_onset") | (pl.col("visit") > 0)
    return (
        Mark("times-missing", ~pl.col("timeless"), ~dated),
        Mark("before-birth", dated & living & birth.is_not_null(), time < birth),
        Mark("after-death", dated & death.is_not_null(), time > death + paperwork),
        # A day's grace: a date without hours is kept as the end of its day.
        Mark(
            "end-before-start",
            dated & begins & pl.col("end").is_not_null(),
            pl.col("end") + MICROSECONDS_PER_DAY < pl.col("start"),
        ),
        Mark("future-events", dated if made_at is not None else pl.lit(value=False), future),
        Mark("default-dates", dated & living, day.is_in(defaults)),
        Mark("too-old", dated & birth.is_not_null(), time - birth > longest),
    )


def _of_neighbours() -> tuple[Mark, ...]:
    return (
        Mark("duplicated-visits", pl.col("visit") > 0, pl.col("visit_again")),
        Mark("overlapping-stays", pl.col("visit") == INPATIENT, pl.col("overlaps")),
        Mark(
            "duplicated-results",
            pl.col("raw").is_not_null() & (pl.col("system") >= 0),
            pl.col("result_again"),
        ),
        Mark("two-births", pl.col("of_birth"), pl.col("another_birth")),
        Mark("two-sexes", pl.col("of_sex") > 0, pl.col("another_sex")),
    )


def marked(seen: pl.DataFrame, marks: Sequence[Mark]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``totals`` and ``marks`` of some whole shards (see `counting.Counts`)."""
    flags = with_neighbours(seen).select(
        "subject_id",
        "source",
        "code",
        *(_may(mark).alias(f"may {mark.name}") for mark in marks),
        *((_may(mark) & mark.holds.fill_null(value=False)).alias(mark.name) for mark in marks),
    )
    subject = pl.col("subject_id")
    counted = [
        count
        for mark in marks
        for flag, before in ((f"may {mark.name}", "of_"), (mark.name, ""))
        for count in (
            pl.col(flag).sum().alias(f"{mark.name} {before}events"),
            _people(flag).alias(f"{mark.name} {before}people"),
        )
    ]
    by_source = flags.group_by("source").agg(counted).with_columns(pl.col("source").cast(pl.Int32))
    # Someone may be in two sources: people of all together are counted anew.
    whole = by_source if by_source.height == 1 else flags.select(counted)
    rows = [
        {"mark": mark.name, "source": source, **_of_mark(row, mark)}
        for table, sources in ((whole, [EVERY_SOURCE]), (by_source, by_source["source"].to_list()))
        for source, row in zip(sources, table.iter_rows(named=True), strict=True)
        for mark in marks
    ]
    by_code = [
        flags.filter(pl.col(mark.name))
        .group_by("source", "code")
        .agg(events=pl.len(), people=subject.n_unique())
        .select(pl.lit(mark.name).alias("mark"), "source", "code", "events", "people")
        for mark in marks
    ]
    return pl.DataFrame(rows, schema=_TOTALS), pl.concat(by_code)


def _people(flag: str) -> pl.Expr:
    """Subjects with the flag: they lie together, so that each begins where the one before ends."""
    subject = pl.col("subject_id").filter(pl.col(flag))
    return subject.ne_missing(subject.shift(1)).sum()


def _of_mark(row: dict[str, int], mark: Mark) -> dict[str, int]:
    return {
        name: row[f"{mark.name} {name}"] for name in ("of_events", "of_people", "events", "people")
    }


EVERY_SOURCE = -1
"""Stands for all sources together in ``totals``."""
_TOTALS = {
    "mark": pl.String,
    "source": pl.Int32,
    **dict.fromkeys(("of_events", "of_people", "events", "people"), pl.Int64),
}


def _may(mark: Mark) -> pl.Expr:
    return mark.may.fill_null(value=False)


def with_neighbours(seen: pl.DataFrame) -> pl.DataFrame:
    """The events with what depends on others of the same person: what stands twice, a second birth or sex."""
    numbered = seen.with_row_index("row")
    visits = numbered.filter((pl.col("visit") > 0) & pl.col("time").is_not_null())
    first = pl.struct("subject_id", "visit", "time").is_first_distinct()
    births = numbered.filter(pl.col("of_birth") & pl.col("time").is_not_null())
    flags = {
        "visit_again": visits.filter(~first)["row"],
        "overlaps": _overlapping(visits.filter(pl.col("visit") == INPATIENT)),
        "another_birth": _differing(births, "time"),
        "another_sex": _differing(numbered.filter(pl.col("of_sex") > 0), "of_sex"),
    }
    same = ("subject_id", "time", "code", "raw")
    return seen.with_columns(
        *(_flags(name, rows, seen.height) for name, rows in flags.items()),
        # Events lie sorted by exactly these.
        result_again=pl.col("time").is_not_null()
        & pl.all_horizontal(*(pl.col(n).eq_missing(pl.col(n).shift(1)) for n in same)),
    )


def _overlapping(stays: pl.DataFrame) -> pl.Series:
    """Rows of stays that begin before an earlier one ends; at the very same moment is another mark."""
    until = pl.col("end").fill_null(pl.col("time"))
    found = stays.with_columns(
        latest=until.cum_max().shift(1).over("subject_id"),
        earlier=pl.col("time").shift(1).over("subject_id"),
    )
    return found.filter(
        (pl.col("time") < pl.col("latest")) & (pl.col("time") != pl.col("earlier"))
    )["row"]


def _differing(events: pl.DataFrame, name: str) -> pl.Series:
    """Rows whose `name` differs from that of the person's first."""
    return events.filter(pl.col(name) != pl.col(name).first().over("subject_id"))["row"]


def _flags(name: str, rows: pl.Series, height: int) -> pl.Series:
    flags = np.zeros(height, dtype=np.bool_)
    flags[rows.to_numpy()] = True
    return pl.Series(name, flags)
