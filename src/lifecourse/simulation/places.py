"""What is around the simulated people: a table of their counties by year."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.files import written_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.simulation.parameters import Parameters


def write_exposures(model: Parameters, path: Path) -> None:
    """PM2.5 (annual mean) and deprivation of each county in each year of records."""
    first = model.people.cut_date.year - model.people.years
    rows = [
        (
            county.fips,
            county.name,
            county.state,
            first + year,
            round(county.pm25 + county.trend * (year + 0.5), 2),
            county.deprivation,
        )
        for county in model.places.counties
        for year in range(model.people.years)
    ]
    names = ["fips", "county", "state", "year", "pm25 [ug/m3]", "deprivation [1]"]
    with written_atomically(path) as passing:
        pl.DataFrame(rows, schema=names, orient="row").write_csv(passing)
