"""Who the people are: birth, sex, race, ethnicity, address and identifiers of the person table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lifecourse.records.omop.addresses import with_address_codes
from lifecourse.records.omop.concepts import standard
from lifecourse.records.omop.reading import STRAIGHT, Read, Reading, concept_id, identifier, split
from lifecourse.records.times import has_clock, parse_moment, to_utc
from lifecourse.schema.event import BIRTH

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_persons(rows: pl.DataFrame, reading: Reading) -> Read:
    """The events of rows of the person table, and identities for the identity map."""
    known = standard()
    year = pl.col("year_of_birth").cast(pl.Int32, strict=False)
    month = pl.col("month_of_birth").cast(pl.Int8, strict=False)
    day = pl.col("day_of_birth").cast(pl.Int8, strict=False)
    parts = pl.datetime(year, month.fill_null(1), day.fill_null(1), time_unit="us")
    in_parts = (
        pl.when(month.is_null()).then(pl.lit("year")).when(day.is_null()).then(pl.lit("month"))
    )
    told = pl.col("birth_datetime")
    is_told = parse_moment(told, reading.timezone).is_not_null()
    rows = rows.with_columns(
        source_id=pl.lit("person/") + pl.col("subject_key"),
        birth=pl.when(is_told)
        .then(parse_moment(told, reading.timezone))
        .otherwise(to_utc(parts, reading.timezone)),
        birth_precision=pl.when(is_told)
        .then(pl.when(~has_clock(told)).then(pl.lit("day")))
        .otherwise(in_parts.otherwise(pl.lit("day"))),
        sex=_sex(known.sexes),
        race=concept_id("race_concept_id").replace_strict(known.races, default=None),
        ethnicity=concept_id("ethnicity_concept_id").replace_strict(
            known.ethnicities, default=None
        ),
    )
    reason = pl.when(pl.col("subject_key").is_null()).then(pl.lit("no subject"))
    good, rejected = split(rows.with_columns(reason=reason))
    birth = good.filter(pl.col("birth").is_not_null()).select(
        *STRAIGHT, time="birth", code=pl.lit(BIRTH), precision="birth_precision"
    )
    statics = [
        good.filter(pl.col(name).is_not_null()).select(
            *STRAIGHT, code=pl.lit(f"{name.upper()}//") + pl.col(name)
        )
        for name in ("sex", "race", "ethnicity")
    ]
    if not reading.has_moves:
        lived = with_address_codes(good, reading.places).filter(pl.col("code").is_not_null())
        statics.append(lived.select(*STRAIGHT, "code"))
    identities = good.select(
        "subject_key",
        system=pl.lit("person_source_value"),
        value=pl.col("person_source_value").str.strip_chars(),
        name=pl.lit(None, pl.String),
    ).filter(pl.col("value").is_not_null())
    return Read(
        events=pl.concat([birth, *statics], how="diagonal"),
        rejected=rejected,
        counts={},
        identities=identities,
    )


def _sex(sexes: dict[int, str]) -> pl.Expr:
    letter = pl.col("gender_source_value").str.strip_chars().str.to_lowercase()
    words = {"m": "male", "male": "male", "f": "female", "female": "female"}
    return pl.coalesce(
        concept_id("gender_concept_id").replace_strict(sexes, default=None, return_dtype=pl.String),
        letter.replace_strict(words, default="unknown", return_dtype=pl.String),
    )


def people_of(chunks: Iterable[pl.DataFrame]) -> pl.Series:
    """The person ids, as text, of chunks of the person table."""
    ids = [chunk.select(identifier("person_id").alias("person")).to_series() for chunk in chunks]
    return pl.concat(ids).drop_nulls().unique() if ids else pl.Series("person", [], dtype=pl.String)
