"""Boosted trees: XGBoost on the same columns, missing left missing; one thread, so that reruns are bit-identical."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix

ROUNDS = 80
PARAMETERS = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 3,
    "eta": 0.1,
    "min_child_weight": 5,
    "lambda": 5.0,
    "max_bin": 64,
    "nthread": 1,
    "seed": 0,
    "verbosity": 0,
}


@dataclass(frozen=True, slots=True)
class Trees:
    """A fitted booster."""

    booster: Any

    @classmethod
    def fit(
        cls, features: FeatureMatrix, outcome: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64]
    ) -> Trees:
        """The model of `outcome` on `rows` of the features."""
        import xgboost

        design = _design(features)[rows]
        data = xgboost.DMatrix(design, label=outcome[rows].astype(float), nthread=1)
        return cls(xgboost.train(PARAMETERS, data, num_boost_round=ROUNDS))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Trees:
        """The booster that `to_bytes` wrote."""
        import xgboost

        booster = xgboost.Booster(PARAMETERS)
        booster.load_model(bytearray(raw))
        return cls(booster)

    def to_bytes(self) -> bytes:
        """The booster as UBJ."""
        return bytes(self.booster.save_raw("ubj"))

    def predict(self, features: FeatureMatrix) -> npt.NDArray[np.float64]:
        """float64[r] probabilities."""
        import xgboost

        data = xgboost.DMatrix(_design(features), nthread=1)
        return np.asarray(self.booster.predict(data), dtype=np.float64)

    def contributions(self, features: FeatureMatrix) -> npt.NDArray[np.float64]:
        """float64[r, columns]: each column's exact Shapley value on the log-odds (TreeSHAP)."""
        import xgboost

        data = xgboost.DMatrix(_design(features), nthread=1)
        return np.asarray(self.booster.predict(data, pred_contribs=True)[:, :-1], dtype=np.float64)


def _design(features: FeatureMatrix) -> sparse.csr_matrix:
    """Dense columns with every cell stored (a 0 is a 0, NaN is missing), then the counts."""
    n_rows, n_dense = features.dense.shape
    stored = sparse.csr_matrix(
        (
            features.dense.ravel(),
            np.tile(np.arange(n_dense), n_rows),
            np.arange(0, n_rows * n_dense + 1, n_dense),
        ),
        shape=(n_rows, n_dense),
    )
    return sparse.hstack([stored, features.codes], format="csr")
