"""The OMOP source: its tables, wherever they lie, as batches of events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.records.omop.addresses import HISTORY, LOCATION_COLUMNS, places_of
from lifecourse.records.omop.concepts import Concepts
from lifecourse.records.omop.events import read_events
from lifecourse.records.omop.files import FilePacking
from lifecourse.records.omop.packing import Packing, Part, Table
from lifecourse.records.omop.persons import people_of
from lifecourse.records.omop.postgres import PostgresPacking, is_postgres
from lifecourse.records.omop.reading import Reading
from lifecourse.records.omop.tables import (
    CLINICAL,
    CONCEPT_COLUMNS,
    LOCATION,
    OTHERS,
    PERSON,
    columns_of,
    required_columns,
)
from lifecourse.records.separated import Bad
from lifecourse.records.source import Batch, SourceFile, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class OmopSource:
    """An OMOP CDM 5.3 or 5.4 in `path`: a folder of CSV (.gz) or Parquet, a DuckDB file, or the settings of a server.

    timezone : IANA name of the zone of times without an offset
    issuer : who gave the person ids
    """

    path: Path
    timezone: str = "UTC"
    issuer: str = "omop"
    kind: str = "omop"
    rests_on_store: bool = False

    @cached_property
    def _packing(self) -> Packing:
        return PostgresPacking(self.path) if is_postgres(self.path) else FilePacking(self.path)

    @cached_property
    def _tables(self) -> list[Table]:
        return self._packing.tables()

    def files(self) -> list[SourceFile]:
        """The files of the tables, sorted by name."""
        return list({table.file.index: table.file for table in self._tables}.values())

    def units(self) -> list[Unit]:
        """Each table in parts of about 200,000 rows, where it can be cut; `options` say what holds of all its parts."""
        return [
            Unit(
                file=table.file,
                start=part.start,
                end=part.end,
                continues=part.continues,
                options=(
                    ("table", table.name),
                    ("before", table.before),
                    ("is_dated", is_dated),
                ),
            )
            for table in self._tables
            for is_dated in (self._is_dated(table),)
            for part in self._packing.parts(table)
        ]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The rows of a part of a table in batches of at most about 100,000 events.

        Raises
        ------
        SourceError
            The file is not what its name says.
        """
        table = _table(unit)
        name = table.name
        there = self._packing.column_names(table)
        lacking = name not in OTHERS and not set(required_columns(name)) <= set(there)
        if name in OTHERS or lacking:
            yield from _counted(self._chunks(unit, ()), unit, name, lacking=lacking)
            return
        reading = Reading(
            table=name,
            file_index=unit.file.index,
            row_base=table.before,
            timezone=self.timezone,
            is_dated=bool(dict(unit.options)["is_dated"]),
            people=None if name == PERSON else self._people,
            concepts=self._concepts,
            places=self._places if name in (PERSON, HISTORY) else {},
            has_moves=any(other.name == HISTORY for other in self._tables),
        )
        for rows, bad in self._chunks(unit, columns_of(name)):
            yield _batch(rows, bad, reading, unit)
        yield Batch(concepts=self._concepts.named())

    def close(self) -> None:
        """Give up the connection of a server."""
        self._packing.close()

    def _chunks(self, unit: Unit, columns: tuple[str, ...]) -> Iterator[tuple[pl.DataFrame, Bad]]:
        part = Part(start=unit.start, end=unit.end, continues=unit.continues)
        return self._packing.chunks(_table(unit), columns, part)

    def _is_dated(self, table: Table) -> bool:
        """Whether no row has a time of day: datetimes are absent or all midnight."""
        if table.name not in CLINICAL:
            return False
        column = f"{CLINICAL[table.name].start}_datetime"
        if column not in self._packing.column_names(table):
            return True
        return not self._packing.has_clocks(table, column)

    def _whole(self, name: str, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        """The rows of every table of that name."""
        for table in self._tables:
            if table.name == name:
                for rows, _bad in self._packing.chunks(table, columns, Part()):
                    yield rows

    def row(self, file: SourceFile, number: int) -> str | None:
        """Row `number` of a table's file as a JSON object; of a database's, rows of the tables before it count too."""
        before = [t for t in self._tables if t.file == file and t.before < number]
        if not before:
            return None
        table = before[-1]
        names = tuple(self._packing.column_names(table))
        for rows, _bad in self._packing.chunks(table, names, Part()):
            found = rows.filter(pl.col("row") == number - table.before)
            if found.height:
                return str(found.drop("row").write_ndjson()).strip()
        return None

    @cached_property
    def _concepts(self) -> Concepts:
        rows = self._whole("concept", CONCEPT_COLUMNS)
        return Concepts(part.select(CONCEPT_COLUMNS) for part in rows)

    @cached_property
    def _places(self) -> dict[str, list[str]]:
        return places_of(self._whole(LOCATION, LOCATION_COLUMNS))

    @cached_property
    def _people(self) -> pl.Series | None:
        """The ids of the person table; None where the source has none, so that nothing can be checked."""
        if not any(table.name == PERSON for table in self._tables):
            return None
        return people_of(self._whole(PERSON, ("person_id",)))

    def __getstate__(self) -> dict[str, object]:
        """Only what names the source: caches are made anew in each process."""
        return {
            "path": self.path,
            "timezone": self.timezone,
            "issuer": self.issuer,
            "kind": self.kind,
            "_packing": self._packing,
        }

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take the fields."""
        self.__dict__.update(state)


def _table(unit: Unit) -> Table:
    options = dict(unit.options)
    return Table(file=unit.file, name=str(options["table"]), before=int(options["before"]))


def _batch(rows: pl.DataFrame, bad: Bad, reading: Reading, unit: Unit) -> Batch:
    read = read_events(rows, reading)
    rejects = _rejects(read.rejected, rows, unit)
    if bad:
        before = _table(unit).before
        malformed = pl.DataFrame(
            [(unit.file.name, before + n, "malformed row", raw) for n, raw in bad],
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
        source_row=(pl.col("row") + _table(unit).before).cast(pl.UInt32),
        raw=pl.concat_str(texts, separator=","),
    )
    return rejected.join(raw, on="source_row", how="left", maintain_order="left").select(
        file=pl.lit(unit.file.name), row="source_row", reason="reason", raw="raw"
    )


def _counted(
    chunks: Iterator[tuple[pl.DataFrame, Bad]], unit: Unit, table: str, *, lacking: bool
) -> Iterator[Batch]:
    """The rows of a table that says nothing of people, or that lacks the columns it would need."""
    before = _table(unit).before
    for rows, bad in chunks:
        total = rows.height + len(bad)
        if not lacking:
            yield Batch(rows_read=total, reference_rows={table: total} if total else {})
            continue
        numbers = [*rows["row"].to_list(), *(number for number, _ in bad)]
        rejects = pl.DataFrame(
            [(unit.file.name, before + n, "table lacks its columns", None) for n in numbers],
            schema=_REJECTS,
            orient="row",
        )
        yield Batch(rejects=rejects, rows_read=total)
