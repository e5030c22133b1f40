"""L2-penalised logistic regression on filled, drawn-in and scaled covariates and log counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.special import expit

from lifecourse.models.evaluation.log_loss import log_loss
from lifecourse.models.split import both_answers

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix

INVERSE_PENALTIES = (0.0003, 0.001, 0.003, 0.01, 0.05, 0.2)
"""The variance that a standardised coefficient is expected to have; the data choose among them."""
USUAL_PENALTY = 0.01
LARGEST_ITERATIONS = 500
TOLERANCE, RARE = 1e-4, 0.01
"""The search ends at this gradient of the mean loss; at one as much smaller as an outcome is rarer than one in 100."""
TAIL = 0.005
"""Values beyond these quantiles are drawn in to them: one absurd result must not carry a person's risk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """A fitted model, all of it numbers.

    Columns are the k dense covariates (missing filled with `fill`, drawn in to [low, high], then centred and scaled), k
    flags that are 1 where the covariate was missing, and log(1 + count) of each code column. `penalty` is the inverse
    penalty that was chosen, None of a model from before it was kept.
    """

    fill: list[float]
    low: list[float]
    high: list[float]
    centre: list[float]
    scale: list[float]
    coefficients: list[float]
    intercept: float
    penalty: float | None = None

    @classmethod
    def fit(
        cls,
        features: FeatureMatrix,
        outcome: npt.NDArray[np.bool_],
        rows: npt.NDArray[np.int64],
        inner: npt.NDArray[np.bool_],
        *,
        settings: float | None = None,
    ) -> Logistic:
        """The model of `outcome` on `rows` of the features.

        `inner` is bool[len(rows)]: the rows on which the penalty is chosen, after learning from the others; where
        either side has one answer only, the usual penalty is taken. It is not asked where `settings` has the penalty.
        """
        dense = features.dense[rows]
        fill = _medians(dense)
        filled = np.where(np.isnan(dense), fill, dense)
        low, high = np.quantile(filled, (TAIL, 1 - TAIL), axis=0)
        drawn = np.clip(filled, low, high)
        centre, spread = drawn.mean(axis=0), drawn.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        empty = cls(
            fill=fill.tolist(),
            low=low.tolist(),
            high=high.tolist(),
            centre=centre.tolist(),
            scale=scale.tolist(),
            coefficients=[],
            intercept=0.0,
        )
        design = empty._columns(dense, features.codes[rows])
        chosen = settings or _penalty(design, outcome[rows], inner)
        fitted = _regression(design, outcome[rows], chosen)
        return replace(
            empty,
            coefficients=fitted.coef_[0].tolist(),
            intercept=float(fitted.intercept_[0]),
            penalty=chosen,
        )

    @property
    def settings(self) -> float | None:
        """The inverse penalty that was chosen."""
        return self.penalty

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
        return self._columns(features.dense, features.codes)

    def _columns(
        self, dense: npt.NDArray[np.float64], codes: sparse.csr_matrix
    ) -> sparse.csr_matrix:
        missing = np.isnan(dense)
        drawn = np.clip(np.where(missing, self.fill, dense), self.low, self.high)
        standard = (drawn - np.array(self.centre)) / np.array(self.scale)
        return sparse.hstack([standard, missing.astype(float), codes.log1p()], format="csr")


def _penalty(
    design: sparse.csr_matrix, outcome: npt.NDArray[np.bool_], inner: npt.NDArray[np.bool_]
) -> float:
    """The inverse penalty with the least log loss on the `inner` rows."""
    if not both_answers(outcome, inner):
        return USUAL_PENALTY
    learning, judged = design[np.flatnonzero(~inner)], design[np.flatnonzero(inner)]
    losses = {
        inverse: log_loss(
            outcome[inner],
            _regression(learning, outcome[~inner], inverse).predict_proba(judged)[:, 1],
        )
        for inverse in INVERSE_PENALTIES
    }
    return min(losses, key=lambda inverse: losses[inverse])


def _regression(design: sparse.csr_matrix, outcome: npt.NDArray[np.bool_], inverse: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    # The gradient that ends the search is of the mean loss, and the rarer the outcome the flatter that is.
    steepness = min(1.0, min(outcome.mean(), 1 - outcome.mean()) / RARE)
    return LogisticRegression(
        C=inverse, max_iter=LARGEST_ITERATIONS, tol=TOLERANCE * steepness
    ).fit(design, outcome)


def _medians(dense: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64[k]; 0 for a covariate nobody has."""
    seen = ~np.isnan(dense).all(axis=0)
    medians = np.zeros(dense.shape[1])
    medians[seen] = np.nanmedian(dense[:, seen], axis=0)
    return medians
