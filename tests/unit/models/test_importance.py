"""What a model goes by, and how sure that is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from lifecourse.features import FeatureMatrix
from lifecourse.models.importance import importance
from lifecourse.models.linear import Logistic
from lifecourse.models.trees import Trees

PEOPLE, ROWS_EACH, NOISE = 600, 2, 12


def drawn(seed: int) -> tuple[FeatureMatrix, np.ndarray, np.ndarray]:
    """People of whom the first column and the first code decide, a third helps, and the others do not."""
    random = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(PEOPLE), ROWS_EACH)
    dense = random.normal(size=(len(subjects), 2 + NOISE))
    codes = (random.random((len(subjects), 3)) < 0.3).astype(np.float32)
    log_odds = 2.0 * dense[:, 0] + 2.5 * codes[:, 0] + 0.2 * dense[:, 1] - 1.5
    outcome = random.random(len(subjects)) < 1 / (1 + np.exp(-log_odds))
    features = FeatureMatrix(
        rows=pl.DataFrame({"subject_id": subjects}),
        dense=dense,
        dense_names=["strong", "weak", *(f"noise{i}" for i in range(NOISE))],
        codes=sparse.csr_matrix(codes),
        code_names=["code", "nothing1", "nothing2"],
        vocabulary=["code", "nothing1", "nothing2"],
    )
    return features, outcome, subjects


@pytest.mark.parametrize("learner", [Logistic, Trees])
def test_what_decides_comes_first_and_stays_there(learner: type[Logistic] | type[Trees]) -> None:
    features, outcome, subjects = drawn(1)
    found = importance(features, outcome, subjects, learner, resamples=8)
    assert {one.name for one in found[:2]} == {"strong", "code"}
    assert [one.stability for one in found[:2]] == [1.0, 1.0]
    assert sum(one.stability for one in found) <= 5
    assert min(one.stability for one in found if one.name.startswith("noise")) < 0.8
    assert [one.name for one in found] != features.names
    assert len(found) == len(features.names)


def test_spread_is_the_mean_distance_of_what_a_column_adds() -> None:
    features, outcome, subjects = drawn(2)
    found = {
        one.name: one.spread
        for one in importance(features, outcome, subjects, Logistic, resamples=1)
    }
    rows = np.arange(len(outcome))
    fitted = Logistic.fit(features, outcome, rows, np.zeros(len(rows), dtype=np.bool_))
    added = fitted.contributions(features)
    for place, name in enumerate(features.names):
        column = [float(value) for value in added[:, place]]
        mean = sum(column) / len(column)
        by_hand = sum(abs(value - mean) for value in column) / len(column)
        assert found[name] == pytest.approx(by_hand)


def test_the_same_seed_gives_the_same_numbers() -> None:
    features, outcome, subjects = drawn(3)
    once, twice = (importance(features, outcome, subjects, Logistic, resamples=3) for _ in range(2))
    assert once == twice


def test_halves_without_an_event_tell_nothing() -> None:
    features, outcome, subjects = drawn(4)
    rare = np.zeros_like(outcome)
    rare[0] = True
    found = importance(features, rare, subjects, Logistic, resamples=6)
    assert all(0 <= one.stability <= 1 for one in found)
