"""What records of several sources of one person contradict each other in: facts of which there can be only one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.schema.event import BIRTH, DEATH

if TYPE_CHECKING:
    from lifecourse.timeline.ordering import OrderedEvents

TWO_BIRTHS = "people with two birth dates"
TWO_DEATHS = "people with two dates of death"
TWO_SEXES = "people recorded as female and as male"
SEXES = ("SEX//female", "SEX//male")


def contradictions(ordered: OrderedEvents) -> dict[str, int]:
    """How many people have two of what there is one of; a date that is less exact than another is no second one."""
    wanted = ordered.codes.is_in((BIRTH, DEATH, *SEXES)).to_numpy()
    places = np.flatnonzero(wanted[ordered.ranks]).astype(np.uint32)
    told = ordered.events.select("subject_id", "time", "code", "precision", "onset_time")
    once = told.select(pl.all().gather(pl.Series(places)))
    sexes = (
        once.filter(pl.col("code").is_in(SEXES))
        .group_by("subject_id")
        .agg(n=pl.col("code").n_unique())
    )
    counted = {
        TWO_BIRTHS: _with_two_dates(once.filter(pl.col("code") == BIRTH)),
        TWO_DEATHS: _with_two_dates(once.filter(pl.col("code") == DEATH)),
        TWO_SEXES: int((sexes["n"] > 1).sum()),
    }
    return {what: count for what, count in counted.items() if count}


def _with_two_dates(dates: pl.DataFrame) -> int:
    # The beginning of what the date says: an inexact one is known at its end.
    begun = pl.coalesce("onset_time", "time")
    exact = pl.col("precision").is_null() | (pl.col("precision") == "day")
    differ = dates.group_by("subject_id").agg(
        years=begun.dt.year().n_unique(),
        months=begun.filter(exact | (pl.col("precision") == "month")).dt.truncate("1mo").n_unique(),
        days=begun.filter(exact).dt.date().n_unique(),
    )
    return differ.filter(
        (pl.col("years") > 1) | (pl.col("months") > 1) | (pl.col("days") > 1)
    ).height
