"""Boosted trees: XGBoost on the same columns, missing left missing; one thread, so that reruns are bit-identical."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from lifecourse.models.split import both_answers

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix

MOST_ROUNDS, USUAL_ROUNDS, STOPS_AFTER = 600, 60, 20
DEPTHS = (2, 3)
PARAMETERS = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "eta": 0.1,
    "subsample": 0.7,
    "colsample_bytree": 0.3,
    "min_child_weight": 5,
    "lambda": 5.0,
    "max_bin": 64,
    "nthread": 1,
    "seed": 0,
    "verbosity": 0,
}


@dataclass(frozen=True, slots=True)
class Trees:
    """A fitted booster; `settings` are its depth and number of trees, None where it was read from a file."""

    booster: Any
    settings: tuple[int, int] | None = None

    @classmethod
    def fit(
        cls,
        features: FeatureMatrix,
        outcome: npt.NDArray[np.bool_],
        rows: npt.NDArray[np.int64],
        inner: npt.NDArray[np.bool_],
        *,
        settings: tuple[int, int] | None = None,
    ) -> Trees:
        """The model of `outcome` on `rows` of the features.

        `inner` is bool[len(rows)]: the rows on which depth and number of trees are chosen, after learning from the
        others; where either side has one answer only, the usual ones are taken. It is not asked where `settings` are
        given.
        """
        import xgboost

        design, happened = stored_columns(features)[rows], outcome[rows]
        settings = settings or _settings(design, happened, inner)
        booster = xgboost.train(
            PARAMETERS | {"max_depth": settings[0]},
            xgboost.DMatrix(design, label=happened.astype(float), nthread=1),
            num_boost_round=settings[1],
        )
        return cls(booster, settings)

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

        data = xgboost.DMatrix(stored_columns(features), nthread=1)
        return np.asarray(self.booster.predict(data), dtype=np.float64)

    def contributions(self, features: FeatureMatrix) -> npt.NDArray[np.float64]:
        """float64[r, columns]: each column's exact Shapley value on the log-odds (TreeSHAP)."""
        import xgboost

        data = xgboost.DMatrix(stored_columns(features), nthread=1)
        return np.asarray(self.booster.predict(data, pred_contribs=True)[:, :-1], dtype=np.float64)


def _settings(
    design: sparse.csr_matrix, outcome: npt.NDArray[np.bool_], inner: npt.NDArray[np.bool_]
) -> tuple[int, int]:
    """Depth and number of trees with the least log loss on the `inner` rows."""
    import xgboost

    if not both_answers(outcome, inner):
        return DEPTHS[0], USUAL_ROUNDS
    learning, judged = (
        xgboost.DMatrix(design[np.flatnonzero(side)], label=outcome[side].astype(float), nthread=1)
        for side in (~inner, inner)
    )
    found = []
    for depth in DEPTHS:
        booster = xgboost.train(
            PARAMETERS | {"max_depth": depth},
            learning,
            MOST_ROUNDS,
            evals=[(judged, "inner")],
            early_stopping_rounds=STOPS_AFTER,
            verbose_eval=False,
        )
        found.append((booster.best_score, depth, booster.best_iteration + 1))
    _, depth, rounds = min(found)
    return depth, rounds


def stored_columns(features: FeatureMatrix) -> sparse.csr_matrix:
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
