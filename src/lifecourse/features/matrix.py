"""Features as a matrix: named columns as a dense table, every code as sparse counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from lifecourse.base.files import write_json, written_atomically

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureMatrix:
    """Features of r rows.

    rows : ``subject_id``, ``prediction_time``, r rows, in the order of the labels
    dense : float64[r, k], NaN where missing
    dense_names : k names, ``hba1c.last.1825d``
    codes : float32 CSR, r x m; what is not stored was not found
    code_names : m names, ``LOINC//4548-4.count.365d``
    vocabulary : the codes that `codes` has columns for
    """

    rows: pl.DataFrame
    dense: npt.NDArray[np.float64]
    dense_names: list[str]
    codes: sparse.csr_matrix
    code_names: list[str]
    vocabulary: list[str]

    @property
    def names(self) -> list[str]:
        """All column names, the dense ones first."""
        return [*self.dense_names, *self.code_names]

    def shape_report(self) -> dict[str, Any]:
        """How large it is."""
        return {
            "rows": self.rows.height,
            "named_covariates": len(self.dense_names),
            "code_columns": len(self.code_names),
            "stored_cells": int(self.codes.nnz),
        }

    def write(self, folder: Path) -> None:
        """Leave ``named.parquet``, ``codes.npz`` (CSR) and ``dictionary.json`` in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        named = self.rows.hstack(
            [_column(name, self.dense[:, i]) for i, name in enumerate(self.dense_names)]
        )
        with written_atomically(folder / "named.parquet") as path:
            named.write_parquet(path)
        with written_atomically(folder / "codes.npz") as path, path.open("wb") as handle:
            sparse.save_npz(handle, self.codes)
        write_json(
            folder / "dictionary.json",
            {"named": self.dense_names, "codes": self.code_names, "vocabulary": self.vocabulary},
        )


def _column(name: str, values: npt.NDArray[np.float64]) -> pl.Series:
    import polars as pl

    return pl.Series(name, values).fill_nan(None)
