"""The OMOP source: which file is which table, and its rows as batches of events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.records.omop.concepts import Concepts
from lifecourse.records.omop.events import Reading, people_of, read_events
from lifecourse.records.omop.rows import (
    Bad,
    column_names,
    counts_its_own,
    database_tables,
    is_database,
    ranges,
    read_chunks,
    table_of,
)
from lifecourse.records.omop.tables import (
    CLINICAL,
    CONCEPT_COLUMNS,
    OTHERS,
    PERSON,
    columns_of,
    required_columns,
)
from lifecourse.records.omop.times import has_clock
from lifecourse.records.source import Batch, SourceFile, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class OmopSource:
    """An OMOP CDM 5.3 or 5.4 in `path`: a folder of CSV (.gz) or Parquet, or a DuckDB file.

    timezone : IANA name of the zone of times without an offset
    issuer : who gave the person ids
    """

    path: Path
    timezone: str = "UTC"
    issuer: str = "omop"
    kind: str = "omop"

    @cached_property
    def _files(self) -> list[SourceFile]:
        whole = self.path.is_file()
        root = self.path.parent if whole else self.path
        found = [self.path] if whole else [p for p in self.path.rglob("*") if p.is_file()]
        named = sorted(
            (path.relative_to(root).as_posix(), path)
            for path in found
            if is_database(path) or table_of(path) is not None
        )
        if not named:
            raise SourceError(
                f"'{self.path.name}' has no OMOP table. Looked for person.csv, person.csv.gz, "
                "person.parquet and the other tables of the CDM, or a DuckDB file."
            )
        return [
            SourceFile(index=i, path=path, name=name, size_bytes=path.stat().st_size)
            for i, (name, path) in enumerate(named)
        ]

    @cached_property
    def _tables(self) -> list[tuple[SourceFile, str, int]]:
        """File, table, and the rows that come before it in the file (of a database with many tables)."""
        tables = []
        for file in self._files:
            if not is_database(file.path):
                tables.append((file, table_of(file.path) or "", 0))
                continue
            before = 0
            for name, rows in database_tables(file.path):
                tables.append((file, name, before))
                before += rows
        return tables

    def files(self) -> list[SourceFile]:
        """The files of the tables, sorted by name."""
        return self._files

    def units(self) -> list[Unit]:
        """Each table in parts of about 200,000 rows, where it can be cut; `options` say what holds of all its parts."""
        return [
            Unit(
                file=file,
                start=start,
                end=end,
                continues=number > 0 and counts_its_own(file.path),
                options=(("table", table), ("before", before), ("is_dated", is_dated)),
            )
            for file, table, before in self._tables
            for is_dated in (_is_dated(file.path, table),)
            for number, (start, end) in enumerate(ranges(file.path))
        ]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The rows of a part of a table in batches of at most about 100,000 events.

        Raises
        ------
        SourceError
            The file is not what its name says.
        """
        table = _table(unit)
        there = column_names(unit.file.path, table)
        lacking = table not in OTHERS and not set(required_columns(table)) <= set(there)
        if table in OTHERS or lacking:
            yield from _counted(unit, table, lacking=lacking)
            return
        reading = Reading(
            table=table,
            file_index=unit.file.index,
            row_base=_before(unit),
            timezone=self.timezone,
            is_dated=bool(dict(unit.options)["is_dated"]),
            people=None if table == PERSON else self._people,
            concepts=self._concepts,
        )
        for rows, bad in _chunks(unit, columns_of(table)):
            yield _batch(rows, bad, reading, unit)
        yield Batch(concepts=self._concepts.named())

    @cached_property
    def _concepts(self) -> Concepts:
        return Concepts(
            rows.select(CONCEPT_COLUMNS)
            for file, table, _ in self._tables
            if table == "concept"
            for rows, _bad in read_chunks(file.path, table, CONCEPT_COLUMNS)
        )

    @cached_property
    def _people(self) -> pl.Series | None:
        """The ids of the person table; None where the source has none, so that nothing can be checked."""
        places = [file.path for file, table, _ in self._tables if table == PERSON]
        if not places:
            return None
        return people_of(
            rows for path in places for rows, _bad in read_chunks(path, PERSON, ("person_id",))
        )

    def __getstate__(self) -> dict[str, object]:
        """Only what names the source: caches are made anew in each process."""
        return {
            "path": self.path,
            "timezone": self.timezone,
            "issuer": self.issuer,
            "kind": self.kind,
        }

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take the fields."""
        self.__dict__.update(state)


def _table(unit: Unit) -> str:
    return str(dict(unit.options)["table"])


def _before(unit: Unit) -> int:
    """Rows that come before the table in its file."""
    return int(dict(unit.options)["before"])


def _chunks(unit: Unit, columns: tuple[str, ...]) -> Iterator[tuple[pl.DataFrame, Bad]]:
    return read_chunks(unit.file.path, _table(unit), columns, start=unit.start, end=unit.end)


def _batch(rows: pl.DataFrame, bad: Bad, reading: Reading, unit: Unit) -> Batch:
    read = read_events(rows, reading)
    rejects = _rejects(read.rejected, rows, unit)
    if bad:
        malformed = pl.DataFrame(
            [(unit.file.name, _before(unit) + n, "malformed row", raw) for n, raw in bad],
            schema=_REJECTS,
            orient="row",
        )
        rejects = pl.concat([rejects, malformed])
    return Batch(
        events=read.events,
        rejects=rejects,
        identities=read.identities,
        rows_read=rows.height + len(bad),
        counts=read.counts,
    )


_REJECTS = {"file": pl.String, "row": pl.UInt32, "reason": pl.String, "raw": pl.String}


def _rejects(rejected: pl.DataFrame, rows: pl.DataFrame, unit: Unit) -> pl.DataFrame:
    if not rejected.height:
        return pl.DataFrame(schema=_REJECTS)
    texts = [pl.col(name).fill_null("") for name in rows.columns if name != "row"]
    raw = rows.select(
        source_row=(pl.col("row") + _before(unit)).cast(pl.UInt32),
        raw=pl.concat_str(texts, separator=","),
    )
    return rejected.join(raw, on="source_row", how="left", maintain_order="left").select(
        file=pl.lit(unit.file.name), row="source_row", reason="reason", raw="raw"
    )


def _counted(unit: Unit, table: str, *, lacking: bool) -> Iterator[Batch]:
    """The rows of a table that says nothing of people, or that lacks the columns it would need."""
    for rows, bad in _chunks(unit, ()):
        total = rows.height + len(bad)
        if not lacking:
            yield Batch(rows_read=total, reference_rows={table: total} if total else {})
            continue
        numbers = [*rows["row"].to_list(), *(number for number, _ in bad)]
        rejects = pl.DataFrame(
            [(unit.file.name, _before(unit) + n, "table lacks its columns", None) for n in numbers],
            schema=_REJECTS,
            orient="row",
        )
        yield Batch(rejects=rejects, rows_read=total)


def _is_dated(path: Path, table: str) -> bool:
    """Whether no row has a time of day: datetimes are absent or all midnight. The first rows nearly always tell."""
    if table not in CLINICAL:
        return False
    column = f"{CLINICAL[table].start}_datetime"
    if column not in column_names(path, table):
        return True
    moments = pl.col(column)
    return not any(
        bool(part.select(moments.unique()).select(has_clock(moments).any()).item())
        for rows, _ in read_chunks(path, table, (column,))
        for part in (rows.head(1000), rows.slice(1000))
    )
