"""What a table says, as one number: the same values give the same hash from whatever file they came."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import polars as pl

from lifecourse.schema.event import PROVENANCE_COLUMNS


def content_hash(table: pl.DataFrame) -> str:
    """SHA-256 of a table's values without its provenance: equal events give equal hashes from any source file."""
    digest = hashlib.sha256()
    for series in table.select(pl.exclude(*PROVENANCE_COLUMNS)):
        digest.update(f"{series.name} {series.dtype} {len(series)}\n".encode())
        missing = series.null_count()
        # What lies under a null is no part of the content: which values are missing is, and nothing else of them.
        digest.update(
            b"all missing\n" if missing == len(series) else f"{missing} missing\n".encode()
        )
        if missing == len(series):
            continue
        if missing:
            digest.update(np.packbits(series.is_null().to_numpy()).tobytes())
        _add_values(digest, series.drop_nulls())
    return digest.hexdigest()


def _add_values(digest: Any, values: pl.Series) -> None:
    if values.dtype == pl.List(pl.String):
        digest.update(values.list.len().to_numpy())
        values = values.list.join(" ")
    if values.dtype == pl.String:
        digest.update(values.str.len_bytes().to_numpy())
        digest.update(values.str.join("")[0].encode())
    else:
        digest.update(np.ascontiguousarray(values.to_physical().to_numpy()))
