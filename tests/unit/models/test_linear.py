"""The regression is the one that each penalty alone, followed to the end, would give."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from lifecourse.models.evaluation import log_loss
from lifecourse.models.linear import INVERSE_PENALTIES, USUAL_PENALTY, _regression


def study() -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    table = rng.normal(size=(3_000, 20))
    outcome = rng.random(3_000) < 1.0 / (1.0 + np.exp(2.0 - table[:, 0] + 0.5 * table[:, 1]))
    return sparse.csr_matrix(table), outcome, rng.random(3_000) < 0.2


def alone(design: sparse.csr_matrix, outcome: np.ndarray, inverse: float) -> LogisticRegression:
    return LogisticRegression(C=inverse, tol=1e-9, max_iter=5_000).fit(design, outcome)


def test_the_path_of_penalties_ends_where_the_best_of_them_alone_does() -> None:
    design, outcome, inner = study()
    losses = {}
    for inverse in INVERSE_PENALTIES:
        fitted = alone(design[~inner], outcome[~inner], inverse)
        losses[inverse] = log_loss(outcome[inner], fitted.predict_proba(design[inner])[:, 1])
    best = min(losses, key=lambda inverse: losses[inverse])

    ours = _regression(design, outcome, inner)

    assert best == ours.C
    exact = alone(design, outcome, best)
    np.testing.assert_allclose(ours.coef_, exact.coef_, atol=1e-3)
    np.testing.assert_allclose(ours.intercept_, exact.intercept_, atol=1e-3)


def test_where_no_penalty_can_be_chosen_the_usual_one_is_taken() -> None:
    design, outcome, _ = study()
    ours = _regression(design, outcome, np.zeros(len(outcome), dtype=bool))

    assert ours.C == USUAL_PENALTY
    exact = alone(design, outcome, USUAL_PENALTY)
    np.testing.assert_allclose(ours.coef_, exact.coef_, atol=1e-3)
