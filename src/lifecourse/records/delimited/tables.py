"""Rows of tables as text: CSV, TSV and other separated text, gzipped or not, and Parquet, whole or in parts."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.records.delimited.tree import cell
from lifecourse.records.separated import (
    header_of,
    opened,
    parse_block,
    record_blocks,
    record_cuts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

PARQUET = (".parquet", ".par")
MALFORMED = "malformed row"
GARBLED = "letters that are not of the table's encoding"
UTF8 = ("utf-8", "utf8", "utf-8-sig")
SEPARATED = (".csv", ".tsv", ".txt")
ENDINGS = (*PARQUET, *(f"{ending}{packed}" for ending in SEPARATED for packed in ("", ".gz")))
CHUNK_ROWS = 100_000
UNIT_ROWS = 500_000
SAMPLE_BYTES = 256 << 10
EXPANSION_OF_GZIP = 8


def is_table(path: Path) -> bool:
    """Whether `path` is named as a table."""
    return path.name.lower().endswith(ENDINGS)


def stem_of(name: str) -> str:
    """`name` without its ending."""
    ending = max((e for e in ENDINGS if name.lower().endswith(e)), key=len, default="")
    return name[: len(name) - len(ending)]


def is_parquet(path: Path) -> bool:
    """Whether `path` is named as Parquet."""
    return path.name.lower().endswith(PARQUET)


class LaidAside(list[tuple[int, str, str]]):
    """Rows that cannot be read: number from 1, reason, raw text."""


def column_names(path: Path, encoding: str = "utf-8") -> list[str]:
    """The names of the columns."""
    if is_parquet(path):
        return pl.scan_parquet(path, glob=False).collect_schema().names()
    with opened(path) as handle:
        return _header(handle, encoding)[0]


def estimated_rows(path: Path) -> int:
    """About how many rows there are, from the file's size and first lines."""
    if is_parquet(path):
        return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
    with opened(path) as handle:
        sample = handle.read(SAMPLE_BYTES)
    lines = sample.count(b"\n")
    if len(sample) < SAMPLE_BYTES:
        return lines
    size = path.stat().st_size * (EXPANSION_OF_GZIP if path.suffix.lower() == ".gz" else 1)
    return size * lines // len(sample)


def ranges(path: Path) -> list[tuple[int, int | None]]:
    """Parts that are read on their own: rows of Parquet, bytes of text; all of what is packed."""
    if is_parquet(path):
        rows = estimated_rows(path)
        return [(at, min(at + UNIT_ROWS, rows)) for at in range(0, max(rows, 1), UNIT_ROWS)]
    if path.suffix.lower() == ".gz":
        return [(0, None)]
    return list(pairwise(record_cuts(path))) or [(0, None)]


def read_chunks(
    path: Path,
    columns: Sequence[str],
    *,
    encoding: str = "utf-8",
    start: int = 0,
    end: int | None = None,
) -> Iterator[tuple[pl.DataFrame, LaidAside]]:
    """Chunks of `columns` as text, each called by its `cell`, with ``row``; and the rows that cannot be read.

    `start` and `end` are one of `ranges`; ``row`` counts from 1 in the file, in a range of bytes within the range.
    """
    if is_parquet(path):
        yield from _parquet_chunks(path, columns, start, end)
    else:
        yield from _text_chunks(path, columns, encoding, start, end)


def read_whole(path: Path, columns: Sequence[str], *, encoding: str = "utf-8") -> pl.DataFrame:
    """`columns` of all rows as text, each called by its `cell`, for a table to look things up in."""
    chunks = [chunk for chunk, _ in read_chunks(path, columns, encoding=encoding)]
    cells = dict.fromkeys(map(cell, columns), pl.String)
    empty = pl.DataFrame(schema={"row": pl.UInt32, **cells})
    return pl.concat([empty, *chunks])


