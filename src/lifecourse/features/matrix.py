"""Features as a matrix: named columns as a dense table, every code as sparse counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    from scipy import sparse


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

    def of_rows(self, rows: npt.NDArray[np.int64]) -> FeatureMatrix:
        """Some of the rows, by their places, in the order given."""
        return replace(self, rows=self.rows[rows], dense=self.dense[rows], codes=self.codes[rows])

    def of_codes(self, vocabulary: Sequence[str]) -> FeatureMatrix:
        """The same rows with the columns of some codes alone, in the order of `vocabulary`.

        The columns of a code that has none here are empty: it was not found.
        """
        import numpy as np
        from scipy import sparse

        n_codes = len(self.vocabulary)
        if n_codes == 0 or list(vocabulary) == self.vocabulary:
            return self
        place = {code: i for i, code in enumerate(self.vocabulary)}
        within = np.array([place.get(code, -1) for code in vocabulary], dtype=np.int64)
        blocks = np.arange(len(self.code_names) // n_codes) * n_codes
        chosen = np.where(within >= 0, blocks[:, None] + within, len(self.code_names)).ravel()
        empty = sparse.csr_matrix((len(self.dense), 1), dtype=self.codes.dtype)
        known = self.codes if (within >= 0).all() else sparse.hstack([self.codes, empty], "csr")
        asked = [self.code_names[block].removeprefix(self.vocabulary[0]) for block in blocks]
        return replace(
            self,
            codes=known[:, chosen],
            code_names=[code + of for of in asked for code in vocabulary],
            vocabulary=list(vocabulary),
        )
