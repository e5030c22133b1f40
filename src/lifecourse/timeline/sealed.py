"""Tables on disk, plain or encrypted; the one module that makes Polars' unstable encryption calls.

Encrypted files are Parquet modular encryption with one key per file and an AAD that names the file, so a file
put in another's place does not open. They lack the columns of events that say nothing: sealing nulls takes as long
as sealing values.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import StoreDamaged
from lifecourse.schema.event import ALSO_FROM, EVENT_COLUMNS, event_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

OPTIONAL = {
    name: kind
    for name, kind in event_schema().items()
    if name not in ("subject_id", "time", "code")
}
ROW_GROUP_ROWS = 65_536
"""What is read of a table for one subject, at least: a few milliseconds' worth."""


def write_table(table: pl.DataFrame, path: Path, *, key: bytes | None, aad: str) -> None:
    """Write `table` to `path`; encrypted with `key` unless it is None."""
    encryption = None
    if key is not None:
        encryption = pl.ParquetEncryptionProperties(footer_key=key, aad_prefix=aad.encode())
        table = _without_silent_columns(table)
    table.write_parquet(
        path,
        compression="zstd",
        compression_level=1,
        row_group_size=ROW_GROUP_ROWS,
        encryption=encryption,
    )


def _without_silent_columns(table: pl.DataFrame) -> pl.DataFrame:
    if tuple(table.columns[: len(EVENT_COLUMNS)]) != EVENT_COLUMNS:
        return table
    return table.select(
        series
        for series in table
        if series.name not in (*OPTIONAL, ALSO_FROM) or series.null_count() < table.height
    )


def read_tables(
    sources: Sequence[tuple[Path, bytes | None, str]],
    columns: Sequence[str],
    codes: Collection[str] | None,
) -> pl.DataFrame:
    """The `columns` of several tables of events (path, key, what binds it), one after the other.

    Where `codes` are given, the rows of these alone: the rest is passed over while it is read.

    Raises
    ------
    StoreDamaged
        A file is absent, was changed, is another file, or its key is wrong.
    """
    wanted = () if codes is None else (pl.col("code").is_in(sorted(codes)),)

    def asked(path: Path, key: bytes | None, aad: str) -> pl.LazyFrame:
        scan = _scan(path, key, aad).filter(*wanted)
        return scan.select(_columns(scan, columns))

    plain = [path for path, key, _ in sources if key is None]
    try:
        if len(plain) == len(sources):
            return _scan_plain(plain, columns).filter(*wanted).select(columns).collect()
        # Together in one query, sealed tables are read on one core.
        return pl.concat(pl.collect_all(asked(*source) for source in sources))
    except (pl.exceptions.PolarsError, OSError):
        # One by one the damaged one is named, and tables that an earlier version wrote may differ in their columns.
        found = []
        for source in sources:
            with _damage_named(source[0]):
                found.append(asked(*source).collect())
        return pl.concat(found)


def read_table(
    path: Path,
    *,
    key: bytes | None,
    aad: str,
    columns: Sequence[str] | None = None,
    subject_id: int | None = None,
) -> pl.DataFrame:
    """The table at `path`; of `subject_id` only, where given, from the row groups that can hold them.

    Columns of events that are asked for and that the file lacks are null.

    Raises
    ------
    StoreDamaged
        The file is absent, was changed, is another file, or `key` is wrong.
    """
    with _damage_named(path):
        scan = _scan(path, key, aad)
        if subject_id is not None:
            scan = scan.filter(pl.col("subject_id") == subject_id)
        return scan.collect() if columns is None else scan.select(_columns(scan, columns)).collect()


def _scan(path: Path, key: bytes | None, aad: str) -> pl.LazyFrame:
    decryption = None
    if key is not None:
        decryption = pl.ParquetDecryptionProperties(footer_key=key, aad_prefix=aad.encode())
    return pl.scan_parquet(path, decryption=decryption, glob=False)


def _scan_plain(paths: list[Path], columns: Sequence[str]) -> pl.LazyFrame:
    """One scan of several tables of events, which have all `columns`: less to plan than a scan of each."""
    kinds = event_schema()
    return pl.scan_parquet(
        paths,
        glob=False,
        schema={name: kinds[name] for name in {*columns, "code"}},
        extra_columns="ignore",
    )


def _columns(scan: pl.LazyFrame, columns: Sequence[str]) -> list[str | pl.Expr]:
    """The columns, null where they are of events and the file lacks them."""
    if not OPTIONAL.keys() & set(columns):
        return list(columns)
    there = scan.collect_schema()
    return [
        pl.lit(None, OPTIONAL[name]).alias(name) if name in OPTIONAL and name not in there else name
        for name in columns
    ]


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError):
        raise StoreDamaged(
            f"{path.name} cannot be read: absent, changed, or not the file the manifest names. "
            "Run `lifecourse store verify`, then restore it from a backup."
        ) from None
