"""Separated text (CSV, TSV) in blocks of whole records, so that memory is bounded and every line is accounted for."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

FIRST_BLOCK_BYTES = 256 << 10
BLOCK_BYTES = 8 << 20
UNIT_BYTES = 16 << 20
LONGEST_RECORD_BYTES = 128 << 20
SEPARATORS = (",", "\t", ";", "|")


class EndlessRecord(OSError):
    """A record longer than `LONGEST_RECORD_BYTES`: damage to the file, which whoever reads it names."""


class Bad(list[tuple[int, str]]):
    """Rows that are no rows: number from 1 and raw text."""


def opened(path: Path) -> BinaryIO:
    """`path` as bytes, unpacked where it is gzipped."""
    if path.name.lower().endswith(".gz"):
        return cast("BinaryIO", gzip.open(path, "rb"))
    return path.open("rb")


def header_of(handle: BinaryIO, encoding: str = "utf-8-sig") -> tuple[list[str], str]:
    """The names in the first line that `handle` gives, stripped, and what separates them.

    Raises
    ------
    EndlessRecord
        The line has no end.
    """
    line = handle.readline(LONGEST_RECORD_BYTES)
    if len(line) == LONGEST_RECORD_BYTES:
        raise EndlessRecord
    text = line.decode(encoding, errors="replace").strip("\r\n")
    separator = max(SEPARATORS, key=text.count)  # of as many, the first
    names = next(csv.reader([text], delimiter=separator), [])
    return [name.strip() for name in names], separator


def record_blocks(
    handle: BinaryIO, first: int = FIRST_BLOCK_BYTES, largest: int = BLOCK_BYTES
) -> Iterator[bytes]:
    """Pieces that end with a record, at a newline outside quotes; each larger than the one before, up to `largest`.

    Raises
    ------
    EndlessRecord
        A record is longer than any record is, packed or not.
    """
    held = b""
    size = first
    while piece := handle.read(size):
        size = min(2 * size, largest)
        held += piece
        cut = _last_record_end(held)
        if cut:
            yield held[:cut]
            held = held[cut:]
        elif len(held) > LONGEST_RECORD_BYTES:
            raise EndlessRecord
    if held.strip():
        yield held


def record_cuts(path: Path) -> list[int]:
    """The places between records about every `UNIT_BYTES`, and the ends; found as `record_blocks` would find them."""
    with path.open("rb") as handle:
        handle.readline(LONGEST_RECORD_BYTES)
        cuts = [handle.tell()]
        buffer = bytearray(UNIT_BYTES)
        while length := handle.readinto(buffer):
            end = buffer.rfind(b"\n", 0, length) + 1
            if end and not buffer.count(b'"', 0, end):
                cuts.append(cuts[-1] + end)
                handle.seek(cuts[-1])
                continue
            handle.seek(cuts[-1])
            block = next(record_blocks(handle, UNIT_BYTES, UNIT_BYTES), b"")
            if not block:
                break
            cuts.append(cuts[-1] + len(block))
            handle.seek(cuts[-1])
        return cuts


def parse_block(
    block: bytes, names: list[str], wanted: list[str], separator: str, start: int
) -> tuple[pl.DataFrame, Bad]:
    """The records of `block` as text: ``row`` (from `start`) and `wanted` columns; and those of another width."""
    try:
        table = pl.read_csv(
            io.BytesIO(block),
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=separator,
        )
        if _is_even(table.height, len(names), block, separator):
            row = pl.int_range(start, start + pl.len(), dtype=pl.UInt32).alias("row")
            return table.select(row, *wanted), Bad()
    except pl.exceptions.PolarsError:
        pass
    return _parsed_slowly(block, names, separator, start)


def _last_record_end(block: bytes) -> int:
    """The length of the whole records at the start of `block`; 0 where there is none."""
    end = block.rfind(b"\n")
    last = end
    quotes = block.count(b'"', 0, end + 1) if end >= 0 else 0
    while end >= 0 and quotes % 2:
        before = block.rfind(b"\n", 0, end)
        quotes -= block.count(b'"', before + 1, end + 1)
        end = before
    # A quote that never closes must not swallow the file.
    return end + 1 if end >= 0 or len(block) < LONGEST_RECORD_BYTES else last + 1


def _is_even(rows: int, width: int, block: bytes, separator: str) -> bool:
    """Whether no line has too few fields, which Polars would fill with nulls."""
    there = block.count(separator.encode())
    if b'"' in block:
        bytes_of = np.frombuffer(block, dtype=np.uint8)
        quoted = np.bitwise_xor.accumulate(bytes_of == ord('"'))
        there -= int(np.count_nonzero(quoted & (bytes_of == ord(separator))))
    return there == rows * (width - 1)


def _parsed_slowly(
    block: bytes, names: list[str], separator: str, start: int
) -> tuple[pl.DataFrame, Bad]:
    text = io.StringIO(block.decode("utf-8", errors="replace"), newline="")
    good: list[list[str | None]] = []
    numbers: list[int] = []
    bad = Bad()
    number = start
    for record in csv.reader(text, delimiter=separator):
        if not record:
            continue
        if len(record) == len(names):
            good.append([field or None for field in record])
            numbers.append(number)
        else:
            bad.append((number, separator.join(record)))
        number += 1
    table = pl.DataFrame(good, schema=dict.fromkeys(names, pl.String), orient="row")
    return table.with_columns(pl.Series("row", numbers, dtype=pl.UInt32)), bad
