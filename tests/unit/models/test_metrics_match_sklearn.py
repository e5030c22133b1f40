from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from lifecourse.models.evaluation import auprc, auroc, brier, calibration_slope
from lifecourse.models.split import folds_of


@pytest.mark.parametrize("seed", range(5))
def test_metrics_equal_scikit_learn_with_and_without_ties(seed: int) -> None:
    random = np.random.default_rng(seed)
    outcome = random.random(400) < 0.2
    for risk in (random.random(400), np.round(random.random(400), 1)):
        assert auroc(outcome, risk) == pytest.approx(roc_auc_score(outcome, risk), abs=1e-12)
        assert auprc(outcome, risk) == pytest.approx(
            average_precision_score(outcome, risk), abs=1e-12
        )
        assert brier(outcome, risk) == pytest.approx(brier_score_loss(outcome, risk), abs=1e-12)


def test_discrimination_is_undefined_with_one_kind_of_outcome() -> None:
    risk = np.array([0.1, 0.9])
    assert np.isnan(auroc(np.array([True, True]), risk))
    assert np.isnan(auprc(np.array([False, False]), risk))


def test_risks_that_come_true_have_slope_one_and_extreme_ones_less() -> None:
    random = np.random.default_rng(0)
    log_odds = random.normal(-1, 1, 40_000)
    truth = 1 / (1 + np.exp(-log_odds))
    outcome = random.random(40_000) < truth
    assert calibration_slope(outcome, truth) == pytest.approx(1, abs=0.05)
    assert calibration_slope(outcome, 1 / (1 + np.exp(-2 * log_odds))) == pytest.approx(
        0.5, abs=0.03
    )


def test_a_subject_keeps_its_fold_whoever_else_is_there() -> None:
    ids = np.arange(1000, dtype=np.int64)
    folds = folds_of(ids, 5, 3)
    assert np.array_equal(folds_of(ids[500:], 5, 3), folds[500:])
    assert np.bincount(folds, minlength=5).min() > 120
    assert not np.array_equal(folds, folds_of(ids, 5, 4))
