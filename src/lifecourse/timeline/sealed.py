"""Tables on disk, plain or encrypted; the one module that makes Polars' unstable encryption calls.

Encrypted files are Parquet modular encryption with one key per file and an AAD that names the file, so a file
put in another's place does not open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import StoreDamaged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROW_GROUP_ROWS = 65_536
"""What is read of a table for one subject, at least: a few milliseconds' worth."""


def write_table(table: pl.DataFrame, path: Path, *, key: bytes | None, aad: str) -> None:
    """Write `table` to `path`; encrypted with `key` unless it is None."""
    encryption = None
    if key is not None:
        encryption = pl.ParquetEncryptionProperties(footer_key=key, aad_prefix=aad.encode())
    table.write_parquet(
        path,
        compression="zstd",
        compression_level=1,
        row_group_size=ROW_GROUP_ROWS,
        encryption=encryption,
    )


def read_table(
    path: Path,
    *,
    key: bytes | None,
    aad: str,
    columns: Sequence[str] | None = None,
    subject_id: int | None = None,
) -> pl.DataFrame:
    """The table at `path`; of `subject_id` only, where given, from the row groups that can hold them.

    Raises
    ------
    StoreDamaged
        The file is absent, was changed, is another file, or `key` is wrong.
    """
    decryption = None
    if key is not None:
        decryption = pl.ParquetDecryptionProperties(footer_key=key, aad_prefix=aad.encode())
    try:
        scan = pl.scan_parquet(path, decryption=decryption, glob=False)
        if subject_id is not None:
            scan = scan.filter(pl.col("subject_id") == subject_id)
        return (scan.select(columns) if columns is not None else scan).collect()
    except (pl.exceptions.PolarsError, OSError):
        raise StoreDamaged(
            f"{path.name} cannot be read: absent, changed, or not the file the manifest names. "
            "Run `lifecourse store verify`, then restore it from a backup."
        ) from None
