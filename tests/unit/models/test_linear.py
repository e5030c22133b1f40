"""The logistic regression of a yes or no."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import optimize, sparse
from scipy.special import expit

from lifecourse.features import FeatureMatrix
from lifecourse.models.linear import Logistic

ROWS, PENALTY = 60_000, 0.05


def drawn(rate: float, seed: int = 4) -> tuple[FeatureMatrix, np.ndarray]:
    """Rows whose outcome has about this `rate`, which two of six columns move that go much together."""
    random = np.random.default_rng(seed)
    dense = random.normal(size=(ROWS, 6)) + 2.0 * random.normal(size=(ROWS, 1))
    log_odds = np.log(rate) + 0.5 * dense[:, 0] - 0.4 * dense[:, 1]
    features = FeatureMatrix(
        rows=pl.DataFrame({"subject_id": np.arange(ROWS)}),
        dense=dense,
        dense_names=[f"c{i}" for i in range(6)],
        codes=sparse.csr_matrix((ROWS, 0)),
        code_names=[],
        vocabulary=[],
    )
    return features, random.random(ROWS) < expit(log_odds)


def exactly(design: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """The coefficients of the penalised likelihood, by Newton's steps on all of it."""
    sign = np.where(outcome, 1.0, -1.0)
    whole = np.column_stack([design, np.ones(len(design))])
    held = np.append(np.full(design.shape[1], 1 / PENALTY), 0.0)

    def loss(b: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (whole @ b)).sum() + (held * b * b).sum() / 2)

    def gradient(b: np.ndarray) -> np.ndarray:
        return np.asarray(-whole.T @ (sign * expit(-sign * (whole @ b))) + held * b)

    def hessian(b: np.ndarray) -> np.ndarray:
        risk = expit(whole @ b)
        return np.asarray((whole.T * (risk * (1 - risk))) @ whole + np.diag(held))

    start = np.append(np.zeros(design.shape[1]), np.log(outcome.mean()))
    found = optimize.minimize(loss, start, jac=gradient, hess=hessian, method="trust-exact")
    return np.asarray(found.x[:-1])


@pytest.mark.parametrize("rate", [0.2, 0.005, 0.0005])
def test_the_search_does_not_end_early_where_the_outcome_is_rare(rate: float) -> None:
    features, outcome = drawn(rate)
    rows = np.arange(ROWS)
    fitted = Logistic.fit(features, outcome, rows, np.zeros(ROWS, dtype=bool), settings=PENALTY)
    design = np.clip(features.dense, fitted.low, fitted.high)
    design = (design - np.array(fitted.centre)) / np.array(fitted.scale)
    exact = exactly(design, outcome)
    spread = 1 / np.sqrt(outcome.sum())
    assert np.abs(np.array(fitted.coefficients[:6]) - exact).max() < 0.3 * spread
