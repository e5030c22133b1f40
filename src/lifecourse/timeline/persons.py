"""Who the subjects are: birth, sex and death, and from when to when their records go."""

from __future__ import annotations

import polars as pl

from lifecourse.schema.event import BIRTH, DEATH
from lifecourse.vocab import map_codes


def persons_of(events: pl.DataFrame) -> pl.DataFrame:
    """One row a subject: ``subject_id``, ``birth``, ``sex``, ``death``, ``first_time``, ``last_time``.

    `events` may be in any order; times are microseconds UTC, null where the record does not say.
    """
    static_codes = events.filter(pl.col("time").is_null())["code"].unique().sort()
    mapped = (
        map_codes(static_codes.to_list()).select("code", "parent_codes").explode("parent_codes")
    )
    names = pl.concat(
        [
            mapped.select("code", name=pl.col("parent_codes")),
            # Not from `mapped`: exploding drops a code without parents, as SEX//female itself is.
            pl.DataFrame({"code": static_codes, "name": static_codes}),
        ]
    ).filter(pl.col("name").str.starts_with("SEX//"))
    sexes = (
        events.filter(pl.col("time").is_null())
        .select("subject_id", "code")
        .join(names, on="code")
        .group_by("subject_id")
        .agg(sex=pl.col("name").min().str.strip_prefix("SEX//"))
    )
    moment = pl.col("time")
    times = (
        events.lazy()
        .select(
            "subject_id",
            "time",
            birth=pl.when(pl.col("code") == BIRTH).then(moment),
            death=pl.when(pl.col("code") == DEATH).then(moment),
            living=pl.when(pl.col("code") != BIRTH).then(moment),
        )
        .group_by("subject_id")
        .agg(
            pl.col("birth", "death").min(),
            first_time=pl.col("living").min(),
            last_time=moment.max(),
        )
        .collect()
    )
    return (
        times.join(sexes, on="subject_id", how="left")
        .select("subject_id", "birth", "sex", "death", "first_time", "last_time")
        .sort("subject_id")
    )
