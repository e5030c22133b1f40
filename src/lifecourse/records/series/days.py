"""A day's readings as events, by rules that a hand computation can follow.

Days are days of the person's clock. A day is known at its last microsecond and happened from its first.

Sensor glucose (ADA and ATTD consensus 2019, doi:10.2337/dci19-0028):

- ``CGM//coverage``: readings there are, of those that the sensor's interval gives in the day (of 23, 24 or 25 hours),
  in percent. The interval is the median time between the day's readings, as 1, 5, 10 or 15 minutes.
- With at least 70 % of the readings, and only then: ``CGM//mean``, ``CGM//sd`` (n - 1) in mg/dL, ``CGM//cv`` = sd/mean
  in percent; the shares of readings in percent ``CGM//in_range`` (70 to 180 mg/dL, both included), ``below_70``,
  ``below_54``, ``above_180``, ``above_250``. Readings in mmol/L are judged by 3.0, 3.9, 10.0 and 13.9.
- "Low" and "High" count in their ranges, and in mean and sd as the number that the sensor shows last.
- Over 14 days that end with the day, with at least 70 % of their readings: ``CGM//in_range_14_days`` and ``CGM//gmi`` =
  3.31 + 0.02392 x mean in percent (doi:10.2337/dc18-1581).

What is counted (steps, minutes asleep, minutes of activity) is summed by device, and of several devices the largest sum
stands: a phone and a watch count the same steps. Heart rates are averaged. A night belongs to the day on which it ends.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.records.series.measures import GLUCOSE, measures
from lifecourse.records.series.readings import INTERVALS
from lifecourse.records.times import TICK, to_utc
from lifecourse.vocab.codelists import entries

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFICIENT_PERCENT = 70.0
DAYS_OF_GMI = 14
GMI_AT_ZERO, GMI_PER_MG_DL = 3.31, 0.02392
FEWEST_FOR_INTERVAL = 3
MINUTES = 60_000_000
DAY_KEY = ("subject_key", "day")
CODES = {
    "coverage": "%", "mean": "mg/dL", "sd": "mg/dL", "cv": "%", "in_range": "%", "below_70": "%",
    "below_54": "%", "above_180": "%", "above_250": "%", "gmi": "%", "in_range_14_days": "%",
}  # fmt: skip
EVENTS = {
    "subject_key": pl.String(),
    "time": pl.Datetime("us"),
    "code": pl.String(),
    "numeric_value": pl.Float32(),
    "unit": pl.String(),
    "onset_time": pl.Datetime("us"),
    "precision": pl.String(),
    "source_id": pl.String(),
    "source_version": pl.Int64(),
    "source_file": pl.UInt32(),
    "source_row": pl.UInt32(),
    "source_part": pl.String(),
}


def day_events(readings: pl.DataFrame, timezone: str) -> tuple[pl.DataFrame, dict[str, int]]:
    """The events (`EVENTS`) of the days of `readings` (each moment once), and what is to be told."""
    dated = readings.with_columns(day=pl.col("local").dt.date())
    glucose = glucose_days(dated.filter(pl.col("measure") == GLUCOSE), timezone)
    tables = [_events(glucose, GLUCOSE, list(CODES))]
    for name, each in measures().items():
        mine = dated.filter(pl.col("measure") == name)
        if name != GLUCOSE and mine.height:
            tables.append(_plain_events(mine, name, each.summary, each.unit, timezone))
    few = glucose.filter(pl.col("mean").is_null()).height
    limits = int((dated["at_limit"] != 0).sum())
    counts = {
        "days of glucose with too few readings, of which only the coverage is told": few,
        "readings told as low or high, taken as the sensor's limit": limits,
    }
    return pl.concat(tables), {what: n for what, n in counts.items() if n}


def described() -> pl.DataFrame:
    """What the codes of days are called (``code description parent_codes``), by the codelists that have them."""
    codes = [f"CGM//{name}" for name in CODES]
    codes += [
        f"SERIES//{name}" for name, each in measures().items() if each.summary != "sensor_glucose"
    ]
    titles = {
        code: entry.title
        for entry in entries().values()
        for system, listed in entry.exact.items()
        if system in ("CGM", "SERIES")
        for code in (f"{system}//{each}" for each in listed)
    }
    return pl.DataFrame(
        {"code": codes, "description": [titles.get(code) for code in codes], "parent_codes": None},
        schema={"code": pl.String, "description": pl.String, "parent_codes": pl.List(pl.String)},
    )


def glucose_days(readings: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """A row a person and day: n, expected, `CODES` (null where there is too little), first and last row.

    `readings` has a ``day`` and every moment once.
    """
    days = (
        readings.sort("subject_key", "instant")
        .with_columns(gap=pl.col("instant").diff().over("subject_key", "day").cast(pl.Int64) / MINUTES)
        .group_by(*DAY_KEY, maintain_order=True)
        .agg(
            n=pl.len(),
            average=pl.col("value").mean(),
            spread=pl.col("value").std(ddof=1),
            **{f"range_{place}": (pl.col("range") == place).sum() for place in range(5)},
            gap=pl.col("gap").median(),
            **_provenance(),
        )
    )  # fmt: skip
    told = _with_expected(days, timezone)
    covered = pl.min_horizontal(100.0 * pl.col("n") / pl.col("expected"), 100.0)
    told = told.with_columns(coverage=covered)
    enough = pl.col("coverage") >= SUFFICIENT_PERCENT
    lowest, low, inside, high, highest = (pl.col(f"range_{place}") for place in range(5))
    shares = {
        "in_range": inside,
        "below_70": lowest + low,
        "below_54": lowest,
        "above_180": high + highest,
        "above_250": highest,
    }
    return _with_fortnights(told).with_columns(
        mean=pl.when(enough).then("average"),
        sd=pl.when(enough).then("spread"),
        cv=pl.when(enough).then(100.0 * pl.col("spread") / pl.col("average")),
        **{
            name: pl.when(enough).then(100.0 * count / pl.col("n"))
            for name, count in shares.items()
        },
    )


def _with_expected(days: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """`days` with the readings that a sensor of their interval gives (``expected``) and ``interval`` in minutes."""
    usual = pl.col("gap").median().over("subject_key")
    gap = pl.when(pl.col("n") >= FEWEST_FOR_INTERVAL).then("gap")
    measured = pl.coalesce(gap, usual, pl.lit(5.0))
    nearest = pl.lit(INTERVALS[0])
    for closer, further in pairwise(INTERVALS):
        nearest = pl.when(measured > (closer + further) / 2).then(further).otherwise(nearest)
    bounds = _bounds(days["day"].unique().to_list(), timezone)
    return (
        days.join(bounds, on="day", how="left")
        .with_columns(interval=nearest)
        .with_columns(
            expected=(pl.col("until") - pl.col("begin")).cast(pl.Int64) / MINUTES / pl.col("interval")
        )
    )  # fmt: skip


def _with_fortnights(days: pl.DataFrame) -> pl.DataFrame:
    """`days` with GMI and time in range of the 14 days that end with each, where enough of them was recorded."""
    if days.is_empty():
        empty = [pl.lit(None, pl.Float64).alias(name) for name in ("gmi", "in_range_14_days")]
        return days.with_columns(*empty, pl.lit(0, pl.Int64).alias("readings_14_days"))
    rolled = (
        days.sort("subject_key", "day")
        .rolling("day", period=f"{DAYS_OF_GMI}d", group_by="subject_key")
        .agg(
            readings=pl.col("n").sum(),
            total=(pl.col("average") * pl.col("n")).sum(),
            inside=pl.col("range_2").sum(),
            days_there=pl.len(),
            wanted=pl.col("expected").sum(),
            interval=pl.col("interval").last(),
        )
    )
    absent = (DAYS_OF_GMI - pl.col("days_there")) * 1440.0 / pl.col("interval")
    share = 100.0 * pl.col("readings") / (pl.col("wanted") + absent)
    mean = pl.col("total") / pl.col("readings")
    enough = share >= SUFFICIENT_PERCENT
    fortnights = rolled.select(
        *DAY_KEY,
        gmi=pl.when(enough).then(GMI_AT_ZERO + GMI_PER_MG_DL * mean),
        in_range_14_days=pl.when(enough).then(100.0 * pl.col("inside") / pl.col("readings")),
        readings_14_days=pl.col("readings").cast(pl.Int64),
    )
    return days.join(fortnights, on=DAY_KEY, how="left")


def _plain_events(
    readings: pl.DataFrame, name: str, summary: str, unit: str, timezone: str
) -> pl.DataFrame:
    """One event a person and day: the largest sum of a device, or the mean."""
    if summary == "mean":
        days = readings.group_by(*DAY_KEY).agg(
            pl.col("value").mean().alias(name), n=pl.len(), **_provenance()
        )
    else:
        by_device = readings.group_by(*DAY_KEY, "device").agg(
            pl.col("value").sum().alias(name), n=pl.len(), **_provenance()
        )
        largest = by_device.sort(
            name, "n", "first_file", "first_row", descending=[True, True, False, False]
        )
        days = largest.unique(DAY_KEY, keep="first", maintain_order=True)  # fmt: skip
    bounds = _bounds(days["day"].unique().to_list(), timezone)
    return _events(days.join(bounds, on="day"), name, [name], prefix="SERIES", unit=unit)


def _events(
    days: pl.DataFrame,
    measure: str,
    names: Sequence[str],
    *,
    prefix: str = "CGM",
    unit: str | None = None,
) -> pl.DataFrame:
    if days.is_empty():
        return pl.DataFrame(schema=EVENTS)
    fortnight = pl.col("name").is_in(["gmi", "in_range_14_days"])
    told = days.with_columns(
        readings_14_days=pl.col("readings_14_days") if "readings_14_days" in days.columns else 0
    ).unpivot(
        names,
        index=[*DAY_KEY, "begin", "until", "n", "readings_14_days", "first_file", "first_row", "last_row", "files"],
        variable_name="name",
        value_name="told",
    )  # fmt: skip
    rows = pl.format("rows {}-{}", "first_row", "last_row")
    several = (pl.col("files") == 1) & (pl.col("last_row") > pl.col("first_row"))
    day = pl.col("day").cast(pl.String)
    return (
        told.filter(pl.col("told").is_not_null())
        .select(
            "subject_key",
            time=pl.col("until") - TICK,
            code=pl.lit(f"{prefix}//") + pl.col("name"),
            numeric_value="told",
            unit=pl.col("name").replace_strict(CODES, default=unit, return_dtype=pl.String),
            onset_time="begin",
            precision=pl.lit("day"),
            source_id=pl.lit(f"{measure}/")
            + day
            + pl.when(fortnight).then(pl.lit("/14")).otherwise(pl.lit("")),
            # Of two exports of one day the one with more readings stands.
            source_version=pl.when(fortnight).then("readings_14_days").otherwise("n"),
            source_file="first_file",
            source_row="first_row",
            source_part=pl.when(several).then(rows),
        )
        .cast(EVENTS)  # type: ignore[arg-type]  # a Mapping is invariant in its keys
    )


def _provenance() -> dict[str, pl.Expr]:
    place = (pl.col("file").cast(pl.UInt64) * 2**32 + pl.col("row")).min()
    return {
        "first_file": (place // 2**32).cast(pl.UInt32),
        "first_row": (place % 2**32).cast(pl.UInt32),
        "last_row": pl.col("row").max(),
        "files": pl.col("file").n_unique(),
    }


def _bounds(days: Sequence[object], timezone: str) -> pl.DataFrame:
    """``day begin until``: the first moment of each day and of the next one, UTC."""
    midnight = pl.col("day").cast(pl.Datetime("us"))
    return pl.DataFrame({"day": days}, schema={"day": pl.Date}).with_columns(
        begin=to_utc(midnight, timezone), until=to_utc(midnight + pl.duration(days=1), timezone)
    )
