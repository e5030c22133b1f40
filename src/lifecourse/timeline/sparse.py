"""Rows of a sparse matrix as three arrays: what the sweep fills, what is written, and what SciPy makes a matrix of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    import numpy.typing as npt
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseRows:
    """r rows of cells, without SciPy, which takes a tenth of a second to start.

    offsets : int64[r + 1]; the cells of row i are ``offsets[i]:offsets[i + 1]``
    columns : int32[n], not sorted within a row
    cells : float32[n]
    """

    offsets: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    cells: npt.NDArray[np.float32]
    n_columns: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.offsets) - 1, self.n_columns

    @classmethod
    def none(cls, shape: tuple[int, int]) -> SparseRows:
        """Rows without a cell."""
        return cls(
            offsets=np.zeros(shape[0] + 1, dtype=np.int64),
            columns=np.zeros(0, dtype=np.int32),
            cells=np.zeros(0, dtype=np.float32),
            n_columns=shape[1],
        )

    @classmethod
    def joined(cls, parts: Sequence[SparseRows], n_columns: int) -> SparseRows:
        """The rows of all parts, one part after the other."""
        if not parts:
            return cls.none((0, n_columns))
        if len(parts) == 1:
            return parts[0]
        sizes = np.concatenate([np.diff(part.offsets) for part in parts])
        return cls(
            offsets=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)]),
            columns=np.concatenate([part.columns for part in parts]),
            cells=np.concatenate([part.cells for part in parts]),
            n_columns=n_columns,
        )

    def placed(self, places: npt.NDArray[np.int64]) -> SparseRows:
        """The same rows, row i at ``places[i]``; places are 0 to r - 1, each once."""
        if np.array_equal(places, np.arange(len(places))):
            return self
        came_from = np.empty(len(places), dtype=np.int64)
        came_from[places] = np.arange(len(places))
        sizes = np.diff(self.offsets)[came_from]
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
        shift = np.repeat(self.offsets[came_from] - offsets[:-1], sizes)
        taken = np.arange(offsets[-1]) + shift
        return SparseRows(
            offsets=offsets,
            columns=self.columns[taken],
            cells=self.cells[taken],
            n_columns=self.n_columns,
        )

    def csr(self) -> csr_matrix:
        """The same as SciPy's matrix; nothing is copied."""
        from scipy.sparse import csr_matrix

        return csr_matrix((self.cells, self.columns, self.offsets), shape=self.shape, copy=False)

    def save_npz(self, handle: BinaryIO) -> None:
        """Write what `scipy.sparse.load_npz` reads."""
        np.savez(
            handle,
            allow_pickle=False,
            format=np.array(b"csr"),
            shape=np.array(self.shape),
            indptr=self.offsets,
            indices=self.columns,
            data=self.cells,
        )
