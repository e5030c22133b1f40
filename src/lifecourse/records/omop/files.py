"""The tables of an OMOP source in files: a folder of CSV or Parquet, or one DuckDB database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecourse.base.errors import SourceError
from lifecourse.records.files import files_in, listed
from lifecourse.records.omop.packing import Part, Table
from lifecourse.records.omop.rows import (
    column_names,
    counts_its_own,
    database_tables,
    is_database,
    ranges,
    read_chunks,
    table_of,
)
from lifecourse.records.separated import Bad
from lifecourse.records.source import SourceFile
from lifecourse.records.times import has_clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl


@dataclass(frozen=True, slots=True)
class FilePacking:
    """The tables in the folder or file `path`."""

    path: Path

    def tables(self) -> list[Table]:
        """The tables by the names of their files; those of a database in the order of their names.

        Raises
        ------
        SourceError
            There is no table of the CDM.
        """
        tables = []
        for file in self._files():
            if not is_database(file.path):
                tables.append(Table(file=file, name=table_of(file.path) or ""))
                continue
            before = 0
            for name, rows in database_tables(file.path):
                tables.append(Table(file=file, name=name, before=before))
                before += rows
        return tables

    def _files(self) -> list[SourceFile]:
        named = [p for p in files_in(self.path) if is_database(p) or table_of(p) is not None]
        if not named:
            raise SourceError(
                f"'{self.path.name}' has no OMOP table. Looked for person.csv, person.csv.gz, "
                "person.parquet and the other tables of the CDM, or a DuckDB file."
            )
        return listed(sorted(named, key=str), within=self.path)

    def column_names(self, table: Table) -> list[str]:
        """The names of the columns, in lower case."""
        return column_names(table.file.path, table.name)

    def parts(self, table: Table) -> list[Part]:
        """Parts of about 200,000 rows, where the file can be cut."""
        continues = counts_its_own(table.file.path)
        return [
            Part(start=start, end=end, continues=number > 0 and continues)
            for number, (start, end) in enumerate(ranges(table.file.path))
        ]

    def chunks(
        self, table: Table, columns: tuple[str, ...], part: Part
    ) -> Iterator[tuple[pl.DataFrame, Bad]]:
        """Chunks of at most 100,000 rows."""
        path = table.file.path
        return read_chunks(path, table.name, columns, start=part.start, end=part.end)

    def has_clocks(self, table: Table, column: str) -> bool:
        """Whether any row has a time of day; the first rows nearly always tell."""
        import polars as pl

        moments = pl.col(column)
        return any(
            bool(part.select(moments.unique()).select(has_clock(moments).any()).item())
            for rows, _ in self.chunks(table, (column,), Part())
            for part in (rows.head(1000), rows.slice(1000))
        )

    def close(self) -> None:
        """Nothing is held open."""
