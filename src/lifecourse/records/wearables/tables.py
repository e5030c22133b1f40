"""Readings in tables (CSV, TSV; gzipped too): the exports of devices, and ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.records.separated import header_of, opened, parse_block, record_blocks
from lifecourse.records.series.readings import REJECTS, TOLD, Class, Read, judged
from lifecourse.records.times import parse_moment
from lifecourse.records.wearables.layouts import Layout, layouts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from lifecourse.records.source import SourceFile

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
MOST_LINES_BEFORE_HEADER = 5
DAY_OR_MONTH_FIRST = (
    r"^\s*(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})[ T](\d{1,2}:\d{2}(?::\d{2})?)\s*([AaPp][Mm])?\s*$"
)
OFFSET = r"\d(Z|UTC|[+-]\d{2}:?\d{2})\s*$"
DAY_FIRST, MONTH_FIRST = "day first", "month first"


def layout_of(path: Path) -> Layout | None:
    """The layout of the table of readings in `path`; None where it is none."""
    if not path.name.lower().endswith(ENDINGS):
        return None
    try:
        with opened(path) as handle:
            found = _header(handle)
    except (OSError, EOFError):
        return None
    return found[0] if found else None


def read_table(
    file: SourceFile, person: str | None, order: str | None, people: Class
) -> Iterator[Read]:
    """The readings of some `people` in `file`, a few MB of it at a time; `person` where no column names one.

    order : what the numbers of dates like 03-04-2024 are (`date_order`)
    """
    with opened(file.path) as handle:
        found = _header(handle)
        if found is None:
            raise SourceError(
                f"{file.name} has none of the columns of a table of readings. Export it again."
            )
        layout, names, separator = found
        wanted = layout.columns(names)
        start = 1
        for block in record_blocks(handle):
            table, bad = parse_block(block, names, wanted, separator, start)
            start += table.height + len(bad)
            aside = pl.DataFrame(
                [(file.name, row, "malformed row", raw) for row, raw in bad],
                schema=REJECTS,
                orient="row",
            )
            if person is None and not people.has(None):
                aside = aside.clear()
            yield _read(table, layout, file, person, order, people, aside)


def date_order(file: SourceFile) -> str | None:
    """`DAY_FIRST` or `MONTH_FIRST` for dates like 03-04-2024; None where the file has none, or leaves it open.

    A number above 12 decides, else the order by which all readings lie closer together, else a clock with AM or PM.
    """
    seen: set[tuple[int, int, int]] = set()
    has_halves = False
    with opened(file.path) as handle:
        found = _header(handle)
        if found is None:
            return None
        layout, names, separator = found
        for block in record_blocks(handle):
            table, _ = parse_block(block, names, [layout.time], separator, 1)
            groups = table[layout.time].str.extract_groups(DAY_OR_MONTH_FIRST).struct.unnest()
            has_halves |= groups["5"].null_count() < groups.height
            numbers = groups.select(pl.col("1", "2", "3").cast(pl.Int64)).drop_nulls().unique()
            seen |= set(numbers.iter_rows())
    return _order_of(seen, has_halves=has_halves)


def _order_of(seen: set[tuple[int, int, int]], *, has_halves: bool) -> str | None:
    if any(first > 12 for first, _, _ in seen):
        return DAY_FIRST
    if any(second > 12 for _, second, _ in seen):
        return MONTH_FIRST
    if not seen:
        return None
    # A month of 31 days keeps the order of dates, and is long enough to tell which are close.
    day_first = [(year * 12 + second) * 31 + first for first, second, year in seen]
    month_first = [(year * 12 + first) * 31 + second for first, second, year in seen]
    spans = max(day_first) - min(day_first), max(month_first) - min(month_first)
    if spans[0] == spans[1]:
        return MONTH_FIRST if has_halves else None
    return DAY_FIRST if spans[0] < spans[1] else MONTH_FIRST


def _header(handle: BinaryIO) -> tuple[Layout, list[str], str] | None:
    """The layout, column names and separator of a table: its header may follow lines about the export."""
    for _ in range(MOST_LINES_BEFORE_HEADER):
        names, separator = header_of(handle)
        if not names:
            return None
        distinct = [name or f"column {place}" for place, name in enumerate(names)]
        if len(set(distinct)) < len(distinct):
            continue
        for spelled in spellings(distinct):
            layout = next((each for each in layouts() if each.holds_for(spelled)), None)
            if layout is not None:
                return layout, spelled, separator
    return None


def spellings(names: list[str]) -> list[list[str]]:
    """Column names as they stand, and in small letters."""
    return [names, [name.lower() for name in names]]


def _read(
    table: pl.DataFrame,
    layout: Layout,
    file: SourceFile,
    person: str | None,
    order: str | None,
    people: Class,
    aside: pl.DataFrame,
) -> Read:
    others: dict[str, int] = {}
    if layout.where:
        is_reading = pl.all_horizontal(
            pl.col(column).str.strip_chars() == value for column, value in layout.where.items()
        ).fill_null(False)
        n_others = table.select((~is_reading).sum()).item()
        others = {f"{layout.name} row that is no reading": int(n_others)} if n_others else {}
        table = table.filter(is_reading)
    told = _told(_theirs(table, layout, people), layout, person, order)
    readings, rejects = judged(told, layout.words, file.index, file.name)
    return Read(readings=readings, rejects=pl.concat([aside, rejects]), others=others)


def _theirs(table: pl.DataFrame, layout: Layout, people: Class) -> pl.DataFrame:
    """The rows of those `people`, where a column names them."""
    if layout.subject is None:
        return table
    subject = pl.col(layout.subject).str.strip_chars()
    return people.those_of(table.with_columns(subject_key=subject)).drop("subject_key")


def _told(
    table: pl.DataFrame, layout: Layout, person: str | None, order: str | None
) -> pl.DataFrame:
    def column(name: str | None) -> pl.Expr:
        there = name is not None and name in table.columns
        return pl.col(str(name)) if there else pl.lit(None, pl.String)

    time = pl.col(layout.time)
    has_offset = time.str.contains(OFFSET)
    written = parse_moment(time.str.replace_all("/", "-"), "UTC")
    local = pl.coalesce(written, _by_order(time, order)) if order else written
    subject = pl.col(layout.subject).str.strip_chars() if layout.subject else pl.lit(person)
    base = table.with_columns(
        subject_key=subject,
        local=pl.when(~has_offset).then(local),
        instant=pl.when(has_offset).then(written),
        told_device=column(layout.device),
    )
    shared = ("subject_key", "local", "instant", "row")
    if layout.values:
        parts = [
            base.select(
                *shared, device="told_device", measure=pl.lit(measure), unit=pl.lit(unit), value=name
            )
            for name, (measure, unit) in layout.values.items()
            if name in table.columns
        ]  # fmt: skip
        # Where a table has both units, one of them is empty; a row with neither is one without a value.
        whole = parts[0] if len(parts) == 1 else _first_told(parts)
    else:
        whole = base.select(
            *shared,
            device="told_device",
            measure=column(layout.measure),
            unit=column(layout.unit),
            value=column(layout.value),
        )
    return whole.select(pl.col(name).cast(kind) for name, kind in TOLD.items())


def _first_told(parts: list[pl.DataFrame]) -> pl.DataFrame:
    stacked = pl.concat(parts)
    told = pl.col("value").is_not_null() & (pl.col("value").str.strip_chars() != "")
    return stacked.sort("row", told, descending=[False, True], maintain_order=True).unique(
        "row", keep="first", maintain_order=True
    )


def _by_order(time: pl.Expr, order: str) -> pl.Expr:
    """The local time of ``03-04-2024 05:06 PM``; null for other forms."""
    groups = time.str.extract_groups(DAY_OR_MONTH_FIRST)
    first, second, year = (
        groups.struct.field(str(n)).cast(pl.Int32, strict=False) for n in (1, 2, 3)
    )
    day, month = (first, second) if order == DAY_FIRST else (second, first)
    clock = groups.struct.field("4").str.split(":").list
    hour, minute = clock.get(0).cast(pl.Int32), clock.get(1).cast(pl.Int32)
    seconds = clock.get(2, null_on_oob=True).cast(pl.Int32).fill_null(0)
    half = groups.struct.field("5").str.to_lowercase()
    whole = (
        pl.when(half.is_null())
        .then(hour)
        .otherwise(hour % 12 + pl.when(half == "pm").then(12).otherwise(0))
    )
    text = pl.format(
        "{}-{}-{} {}:{}:{}", year, _two(month), _two(day), _two(whole), _two(minute), _two(seconds)
    )  # fmt: skip
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)


def _two(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.String).str.zfill(2)
