"""Readings of devices in one form, whatever file they came from, and what was laid aside."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from lifecourse.records.series.measures import measure_named, measures
from lifecourse.records.times import to_utc

READINGS = {
    "subject_key": pl.Categorical(),
    "measure": pl.Categorical(),
    "value": pl.Float64(),
    "range": pl.Int8(),
    "at_limit": pl.Int8(),
    "local": pl.Datetime("us"),
    "instant": pl.Datetime("us"),
    "device": pl.Categorical(),
    "file": pl.UInt32(),
    "row": pl.UInt32(),
}
"""``value`` in the measure's unit; ``range``: how many of the unit's edges it lies above (see `in_ranges`);
``at_limit``: -1 or 1 where the device told "low" or "high"; ``local``: the time on the person's clock, ``instant``:
UTC; a reading without an offset has no ``instant`` yet (`with_instants`)."""

TOLD = {
    "subject_key": pl.String(),
    "measure": pl.String(),
    "value": pl.String(),
    "unit": pl.String(),
    "local": pl.Datetime("us"),
    "instant": pl.Datetime("us"),
    "device": pl.String(),
    "row": pl.UInt32(),
}
"""What a row says, before it is judged."""

REJECTS = {"file": pl.String(), "row": pl.UInt32(), "reason": pl.String(), "raw": pl.String()}
INTERVALS = (1.0, 5.0, 10.0, 15.0)
"""Minutes between the readings of the sensors there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """Some of the people: those whose name falls into class `number` of `of`. Who is nobody falls into the first."""

    number: int
    of: int

    def has(self, person: str | None) -> bool:
        """Whether a person is one of them."""
        if self.of == 1 or not person:
            return self.number == 0
        return zlib.crc32(person.encode()) % self.of == self.number

    def those_of(self, told: pl.DataFrame) -> pl.DataFrame:
        """The rows of `told` (with ``subject_key``) that are theirs."""
        if self.of == 1:
            return told
        names = told["subject_key"].unique().to_list()
        chosen = [name for name in names if self.has(name)]
        return told.filter(pl.col("subject_key").is_in(chosen, nulls_equal=True))


@dataclass(slots=True, kw_only=True)
class Read:
    """Readings of a part of a file, rows laid aside (`REJECTS`), and rows that are no readings, by what they are."""

    readings: pl.DataFrame
    rejects: pl.DataFrame
    others: dict[str, int] = field(default_factory=dict)


