"""What codes mean (placeholder until the vocabulary lands)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence


def normalise(events: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """The events as they are."""
    return events, {}


def map_codes(codes: list[str], extra: Sequence[Path] = ()) -> pl.DataFrame:
    """Each code with the concepts it stands for."""
    del extra
    parents = {"GENDER//F": ["SEX//female"], "GENDER//M": ["SEX//male"]}
    return pl.DataFrame(
        {
            "code": codes,
            "parent_codes": [parents.get(code, []) for code in codes],
            "description": [None] * len(codes),
            "unit": [None] * len(codes),
            "unit_factor": [1.0] * len(codes),
        },
        schema={
            "code": pl.String,
            "parent_codes": pl.List(pl.String),
            "description": pl.String,
            "unit": pl.String,
            "unit_factor": pl.Float64,
        },
    )
