from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from lifecourse.models.calibration import fit_calibrator
from lifecourse.models.evaluation import (
    Followed,
    calibration_errors,
    calibration_intercept,
    calibration_slope,
    curve_table,
    decision_curve,
    net_benefit,
    observed_over_expected,
)


def _answers(seed: int, n: int = 50_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = expit(random.normal(-2, 1, n))
    return random.random(n) < truth, truth


def test_weights_count_as_repeated_rows() -> None:
    outcome, risk = _answers(0, 300)
    times = np.random.default_rng(1).integers(0, 4, 300)
    again = np.repeat(np.arange(300), times)
    weight = times.astype(float)
    assert calibration_slope(outcome, risk, weight) == pytest.approx(
        calibration_slope(outcome[again], risk[again]), abs=1e-9
    )
    whole = net_benefit(outcome[again], risk[again], 0.2) * len(again) / 300
    assert net_benefit(outcome, risk, 0.2, weight) == pytest.approx(whole, abs=1e-12)


def test_recalibration_is_the_maximum_of_the_likelihood() -> None:
    outcome, risk = _answers(2, 2000)
    weight = np.random.default_rng(3).exponential(1, 2000)
    x = logit(risk)

    def loss(beta: np.ndarray) -> float:
        z = beta[0] + beta[1] * x
        return float((weight * (np.logaddexp(0, z) - outcome * z)).sum())

    best = minimize(loss, [0.0, 1.0], tol=1e-12).x
    found = fit_calibrator(risk, outcome, weight)
    assert [found.intercept, found.slope] == pytest.approx(best, abs=1e-4)


def test_risks_that_come_true_lie_on_the_curve() -> None:
    outcome, truth = _answers(4)
    right = calibration_errors(outcome, truth)
    assert right["ici"] < 0.006
    assert right["e50"] <= right["e90"]
    doubled = np.clip(truth * 2, 0, 0.99)
    wrong = calibration_errors(outcome, doubled)
    expected = np.abs(doubled - truth)
    assert wrong["ici"] == pytest.approx(expected.mean(), abs=0.01)
    assert wrong["e90"] == pytest.approx(np.percentile(expected, 90), rel=0.1)
    assert observed_over_expected(outcome, doubled) == pytest.approx(0.5, abs=0.05)


def test_a_bent_truth_is_followed_by_the_curve() -> None:
    random = np.random.default_rng(5)
    risk = random.uniform(0.02, 0.6, 80_000)
    truth = 0.1 + 0.3 * (risk > 0.3)
    rows = curve_table(random.random(80_000) < truth, risk)
    seen = {row["predicted"]: row["observed"] for row in rows}
    assert min(seen) < 0.05
    low = [value for at, value in seen.items() if at < 0.15]
    high = [value for at, value in seen.items() if at > 0.45]
    assert np.mean(low) == pytest.approx(0.1, abs=0.05)
    assert np.mean(high) == pytest.approx(0.4, abs=0.05)


def test_people_lost_from_sight_do_not_bend_the_measures() -> None:
    """The same people, a third of them lost at random: the weighted measures say what the whole would."""
    random = np.random.default_rng(6)
    n = 60_000
    rate = np.exp(random.normal(-8, 0.7, n))
    happens = random.exponential(1 / rate)
    lost = random.exponential(3000, n)
    risk = -np.expm1(-rate * 1000)
    whole = happens <= 1000
    followed = Followed(
        duration_days=np.minimum(happens, lost), event=(happens <= lost).astype(np.int64)
    )
    outcome, weight = followed.known_at(1000)
    assert (weight == 0).mean() > 0.2
    assert weight.mean() == pytest.approx(1, abs=0.02)
    assert observed_over_expected(outcome, risk, weight) == pytest.approx(1, abs=0.03)
    assert calibration_slope(outcome, risk, weight) == pytest.approx(1, abs=0.06)
    assert calibration_intercept(outcome, risk, weight) == pytest.approx(0, abs=0.04)
    assert calibration_errors(outcome, risk, weight)["ici"] < 0.01
    assert net_benefit(outcome, risk, 0.3, weight) == pytest.approx(
        net_benefit(whole, risk, 0.3), abs=0.003
    )


def test_one_kind_of_answer_or_one_risk_has_a_defined_end() -> None:
    nobody = np.zeros(5, dtype=bool)
    risk = np.linspace(0.1, 0.5, 5)
    assert np.isnan(calibration_errors(nobody, risk)["ici"])
    assert curve_table(nobody, risk) == []
    mixed = np.array([True, False, False, False, False])
    same = calibration_errors(mixed, np.full(5, 0.2))
    assert same["ici"] == pytest.approx(0, abs=1e-6)


def test_decision_curve_by_hand() -> None:
    outcome = np.array([True, True, False, False])
    risk = np.array([0.9, 0.2, 0.3, 0.05])
    (row,) = decision_curve(outcome, risk, thresholds=(0.25,))
    # One true and one false positive of four people; a false one costs a third.
    assert row["model"] == pytest.approx(1 / 4 - 1 / 4 / 3)
    assert row["everyone"] == pytest.approx(2 / 4 - 2 / 4 / 3)
    assert row["called"] == 0.5
