"""Where the tables of an OMOP source lie and how their rows are read as text: what each packing offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from lifecourse.records.separated import Bad
    from lifecourse.records.source import SourceFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the CDM, or a part of one: where it lies and the rows that come before it in its file."""

    file: SourceFile
    name: str
    before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A run of rows of a table that is read on its own; `continues` as of `records.source.Unit`."""

    start: int = 0
    end: int | None = None
    continues: bool = False


class Packing(Protocol):
    """Tables in files, in a database in a file, or on a server; picklable."""

    def tables(self) -> list[Table]:
        """The tables that are there, in the order of their files."""

    def column_names(self, table: Table) -> list[str]:
        """The names of the columns, in lower case."""

    def parts(self, table: Table) -> list[Part]:
        """The parts of `table`, each small; together every row once."""

    def chunks(
        self, table: Table, columns: tuple[str, ...], part: Part
    ) -> Iterator[tuple[pl.DataFrame, Bad]]:
        """Chunks of `columns` as text with ``row``, counted from 1 in the table or, where it continues, in the part."""

    def has_clocks(self, table: Table, column: str) -> bool:
        """Whether any value of `column` names a time of day: else they are dates spelled longer."""

    def close(self) -> None:
        """Give up what is held open while the source is read."""
