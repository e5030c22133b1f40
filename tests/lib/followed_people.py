"""People with covariates and codes whose hazards of two causes are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from lifecourse.features import FeatureMatrix
from lifecourse.models.evaluation import Followed
from lifecourse.models.hazards import HazardFit, fit_hazards

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedPeople:
    """Features, what came of each row, and the true incidence of each cause, float64[n, 2, h], by `horizons_days`."""

    features: FeatureMatrix
    followed: Followed
    subjects: npt.NDArray[np.int64]
    horizons_days: Floats
    truth: Floats

    def fit(self, workers: int | None = None) -> HazardFit:
        """What both causes teach."""
        return fit_hazards(
            self.features,
            self.followed,
            self.subjects,
            horizons_days=self.horizons_days,
            n_causes=2,
            workers=workers,
        )


def matrix(dense: Floats, codes: npt.NDArray[np.float32]) -> FeatureMatrix:
    """A feature matrix of plain arrays."""
    n, k = dense.shape
    names = [f"code{i}" for i in range(codes.shape[1])]
    return FeatureMatrix(
        rows=pl.DataFrame({"subject_id": np.arange(n), "prediction_time": np.zeros(n)}),
        dense=dense,
        dense_names=[f"covariate{i}" for i in range(k)],
        codes=sparse.csr_matrix(codes.astype(np.float32)),
        code_names=names,
        vocabulary=names,
    )


def followed_people(n: int, *, seed: int, missing: float = 0.1) -> FollowedPeople:
    """Constant hazards of two causes, log-linear in three covariates and two of eight codes; a third are lost early."""
    random = np.random.default_rng(seed)
    dense = random.normal(size=(n, 3))
    codes = random.poisson(0.3, size=(n, 8)).astype(np.float32)
    first = np.exp(-7.6 + 0.8 * dense[:, 0] - 0.4 * dense[:, 1] + 0.5 * np.log1p(codes[:, 0]))
    second = np.exp(-7.9 + 0.6 * dense[:, 2] + 0.4 * np.log1p(codes[:, 1]))
    came = random.exponential(1 / (first + second))
    lost = random.exponential(2500, n)
    cause = np.where(random.random(n) < first / (first + second), 1, 2)
    horizons = np.array([365.0, 1096.0, 1826.0])
    total = (first + second)[:, None]
    ended = -np.expm1(-total * horizons)
    shown = dense.copy()
    shown[random.random(dense.shape) < missing] = np.nan
    return FollowedPeople(
        features=matrix(shown, codes),
        followed=Followed(
            duration_days=np.minimum(came, lost), event=np.where(came <= lost, cause, 0)
        ),
        subjects=np.arange(n),
        horizons_days=horizons,
        truth=np.stack([rate[:, None] / total * ended for rate in (first, second)], axis=1),
    )