def read_row(path: Path, number: int, *, encoding: str = "utf-8") -> str | None:
    """Row `number` as a JSON object."""
    names = column_names(path, encoding)
    for chunk, bad in read_chunks(path, names, encoding=encoding):
        found = chunk.filter(pl.col("row") == number)
        if found.height:
            whole = found.select(pl.col(cell(name)).alias(name) for name in names)
            return str(whole.write_ndjson()).strip()
        for place, _, raw in bad:
            if place == number:
                return raw
    return None


def _parquet_chunks(
    path: Path, columns: Sequence[str], start: int, end: int | None
) -> Iterator[tuple[pl.DataFrame, LaidAside]]:
    scan = pl.scan_parquet(path, glob=False)
    schema = scan.collect_schema()
    stop = estimated_rows(path) if end is None else end
    wanted = [_as_text(name, schema[name]) for name in columns]
    for at in range(start, stop, CHUNK_ROWS):
        rows = scan.slice(at, min(CHUNK_ROWS, stop - at)).select(wanted).collect()
        yield rows.with_row_index("row", offset=at + 1), LaidAside()


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind.is_float():
        # A column of ids with gaps was made of floats by pandas: 220045.0 is the id 220045.
        whole = column.cast(pl.Int64, strict=False)
        text = pl.when(column == whole).then(whole.cast(pl.String))
        return text.otherwise(column.cast(pl.String)).alias(cell(name))
    if isinstance(kind, pl.Datetime):
        if kind.time_zone:
            column = column.dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ")
        else:
            column = column.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f")
        return column.alias(cell(name))
    if kind.is_nested():
        raise SourceError(
            f"column {name} is a {kind.base_type()}, and a table's values are single ones. Unnest it first."
        )
    return column.cast(pl.String).alias(cell(name))


def _text_chunks(
    path: Path, columns: Sequence[str], encoding: str, start: int, end: int | None
) -> Iterator[tuple[pl.DataFrame, LaidAside]]:
    with opened(path) as handle:
        header, separator = _header(handle, encoding)
        if not header:
            return
        names, wanted = ([cell(name) for name in each] for each in (header, columns))
        part = handle
        if end is not None:
            handle.seek(start)
            part = cast("BinaryIO", io.BytesIO(handle.read(end - start)))
        row = 1
        blocks = record_blocks(part) if end is None else filter(bytes.strip, [part.read()])
        for block in blocks:
            text, is_whole = _utf8(block, encoding)
            chunk, bad = parse_block(text, names, wanted, separator, row)
            row += chunk.height + len(bad)
            aside = LaidAside((number, MALFORMED, raw) for number, raw in bad)
            chunk = chunk.select("row", *wanted)
            if not is_whole:
                chunk = _without_garbled(chunk, aside)
            for at in range(0, max(chunk.height, 1), CHUNK_ROWS):
                yield chunk.slice(at, CHUNK_ROWS), aside if at == 0 else LaidAside()


def _header(handle: BinaryIO, encoding: str) -> tuple[list[str], str]:
    return header_of(handle, "utf-8-sig" if encoding.lower() in UTF8 else encoding)


def _utf8(block: bytes, encoding: str) -> tuple[bytes, bool]:
    """The text of `block` in UTF-8, and whether every byte of it is text."""
    if block.isascii():
        return block, True
    try:
        text = block.decode(encoding)
    except UnicodeDecodeError:
        return block.decode(encoding, errors="replace").encode(), False
    return (block if encoding.lower() in UTF8 else text.encode()), True


def _without_garbled(chunk: pl.DataFrame, aside: LaidAside) -> pl.DataFrame:
    """The rows whose letters are all text; the others are laid aside: a code with a hole in it is another code."""
    cells = [pl.col(name) for name in chunk.columns if name != "row"]
    garbled = pl.any_horizontal(
        pl.lit(value=False), *(c.str.contains("\ufffd", literal=True) for c in cells)
    )
    marked = chunk.with_columns(garbled=garbled.fill_null(value=False))
    raw = pl.concat_str([c.fill_null("") for c in cells], separator=",")
    out = marked.filter("garbled").select("row", raw=raw)
    aside += [(number, GARBLED, text) for number, text in out.iter_rows()]
    return marked.filter(~pl.col("garbled")).drop("garbled")
