"""Tables of exposures: place, period, measure, value, whatever the layout they come in."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from pydantic import Field

from lifecourse.base.errors import SourceError
from lifecourse.base.yaml import Document, load_document
from lifecourse.records.exposures.places import county_place, fips_place, zip_place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LAYOUTS = Path(__file__).parent / "layouts.yaml"
ENDINGS = (".csv", ".csv.gz")
UNIT = re.compile(r"^(?P<name>.*?)\s*\[(?P<unit>[^\]]+)\]$")
SCHEMA = {
    "place": pl.String(),
    "first_year": pl.Int32(),
    "last_year": pl.Int32(),
    "measure": pl.String(),
    "value": pl.Float32(),
    "unit": pl.String(),
    "row": pl.UInt32(),
}


class Measure(Document):
    """A column of numbers and their UCUM unit."""

    column: str
    unit: str


class Layout(Document):
    """Which columns of a table say where, when and how much; `years` [first, last] where no column says when."""

    name: str
    source: str
    county: str | None = None
    state: str | None = None
    fips: str | None = None
    zip: str | None = None
    located: str | None = None
    year: str | None = None
    years: tuple[int, int] | None = None
    missing: list[str] = Field(default_factory=list)
    measures: dict[str, Measure] = Field(default_factory=dict)

    @property
    def named(self) -> list[str]:
        """The columns that say where and when."""
        told = (self.county, self.state, self.fips, self.zip, self.located, self.year)
        return [name for name in told if name]

    def holds_for(self, columns: Sequence[str]) -> bool:
        """Whether a table with these columns is laid out so."""
        return {*self.named, *(m.column for m in self.measures.values())} <= set(columns)


class _Layouts(Document):
    layouts: list[Layout]


@cache
def layouts() -> tuple[Layout, ...]:
    """The layouts that are known."""
    return tuple(load_document(LAYOUTS, _Layouts).layouts)


def layout_of(path: Path) -> Layout | None:
    """The layout of the table in `path`; None where it is no table of exposures."""
    if not path.name.lower().endswith(ENDINGS):
        return None
    try:
        columns = pl.read_csv(path, n_rows=0, infer_schema=False).columns
    except (pl.exceptions.PolarsError, OSError, EOFError, UnicodeDecodeError):
        return None
    return next((layout for layout in layouts() if layout.holds_for(columns)), None)


def read_exposures(path: Path, layout: Layout) -> tuple[pl.DataFrame, dict[str, int]]:
    """The exposures in `path`, one row for each place, period and measure that has a number, and what was left out.

    Columns are those of `SCHEMA`; a county with both a FIPS code and a name has a row by each. Years are inclusive.

    Raises
    ------
    SourceError
        The table cannot be read.
    """
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError, EOFError, UnicodeDecodeError) as damage:
        raise SourceError(
            f"{path.name} cannot be read: cut short or no UTF-8 text. Export it again."
        ) from damage
    table = table.with_row_index("row", offset=1)
    measures = layout.measures or _further_measures(table.columns, layout)
    years = _years(layout)
    rows = table.with_columns(first_year=years[0], last_year=years[1])
    undated = rows.filter(pl.col("first_year").is_null()).height
    parts = []
    not_numbers = 0
    for name, measure in measures.items():
        text = pl.col(measure.column).str.strip_chars()
        told = rows.with_columns(text=text, value=text.cast(pl.Float32, strict=False)).filter(
            text.is_not_null() & (text != "") & ~text.is_in([*layout.missing, "NA", "NaN"])
        )
        good = told.filter(pl.col("value").is_finite() & pl.col("first_year").is_not_null())
        not_numbers += told.filter(~pl.col("value").is_finite().fill_null(False)).height
        parts += [
            good.select(
                place=place,
                first_year="first_year",
                last_year="last_year",
                measure=pl.lit(name),
                value="value",
                unit=pl.lit(measure.unit),
                row=pl.col("row").cast(pl.UInt32),
            ).filter(pl.col("place").is_not_null())
            for place in _places(layout, good)
        ]
    left_out = {
        "exposures that are no number, left out": not_numbers,
        "rows without a year, left out": undated,
    }
    whole = pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)
    return whole.cast(SCHEMA), {what: n for what, n in left_out.items() if n}  # type: ignore[arg-type]  # a Mapping is invariant in its keys


def _further_measures(columns: Sequence[str], layout: Layout) -> dict[str, Measure]:
    known = {*layout.named, "row", "fips", "county", "state", "zip", "year"}
    found = {}
    for column in columns:
        if column not in known:
            parts = UNIT.match(column)
            name, unit = (parts["name"], parts["unit"]) if parts else (column, "1")
            found[re.sub(r"\W+", "_", name.strip().lower())] = Measure(column=column, unit=unit)
    return found


def _years(layout: Layout) -> tuple[pl.Expr, pl.Expr]:
    if layout.years:
        return pl.lit(layout.years[0], pl.Int32), pl.lit(layout.years[1], pl.Int32)
    year = pl.col(layout.year or "").str.strip_chars().cast(pl.Int32, strict=False)
    return year, year


def _places(layout: Layout, rows: pl.DataFrame) -> list[pl.Series]:
    found = []
    if layout.fips:
        found.append(_named(rows, [layout.fips], fips_place))
    if layout.county and layout.state:
        if layout.located:  # "Baltimore city, Maryland" tells a city from a county of the same name
            whole = pl.col(layout.located).str.extract(r"^(.*),", 1)
            rows = rows.with_columns(pl.coalesce(whole, layout.county).alias(layout.county))
        found.append(_named(rows, [layout.state, layout.county], county_place))
    if layout.zip:
        found.append(_named(rows, [layout.zip], zip_place))
    return found


def _named(rows: pl.DataFrame, columns: list[str], name: Callable[..., str]) -> pl.Series:
    """The place of each row, each distinct name looked at once."""
    seen = rows.select(columns).unique()
    keys = [name(*told) if all(told) else None for told in seen.iter_rows()]
    plan = seen.with_columns(place=pl.Series(keys, dtype=pl.String))
    return rows.join(plan, on=columns, how="left", nulls_equal=True, maintain_order="left")["place"]
