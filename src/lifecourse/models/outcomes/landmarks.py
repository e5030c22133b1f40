"""Moments to look at people from, and how long each was seen after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

YEAR = DAYS_PER_YEAR * MICROSECONDS_PER_DAY
UNKNOWN_SEX = 0.5
"""How female somebody is of whom it is not told: the rates of both sexes count alike."""
AGE_BAND = 5.0
"""Years of age within which people are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """n moments: at whom, when, and until when that person was seen.

    rows : ``subject_id``, ``prediction_time``, sorted by both
    age : float64[n] years at the moment; female : float64[n], 1, 0 or UNKNOWN_SEX
    until : int64[n] microseconds at which what is seen ends, after the moment; dies : bool[n], with death
    """

    rows: pl.DataFrame
    age: Floats
    female: Floats
    until: Integers
    dies: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return self.rows.height

    @property
    def subjects(self) -> Integers:
        """int64[n] ids."""
        return self.rows["subject_id"].to_numpy()

    @property
    def time(self) -> Integers:
        """int64[n] microseconds of the moments."""
        return self.rows["prediction_time"].cast(pl.Int64).to_numpy()

    @property
    def years(self) -> Floats:
        """float64[n] years from each moment to the end of what is seen."""
        return (self.until - self.time) / YEAR

    def where(self, chosen: npt.NDArray[np.bool_]) -> Landmarks:
        """Some of them."""
        return Landmarks(
            rows=self.rows.filter(pl.Series(chosen)),
            age=self.age[chosen],
            female=self.female[chosen],
            until=self.until[chosen],
            dies=self.dies[chosen],
        )


def followed_persons(persons: pl.DataFrame) -> pl.DataFrame:
    """Those of known age who were seen for some time: ``subject_id birth female start end dies``, in microseconds.

    They are followed from their first record to their last, or to death where that comes first.
    """
    born, first, last = (
        pl.col(name).cast(pl.Int64) for name in ("birth", "first_time", "last_time")
    )
    dead = pl.col("death").cast(pl.Int64)
    sex = pl.when(pl.col("sex") == "female").then(1.0).when(pl.col("sex") == "male").then(0.0)
    found = persons.select(
        "subject_id",
        birth=born,
        female=sex.otherwise(UNKNOWN_SEX),
        start=pl.max_horizontal(first, born),
        end=pl.min_horizontal(last, dead),
        dies=(dead <= last).fill_null(value=False),
    )
    return found.drop_nulls().filter(pl.col("end") > pl.col("start")).sort("subject_id")


def spread_landmarks(persons: pl.DataFrame, every_years: float, seed: int) -> Landmarks:
    """Of each of `followed_persons` a moment every so many years of follow-up, the first drawn from the first stretch.

    Who was followed for less than that has one moment or none.
    """
    random = np.random.default_rng(seed)
    start, end = persons["start"].to_numpy(), persons["end"].to_numpy()
    step = every_years * YEAR
    first = start + random.random(len(start)) * step
    counts = np.maximum(np.ceil((end - first) / step), 0).astype(np.int64)
    who = np.repeat(np.arange(len(start)), counts)
    number = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)
    return landmarks_at(persons, who, (first[who] + number * step).astype(np.int64))


def landmarks_at(persons: pl.DataFrame, who: Integers, time: Integers) -> Landmarks:
    """Moments (microseconds) of some of `followed_persons`, by their place there; only those before the end."""
    end = persons["end"].to_numpy()[who]
    kept = time < end
    who, time, end = who[kept], time[kept], end[kept]
    ids = persons["subject_id"].to_numpy()[who]
    rows = pl.DataFrame({"subject_id": ids, "prediction_time": time}).with_columns(
        pl.col("prediction_time").cast(pl.Datetime("us"))
    )
    return Landmarks(
        rows=rows,
        age=(time - persons["birth"].to_numpy()[who]) / YEAR,
        female=persons["female"].to_numpy()[who],
        until=end,
        dies=persons["dies"].to_numpy()[who],
    )


def strata(landmarks: Landmarks) -> Integers:
    """int64[n]: a number for each band of `AGE_BAND` years and sex."""
    band = np.floor(landmarks.age / AGE_BAND).astype(np.int64)
    return band * 3 + np.round(landmarks.female * 2).astype(np.int64)
