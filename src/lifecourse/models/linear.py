"""L2-penalised logistic regression on filled and scaled covariates and log counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.special import expit

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix

INVERSE_PENALTY = 0.05
LARGEST_ITERATIONS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """A fitted model, all of it numbers.

    Columns are the k dense covariates (missing filled with `fill`, then centred and scaled), k flags that are 1
    where the covariate was missing, and log(1 + count) of each code column.
    """

    fill: list[float]
    centre: list[float]
    scale: list[float]
    coefficients: list[float]
    intercept: float

    @classmethod
    def fit(
        cls, features: FeatureMatrix, outcome: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64]
    ) -> Logistic:
        """The model of `outcome` on `rows` of the features."""
        from sklearn.linear_model import LogisticRegression

        dense = features.dense[rows]
        fill = _medians(dense)
        filled = np.where(np.isnan(dense), fill, dense)
        centre, spread = filled.mean(axis=0), filled.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        design = _design(dense, features.codes[rows], fill, centre, scale)
        fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=LARGEST_ITERATIONS, tol=1e-5)
        fitted.fit(design, outcome[rows])
        return cls(
            fill=fill.tolist(),
            centre=centre.tolist(),
            scale=scale.tolist(),
            coefficients=fitted.coef_[0].tolist(),
            intercept=float(fitted.intercept_[0]),
        )

    def margin(self, features: FeatureMatrix) -> npt.NDArray[np.float64]:
        """float64[r] log-odds."""
        design = self._design(features)
        return np.asarray(design @ np.array(self.coefficients)).ravel() + self.intercept

    def predict(self, features: FeatureMatrix) -> npt.NDArray[np.float64]:
        """float64[r] probabilities."""
        return np.asarray(expit(self.margin(features)))

    def contributions(self, features: FeatureMatrix) -> npt.NDArray[np.float64]:
        """float64[r, columns]: what each column adds to the log-odds, a missing flag with its covariate."""
        parts = self._design(features).multiply(np.array(self.coefficients)).toarray()
        k = len(self.fill)
        return np.hstack([parts[:, :k] + parts[:, k : 2 * k], parts[:, 2 * k :]])

    def to_dict(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    def _design(self, features: FeatureMatrix) -> sparse.csr_matrix:
        fill, centre, scale = (np.array(v) for v in (self.fill, self.centre, self.scale))
        return _design(features.dense, features.codes, fill, centre, scale)


def _design(
    dense: npt.NDArray[np.float64],
    codes: sparse.csr_matrix,
    fill: npt.NDArray[np.float64],
    centre: npt.NDArray[np.float64],
    scale: npt.NDArray[np.float64],
) -> sparse.csr_matrix:
    missing = np.isnan(dense)
    standard = (np.where(missing, fill, dense) - centre) / scale
    return sparse.hstack([standard, missing.astype(float), codes.log1p()], format="csr")


def _medians(dense: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64[k]; 0 for a covariate nobody has."""
    seen = ~np.isnan(dense).all(axis=0)
    medians = np.zeros(dense.shape[1])
    medians[seen] = np.nanmedian(dense[:, seen], axis=0)
    return medians
