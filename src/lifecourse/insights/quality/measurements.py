"""What is measured most, in numbers: unit, quartiles, their course over the years, and what is impossible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.insights.quality.drift import quartiles_of, rounded
from lifecourse.insights.quality.verdicts import POLICY

if TYPE_CHECKING:
    from lifecourse.insights.quality.verdicts import Sight
    from lifecourse.timeline.shard import CodeTable

MOST = 40
FEWEST_VALUES = 10


def measurements(sight: Sight, codes: CodeTable) -> list[dict[str, Any]]:
    """The codes with a number of the most people, each with its quartiles, of ten people or more.

    ``people`` is the most in any year and source; ``years`` has those with ten people or more; ``impossible`` is the
    share of values that no living person has, None where those are of one to nine people.
    """
    whole = quartiles_of(sight, ["code"], FEWEST_VALUES)
    by_year = quartiles_of(sight, ["code", "year"], FEWEST_VALUES).sort("year")
    units = (
        sight.tables["units"]
        .group_by("code", "unit")
        .agg(pl.col("events").sum())
        .sort("events", "unit", descending=[True, False])
        .group_by("code", maintain_order=True)
        .agg(pl.col("unit").first(), of_unit=pl.col("events").first() / pl.col("events").sum())
    )
    outside = (
        sight.tables["marks"]
        .filter(pl.col("mark") == "impossible-values")
        .group_by("code")
        .agg(pl.col("events").sum(), outside_people=pl.col("people").sum())
    )
    chosen = (
        whole.sort("people", "values", descending=True)
        .head(MOST)
        .join(units, on="code", how="left")
        .join(outside, on="code", how="left")
    )
    return [
        {
            "code": sight.codes[row["code"]],
            "name": codes.descriptions[row["code"]],
            "people": row["people"],
            "values": row["values"],
            "unit": row["unit"],
            "share_of_unit": row["of_unit"],
            "low": rounded(row["low"]),
            "median": rounded(row["median"]),
            "high": rounded(row["high"]),
            "impossible": _share(row),
            "years": [
                {
                    "year": year["year"],
                    "low": rounded(year["low"]),
                    "median": rounded(year["median"]),
                    "high": rounded(year["high"]),
                }
                for year in by_year.filter(pl.col("code") == row["code"]).iter_rows(named=True)
            ],
        }
        for row in chosen.iter_rows(named=True)
    ]


def _share(row: dict[str, Any]) -> float | None:
    people, events = row["outside_people"] or 0, row["events"] or 0
    if 0 < people < POLICY.fewest_people:
        return None
    return float(events / (events + row["values"]))
