"""Maps of risks that are far from how often it comes: beside slow searches of the same likelihood, and their refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import expit, logit

from lifecourse.base.errors import ModelError
from lifecourse.models.calibration import (
    NARROW,
    SLOPES,
    both_kinds,
    fit_calibrator,
    fit_line,
    fit_logistic,
    log_odds,
)
from lifecourse.models.evaluation import calibration_slope
from lifecourse.models.evaluation.followed import Followed
from lifecourse.models.hazards.curves import CurveCalibrator
from lifecourse.models.shapes import chosen_calibrator, fit_beta

Floats = np.ndarray
RATIOS = (0.005, 0.05, 0.5, 2.0, 5.5, 8.1, 10.6, 17.6, 60.0, 200.0)
"""Observed over expected."""


def intercept_of(x: Floats, came: Floats, weight: Floats, slope: float) -> float:
    """By bisection between the two levels at which even the lowest or the highest would suffice."""
    level = logit((weight * came).sum() / weight.sum())
    ends = level - slope * x.max() - 1e-6, level - slope * x.min() + 1e-6
    return float(
        brentq(lambda at: (weight * (came - expit(at + slope * x))).sum(), *ends, xtol=1e-13)
    )


def loss(x: Floats, came: Floats, weight: Floats, prior: float, slope: float) -> float:
    """The least at a slope: per weight, less the penalised log-likelihood."""
    z = intercept_of(x, came, weight, slope) + slope * x
    least = (weight * (np.logaddexp(0, z) - came * z)).sum() + prior * (slope - 1) ** 2 / 2
    return float(least / weight.sum())


def spread(x: Floats, weight: Floats) -> float:
    return float(np.average((x - np.average(x, weights=weight)) ** 2, weights=weight))


@pytest.mark.parametrize("seed", range(150))
def test_a_line_is_that_of_a_search_along_the_slopes(seed: int) -> None:
    """Risks of any spread, truths of any level and slope, chances instead of answers, weights, priors and starts."""
    random = np.random.default_rng(seed)
    n = int(random.integers(30, 1500))
    width = random.choice([1e-9, 1e-5, 1e-3, 0.1, 0.5, 1.0, 2.0, 5.0])
    x = np.clip(random.normal(random.uniform(-9, 4), width, n), -13.8, 13.8)
    steep = random.choice([-2, -0.5, 0, 0.04, 0.06, 0.3, 1, 2.9, 3.1, 6, 20])
    level = random.uniform(-6, 6) + x.mean() * random.choice([0, 0.5, 1])
    came = (random.random(n) < expit(level + steep * (x - x.mean()))).astype(float)
    if seed % 3 == 0:
        came = np.clip(0.9 * came + 0.1 * random.random(n) * (random.random(n) < 0.2), 0, 1)
    weight = random.exponential(random.choice([1e-3, 1, 1e3]), n) * random.choice([0, 1, 1], n)
    if seed % 2 or not both_kinds(came, weight):
        weight = np.ones(n)
    if not both_kinds(came, weight):
        came[0] = 1 - came[0]
    prior_events = random.choice([0.0, 20.0])
    start = (random.normal(0, 5), random.uniform(*SLOPES)) if seed % 5 == 0 else (0.0, 1.0)
    slopes = seed % 4 != 1
    found = fit_line(x, came, weight, slopes=slopes, prior_events=prior_events, start=start)

    seen = weight > 0
    x, came, weight = x[seen], came[seen], weight[seen]
    prior = prior_events * spread(x, weight) if slopes else 0.0
    assert found[0] == pytest.approx(intercept_of(x, came, weight, found[1]), abs=1e-6)
    if not slopes or spread(x, weight) <= NARROW:
        assert found[1] == start[1]
        return
    other = minimize_scalar(
        lambda slope: loss(x, came, weight, prior, slope), bounds=SLOPES, method="bounded"
    )
    least = min(other.fun, *(loss(x, came, weight, prior, slope) for slope in SLOPES))
    assert loss(x, came, weight, prior, found[1]) <= least + 1e-12


@pytest.mark.parametrize("seed", range(80))
def test_a_regression_is_that_of_another_minimiser(seed: int) -> None:
    """Columns alike, rare or told apart in full, with ridges from hardly any to strong."""
    random = np.random.default_rng(seed)
    n, k = int(random.integers(20, 800)), int(random.integers(1, 6))
    columns = random.normal(0, random.choice([0.1, 1, 5]), (n, k))
    if seed % 2:
        columns = (random.random((n, k)) < random.choice([0.01, 0.1, 0.5])).astype(float)
    x = np.column_stack([np.ones(n), columns, columns[:, -1]])
    true = np.append(random.uniform(-5, 5), random.normal(0, random.choice([0.3, 3, 30]), k + 1))
    came = (random.random(n) < expit(x @ true)).astype(float)
    came[:2] = 0, 1
    weight, ridge = random.exponential(1, n), random.choice([1e-9, 1e-6, 1.0, 5.0])
    start = random.normal(0, 1, k + 2)
    penalty = np.append(0.0, np.full(k + 1, ridge))

    def cost(at: Floats) -> float:
        z = x @ at
        least = weight @ (np.logaddexp(0, z) - came * z) + (penalty * (at - start) ** 2).sum() / 2
        return float(least)

    def slope(at: Floats) -> Floats:
        return np.asarray(x.T @ (weight * (expit(x @ at) - came)) + penalty * (at - start))

    found = fit_logistic(x, came, weight, start=start, ridge=ridge)
    other = min(minimize(cost, at, jac=slope, method="BFGS").fun for at in (start, found))
    assert cost(found) <= other + 1e-6


@pytest.mark.parametrize("seed", [3, 38, 51, 75, 81, 127, 142, 168, 187, 190, 263, 295, 297, 380])
def test_beta_of_risks_far_from_the_truth_is_that_of_another_minimiser(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(60, 1500))
    x = random.normal(random.uniform(-7, 3), random.choice([0.1, 1, 3]), n)
    risk = expit(np.clip(x, -13.8, 13.8))
    level, steep = random.uniform(-5, 5), random.choice([-1, 0, 0.1, 0.5, 1, 2, 4, 10])
    came = random.random(n) < expit(level + steep * x)
    came[:2] = False, True
    design = np.column_stack([np.log(risk), -np.log1p(-risk), np.ones(n)])

    def cost(at: Floats) -> float:
        z = design @ at
        return float((np.logaddexp(0, z) - came * z).sum() + 10 * ((at[:2] - 1) ** 2).sum())

    found = np.array(fit_beta(risk, came, np.ones(n)).numbers)
    bounds = [SLOPES, SLOPES, (None, None)]
    other = min(
        minimize(cost, at, bounds=bounds, options={"ftol": 1e-14, "maxfun": 10_000}).fun
        for at in (np.array([1.0, 1.0, 0.0]), found)
    )
    assert cost(found) <= other + 1e-5


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("slopes", [False, True])
def test_a_store_where_it_is_far_commoner_or_rarer_is_met(ratio: float, slopes: bool) -> None:
    """True odds are the told ones times one number: the mean risk is the observed share, and the slope is found."""
    random = np.random.default_rng(int(ratio * 1000))
    n = 60_000
    told = random.normal(-1.0 if ratio < 1 else -5.3 if ratio < 50 else -7.5, 0.8, n)
    truth = expit(told + intercept_of(told, np.full(n, ratio * expit(told).mean()), np.ones(n), 1))
    came = random.random(n) < truth
    risk = expit(told)
    assert came.mean() / risk.mean() == pytest.approx(ratio, rel=0.2)
    found = fit_calibrator(risk, came, slopes=slopes)
    assert found.apply(risk).mean() == pytest.approx(came.mean(), rel=1e-9)
    assert found.slope == pytest.approx(1, abs=0.2)
    assert np.abs(found.apply(risk) - truth).mean() < 0.3 * truth.mean()
    assert calibration_slope(came, risk) == pytest.approx(1, abs=0.2)


def test_one_risk_for_everyone_is_brought_to_the_share_and_keeps_its_slope() -> None:
    for slopes in (False, True):
        found = fit_calibrator(np.full(1000, 0.01), np.arange(1000) < 100, slopes=slopes)
        assert found.intercept == pytest.approx(logit(0.1) - logit(0.01))
        assert found.slope == 1.0


@pytest.mark.parametrize(
    ("true_slope", "limit"),
    [(-0.5, SLOPES[0]), (0.0, SLOPES[0]), (4.0, SLOPES[1]), (6.0, SLOPES[1])],
)
@pytest.mark.parametrize("lost", [False, True])
def test_a_curve_whose_slope_ends_at_a_limit_has_the_observed_share(
    true_slope: float, limit: float, lost: bool
) -> None:
    random = np.random.default_rng(int(10 * true_slope) + 10)
    n = 20_000
    told = random.normal(-3, 1, n)
    came = random.random(n) < expit(-3 + true_slope * (told + 3))
    outcome = Followed(duration_days=np.full(n, 100.0), event=came.astype(np.int64))
    outcome.duration_days[came] = 50.0
    incidence = expit(told)[:, None, None]
    found = CurveCalibrator.fit(
        incidence, outcome, np.array([100.0]), lost=incidence[:, :, 0] / 2 if lost else None
    )
    assert found.slope == [[limit]]
    said = found.apply(incidence, np.array([100.0]))
    assert said.mean() == pytest.approx(came.mean(), rel=1e-3 if lost else 1e-6)


def test_what_has_no_answer_is_refused_and_never_kept() -> None:
    risk, came = np.linspace(0.1, 0.9, 50), np.arange(50) % 3 == 0
    for one in (np.zeros(50, dtype=bool), np.ones(50, dtype=bool)):
        with pytest.raises(ModelError, match=r"of 50 rows .* had it"):
            fit_calibrator(risk, one)
        assert np.isnan(calibration_slope(one, risk))
    with pytest.raises(ModelError):
        fit_calibrator(risk, came, np.where(risk > 0.8, np.nan, 1.0))
    with pytest.raises(ModelError, match="did not settle"):
        fit_calibrator(np.where(risk > 0.8, np.nan, risk), came)
    x = np.column_stack([np.ones(50), log_odds(risk)])
    with pytest.raises(ModelError, match="did not settle"):
        fit_logistic(x, np.ones(50), np.ones(50) * np.nan, start=np.zeros(2), ridge=1.0)


def test_weights_that_leave_one_kind_have_no_slope() -> None:
    risk = np.linspace(0.1, 0.9, 6)
    outcome = np.array([True, False, True, True, False, True])
    assert np.isnan(calibration_slope(outcome, risk, outcome.astype(float)))


def test_training_on_one_kind_leaves_risks_as_they_are() -> None:
    risk = np.linspace(0.1, 0.9, 50)
    same = chosen_calibrator(risk, np.zeros(50, dtype=bool), np.arange(50) % 5)
    assert same.apply(risk) == pytest.approx(risk)
