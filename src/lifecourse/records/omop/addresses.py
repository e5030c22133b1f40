"""Where people lived: LOCATION, and LOCATION_HISTORY where a site has it (CDM 6.0, used beside 5.x by OHDSI's GIS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lifecourse.schema.address import address_codes

if TYPE_CHECKING:
    from collections.abc import Iterable

HISTORY = "location_history"
HISTORY_COLUMNS = (
    "location_history_id",
    "location_id",
    "domain_id",
    "entity_id",
    "start_date",
    "start_datetime",
    "end_date",
    "end_datetime",
)
LOCATION_COLUMNS = (
    "location_id",
    "state",
    "county",
    "zip",
    "country_source_value",
)
PERSON_DOMAINS = ("person", "1147314", "56", "")
"""How sites say that the one who lived there is a person."""


def places_of(chunks: Iterable[pl.DataFrame]) -> dict[str, list[str]]:
    """The address codes of each location by its id, as text, from chunks of the location table."""
    found = {}
    for chunk in chunks:
        for row in chunk.iter_rows(named=True):
            if row["location_id"]:
                found[row["location_id"].strip().removesuffix(".0")] = address_codes(
                    country=row["country_source_value"],
                    state=row["state"],
                    county=row["county"],
                    postal=row["zip"],
                )
    return found


def with_address_codes(rows: pl.DataFrame, places: dict[str, list[str]]) -> pl.DataFrame:
    """`rows` with ``code`` by their ``location_id``, one row for each code; null where the location is not known."""
    codes = pl.col("location_id").replace_strict(
        places, default=None, return_dtype=pl.List(pl.String)
    )
    return rows.with_columns(code=codes).explode("code", empty_as_null=True, keep_nulls=True)