def judged(
    told: pl.DataFrame, words: dict[str, tuple[float, str]], file: int, name: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The readings (`READINGS`) of `told` (`TOLD`), and the rows (`REJECTS`) that are none, with the reason."""
    plan = _plan(told.select("measure", "unit").unique())
    text = pl.col("value").str.strip_chars()
    limit = text.str.to_lowercase()
    joined = told.join(plan, on=["measure", "unit"], how="left", nulls_equal=True).with_columns(
        # A decimal comma; "1,234" is no number, for it may be one or a thousand.
        number=text.str.replace(r"^(-?\d+),(\d{1,2})$", "${1}.${2}").cast(pl.Float64, strict=False),
        # "Low" and "High" are of sensors alone, and mean the end of what they can show.
        at_limit=pl.when(pl.col("known") == "glucose").then(
            pl.when(limit.is_in(["low", "lo"])).then(-1).when(limit.is_in(["high", "hi"])).then(1)
        ),
        shown=limit.replace_strict(
            {word: value for word, (value, _) in words.items()},
            default=None,
            return_dtype=pl.Float64,
        ),
    )
    value = (
        pl.when(pl.col("at_limit").is_not_null())
        .then("shown")
        .otherwise(pl.col("number") * pl.col("factor"))
    )
    valued = joined.with_columns(amount=value)
    reason = (
        pl.when(pl.col("subject_key").is_null() | (pl.col("subject_key") == ""))
        .then(pl.lit("no subject"))
        .when(pl.col("local").is_null() & pl.col("instant").is_null())
        .then(pl.lit("no time, or none that can be read"))
        .when(pl.col("known").is_null())
        .then(pl.lit("a measure that is not known"))
        .when(pl.col("factor").is_null())
        .then(pl.lit("a unit that is not one of the measure's"))
        .when(text.is_null() | (text == ""))
        .then(pl.lit("no value"))
        .when(pl.col("amount").is_null() | ~pl.col("amount").is_finite())
        .then(pl.lit("a value that is not a number"))
        .when((pl.col("amount") < pl.col("least")) | (pl.col("amount") > pl.col("most")))
        .then(pl.lit("a value that no device gives"))
    )
    sorted_out = valued.with_columns(reason=reason)
    good = sorted_out.filter(pl.col("reason").is_null())
    readings = good.select(
        "subject_key",
        measure="known",
        value="amount",
        range=in_ranges(),
        at_limit=pl.col("at_limit").fill_null(0),
        local="local",
        instant="instant",
        device="device",
        file=pl.lit(file),
        row="row",
    )
    rejects = sorted_out.filter(pl.col("reason").is_not_null()).select(
        file=pl.lit(name), row="row", reason="reason", raw=pl.lit(None, pl.String)
    )
    return readings.cast(READINGS), rejects.cast(REJECTS)  # type: ignore[arg-type]  # a Mapping is invariant in its keys


def in_ranges() -> pl.Expr:
    """How many edges a reading lies above, in the unit it was told in: 10.0 mmol/L is in range, as 180 mg/dL is.

    Sensor glucose: 0 below 54 mg/dL, 1 to below 70, 2 to 180 (included), 3 to 250 (included), 4 above. Of a reading
    told as "low" or "high" 0 or 4.
    """
    number, edges = pl.col("number"), pl.col("edges").list
    below = [(number >= edges.get(place, null_on_oob=True)).cast(pl.Int8) for place in (0, 1)]
    above = [(number > edges.get(place, null_on_oob=True)).cast(pl.Int8) for place in (2, 3)]
    counted = below[0] + below[1] + above[0] + above[1]
    return (
        pl.when(pl.col("at_limit").is_not_null())
        .then((pl.col("at_limit") + 1) * 2)
        .otherwise(counted)
    )


def _plan(seen: pl.DataFrame) -> pl.DataFrame:
    """What each measure and unit, as written, is: known, factor, least, most and edges."""
    rows = [(measure, unit, *_known(measure, unit)) for measure, unit in seen.iter_rows()]
    schema: dict[str, pl.DataType] = {
        "measure": pl.String(),
        "unit": pl.String(),
        "known": pl.String(),
        "factor": pl.Float64(),
        "least": pl.Float64(),
        "most": pl.Float64(),
        "edges": pl.List(pl.Float64()),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


@cache
def _known(
    measure: str | None, unit: str | None
) -> tuple[str | None, float | None, float | None, float | None, list[float] | None]:
    name = measure_named(measure) if measure else None
    if name is None:
        return None, None, None, None, None
    found = measures()[name]
    written = (unit or "").strip() or found.unit
    least, most = found.limits
    edges = found.edges.get(written)
    return name, found.factor(written), least, most, edges


def with_instants(readings: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """`readings` with both ``local`` and ``instant``.

    An hour that occurs twice in autumn is told apart by the order of the file: from where the clock goes back it is
    the second. A file may be in ascending or descending order. A time in spring's gap has the offset before it.
    """
    zoned = pl.col("instant").dt.replace_time_zone("UTC").dt.convert_time_zone(timezone)
    known = readings.with_columns(
        local=pl.coalesce(pl.when(pl.col("instant").is_not_null()).then(zoned.dt.replace_time_zone(None)), "local")
    )  # fmt: skip
    if known["instant"].null_count() == 0:
        return known
    first = to_utc(pl.col("local"), timezone)
    second = (
        pl.col("local")
        .dt.replace_time_zone(timezone, ambiguous="latest", non_existent="null")
        .dt.convert_time_zone("UTC")
        .dt.replace_time_zone(None)
    )
    placed = known.with_columns(first=first, second=pl.coalesce(second, first))
    twice = pl.col("instant").is_null() & (pl.col("first") != pl.col("second"))
    doubtful = placed.filter(twice)
    if doubtful.height:
        told_apart = _second_hours(doubtful, placed)
        placed = placed.join(told_apart, on=["file", "row", "measure"], how="left").with_columns(
            first=pl.when(pl.col("again").fill_null(False)).then("second").otherwise("first")
        )
    return placed.with_columns(instant=pl.coalesce("instant", "first")).select(list(READINGS))


def _second_hours(doubtful: pl.DataFrame, all_readings: pl.DataFrame) -> pl.DataFrame:
    """``file row measure again`` of readings in a repeated hour: whether they are of its second time."""
    key = ["file", "subject_key", "measure"]
    step = pl.col("local").diff().over(key)
    falls = (
        all_readings.sort("file", "row")
        .with_columns(step=step)
        .group_by(key)
        .agg(
            descends=(pl.col("step") < pl.duration()).sum() > (pl.col("step") > pl.duration()).sum()
        )
    )
    ordered = doubtful.join(falls, on=key, how="left").with_columns(
        turn=pl.when("descends").then(-pl.col("row").cast(pl.Int64)).otherwise(pl.col("row").cast(pl.Int64)),
        day=pl.col("local").dt.date(),
    )  # fmt: skip
    seen = pl.col("local").cum_max().over([*key, "day"], order_by="turn")
    return ordered.with_columns(
        again=(pl.col("local") < seen).cast(pl.Int8).cum_max().over([*key, "day"], order_by="turn")
        > 0
    ).select("file", "row", "measure", "again")


def without_repeats(readings: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """One reading a person, measure and instant (and device, of what is summed): the first in the files' order."""
    summed = [name for name, each in measures().items() if each.summary == "sum"]
    device = pl.when(pl.col("measure").is_in(summed)).then("device")
    ordered = readings.with_columns(apart=device).sort(
        "subject_key", "measure", "instant", "file", "row"
    )
    key = ["subject_key", "measure", "instant", "apart"]
    kept = ordered.unique(key, keep="first", maintain_order=True)
    differs = ordered.group_by(key).agg(n=pl.len(), values=pl.col("value").n_unique())
    repeats = ordered.height - kept.height
    conflicts = differs.filter(pl.col("values") > 1).height
    counts = {
        "readings that were there already, left out": repeats,
        "moments with readings that differ, the first taken": conflicts,
    }
    return kept.drop("apart"), {what: n for what, n in counts.items() if n}
