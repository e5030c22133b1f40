"""Answers that are dates, as numbers: a calendar year with its fraction, so that windows and sums can use them."""

from __future__ import annotations

import re
from calendar import isleap
from datetime import date, datetime
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from lifecourse.base.clock import MICROSECONDS_PER_DAY, to_microseconds
from lifecourse.vocab.codelists import codelist

DATES = ("smoking_quit_date",)
"""The codelists whose answers are dates."""
PARTIAL = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:$|[T ])")
UNIT = "a"


def with_dates_as_numbers(events: pl.DataFrame) -> pl.DataFrame:
    """`events` with the number of every answer in words that is a date (``2015-06`` -> 2015.45, in ``a``)."""
    if "text_value" not in events.columns:
        return events
    empty = pl.col("numeric_value").is_null() & pl.col("text_value").is_not_null()
    asked = pl.col("code").is_in(date_codes()) & empty
    if not events.select(asked.any()).item():
        return events
    number = pl.col("text_value").map_elements(decimal_year, pl.Float64).cast(pl.Float32)
    told = events.with_row_index("place")
    found = told.filter(asked).select("place", number=number).drop_nulls()
    joined = told.join(found, on="place", how="left", maintain_order="left")
    is_date = pl.col("number").is_not_null()
    return joined.with_columns(
        numeric_value=pl.coalesce("number", "numeric_value"),
        unit=pl.when(is_date).then(pl.lit(UNIT)).otherwise("unit"),
    ).select(events.columns)


@cache
def date_codes() -> list[str]:
    """The codes whose answers are dates."""
    return sorted({code for name in DATES for code in codelist(name).exact})


@lru_cache(maxsize=4096)
def decimal_year(text: str) -> float | None:
    """``2015-07-02`` -> 2015.5: the middle of the day, month or year that an ISO 8601 date names; None for others."""
    found = PARTIAL.match(text.strip())
    if not found:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    assert year is not None  # noqa: S101 -- the pattern has it
    try:
        first = date(year, month or 1, day or 1)
        if day:
            last = first
        elif month:
            last = date(year + month // 12, month % 12 + 1, 1)
        else:
            last = date(year + 1, 1, 1)
    except ValueError:
        return None
    start = date(year, 1, 1)
    middle = (
        (first - start).days + ((last - start).days if not day else (first - start).days + 1)
    ) / 2
    return year + middle / (366 if isleap(year) else 365)


def moments_of_years(years: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """int64 microseconds UTC of calendar years with fractions (float[n], none missing)."""
    whole = np.floor(years).astype(np.int64)
    starts = [_start(year) for year in whole.tolist()]
    lengths = [366 if isleap(year) else 365 for year in whole.tolist()]
    within = (years - whole) * np.array(lengths) * MICROSECONDS_PER_DAY
    return np.asarray(np.array(starts, dtype=np.int64) + np.round(within).astype(np.int64))


@lru_cache(maxsize=4096)
def _start(year: int) -> int:
    return to_microseconds(datetime(min(max(year, 1), 9999), 1, 1))  # noqa: DTZ001 -- taken as UTC
