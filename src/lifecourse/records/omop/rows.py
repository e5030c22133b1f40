"""Rows of OMOP tables as text, in chunks: from CSV (comma or tab, gzipped or not), Parquet or DuckDB."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.privacy.spilling import NO_SPILLING
from lifecourse.records.omop.tables import known
from lifecourse.records.separated import (
    Bad,
    header_of,
    opened,
    parse_block,
    record_blocks,
    record_cuts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

CHUNK_ROWS = 100_000
UNIT_ROWS = 200_000
DATABASES = (".duckdb", ".db", ".ddb")
_ENDING = re.compile(r"\.(csv|tsv|txt|parquet)(\.gz)?$")
_ORDER = re.compile(r"^\d+[a-z]?_")


def is_database(path: Path) -> bool:
    """Whether `path` is named as a DuckDB file."""
    return path.suffix.lower() in DATABASES


def table_of(path: Path) -> str | None:
    """The CDM table that `path` holds by its name or its folder's (``2b_concept.csv.gz``); None where none."""
    name = path.name.lower()
    if not _ENDING.search(name):
        return None
    for stem in (_ENDING.sub("", name), path.parent.name.lower()):
        for candidate in (stem, _ORDER.sub("", stem)):
            if known(candidate):
                return candidate
    return None


def read_chunks(
    path: Path,
    table: str,
    columns: tuple[str, ...],
    *,
    start: int = 0,
    end: int | None = None,
) -> Iterator[tuple[pl.DataFrame, Bad]]:
    """Chunks of `columns` as text with ``row``; columns it lacks are null.

    `start` and `end` are one of `ranges`: ``row`` counts from 1 within the table, in a range of bytes within the range.

    Raises
    ------
    SourceError
        The file cannot be read at all.
    """
    try:
        if is_database(path):
            yield from _database_chunks(path, table, columns)
        elif path.name.lower().endswith(".parquet"):
            yield from _parquet_chunks(path, columns, start, end)
        else:
            yield from _csv_chunks(path, columns, start, end)
    except (pl.exceptions.PolarsError, OSError, EOFError, UnicodeError) as broken:
        raise SourceError(
            f"{path.name} cannot be read as the OMOP table {table} ({type(broken).__name__})."
        ) from None


def ranges(path: Path) -> list[tuple[int, int | None]]:
    """Parts of a table that are read on their own: rows of Parquet, bytes of CSV; all of what cannot be cut.

    The cuts in a CSV file lie between records, as `read_chunks` would find them reading all of it.
    """
    name = path.name.lower()
    if is_database(path) or name.endswith(".gz"):
        return [(0, None)]
    if name.endswith(".parquet"):
        rows = _parquet_rows(path)
        return [(at, min(at + UNIT_ROWS, rows)) for at in range(0, max(rows, 1), UNIT_ROWS)]
    return list(pairwise(record_cuts(path))) or [(0, None)]


def counts_its_own(path: Path) -> bool:
    """Whether rows of a range are counted within it: nobody knows how many lines lie before some byte."""
    return not is_database(path) and not path.name.lower().endswith(".parquet")


def column_names(path: Path, table: str) -> list[str]:
    """The names of the columns, in lower case."""
    if is_database(path):
        with connected(path) as connection:
            return [name.lower() for name, _ in _described(connection, table)]
    if path.name.lower().endswith(".parquet"):
        return [name.lower() for name in pl.scan_parquet(path, glob=False).collect_schema()]
    with opened(path) as handle:
        return _header(handle)[0]


def connected(path: Path) -> Any:
    """A read-only connection to a DuckDB file."""
    import duckdb

    try:
        return duckdb.connect(str(path), read_only=True, config=dict(NO_SPILLING))
    except duckdb.Error:
        raise SourceError(f"{path.name} is not a DuckDB database that can be opened.") from None


def database_tables(path: Path) -> list[tuple[str, int]]:
    """The CDM tables of a DuckDB file and their numbers of rows, sorted by name."""
    with connected(path) as connection:
        found = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2"
        ).fetchall()
        names = sorted({name.lower() for _, name in found if known(name.lower())})
        return [(name, _count(connection, name)) for name in names]


def _place(connection: Any, table: str) -> str:
    schema, name = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables"
        " WHERE lower(table_name) = ? ORDER BY 1, 2",
        [table],
    ).fetchone()
    return f'"{schema}"."{name}"'


def _count(connection: Any, table: str) -> int:
    place = _place(connection, table)
    return int(connection.execute(f"SELECT count(*) FROM {place}").fetchone()[0])  # noqa: S608 - quoted name


def _described(connection: Any, table: str) -> list[tuple[str, str]]:
    rows = connection.execute(f"DESCRIBE {_place(connection, table)}").fetchall()
    return [(row[0], row[1]) for row in rows]


def _database_chunks(
    path: Path, table: str, columns: tuple[str, ...]
) -> Iterator[tuple[pl.DataFrame, Bad]]:
    with connected(path) as connection:
        there = {name.lower(): name for name, _ in _described(connection, table)}
        wanted = [name for name in columns if name in there]
        chosen = ", ".join(f'CAST("{there[name]}" AS VARCHAR)' for name in wanted) or "NULL"
        query = f"SELECT {chosen} FROM {_place(connection, table)}"  # noqa: S608 - quoted names
        cursor = connection.execute(query)
        start = 1
        schema = dict.fromkeys(wanted or ["nothing"], pl.String)
        while rows := cursor.fetchmany(CHUNK_ROWS):
            chunk = pl.DataFrame(rows, schema=schema, orient="row")
            yield conformed(chunk, columns, start), Bad()
            start += chunk.height


def _parquet_rows(path: Path) -> int:
    try:
        return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError):
        return 0  # reading it says what is wrong


def _parquet_chunks(
    path: Path, columns: tuple[str, ...], first: int, last: int | None
) -> Iterator[tuple[pl.DataFrame, Bad]]:
    scan = pl.scan_parquet(path, glob=False)
    there = {name.lower(): name for name in scan.collect_schema()}
    wanted = [pl.col(there[n]).cast(pl.String).alias(n) for n in columns if n in there]
    rows = int(scan.select(pl.len()).collect().item())
    stop = rows if last is None else last
    for start in range(first, stop, CHUNK_ROWS):
        chunk = scan.slice(start, min(CHUNK_ROWS, stop - start))
        table = chunk.select(wanted or [pl.col(next(iter(there.values()))).alias("nothing")])
        yield conformed(table.collect(), columns, start + 1), Bad()


def conformed(chunk: pl.DataFrame, columns: tuple[str, ...], start: int) -> pl.DataFrame:
    """`columns` of `chunk`, null where it lacks them, and ``row`` counted from `start`."""
    lacking = [pl.lit(None, pl.String).alias(n) for n in columns if n not in chunk.columns]
    numbered = chunk.with_columns(
        *lacking, pl.int_range(start, start + pl.len(), dtype=pl.UInt32).alias("row")
    )
    return numbered.select("row", *columns)


# -- CSV ---------------------------------------------------------------------------------------------------


def _header(handle: BinaryIO) -> tuple[list[str], str]:
    names, separator = header_of(handle)
    return [name.lower() for name in names], separator


def _csv_chunks(
    path: Path, columns: tuple[str, ...], start: int, end: int | None
) -> Iterator[tuple[pl.DataFrame, Bad]]:
    with opened(path) as handle:
        names, separator = _header(handle)
        if not names:
            return
        part = handle
        if end is not None:
            handle.seek(start)
            part = cast("BinaryIO", io.BytesIO(handle.read(end - start)))
        wanted = [name for name in columns if name in names]
        lacking = [pl.lit(None, pl.String).alias(n) for n in columns if n not in names]
        row = 1
        # A range is of whole records already, and small.
        blocks = record_blocks(part) if end is None else filter(bytes.strip, [part.read()])
        for block in blocks:
            chunk, bad = parse_block(block, names, wanted, separator, row)
            row += chunk.height + len(bad)
            yield from sliced(chunk.with_columns(lacking).select("row", *columns), bad)


def sliced(chunk: pl.DataFrame, bad: Bad) -> Iterator[tuple[pl.DataFrame, Bad]]:
    """`chunk` in pieces of at most `CHUNK_ROWS`; `bad` go with the first."""
    if not chunk.height:
        yield chunk, bad
    for start in range(0, chunk.height, CHUNK_ROWS):
        yield chunk.slice(start, CHUNK_ROWS), bad if start == 0 else Bad()
