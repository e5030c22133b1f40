"""Bent calibration: planted bends are found, straight ones left alone, each fit beside a slow obvious twin."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from lifecourse.models.evaluation import Followed
from lifecourse.models.hazards import CurveCalibrator
from lifecourse.models.shapes import Shape, chosen_shape, fit_beta, fit_isotonic

N = 20_000
FOLDS = np.arange(N) % 5


def told_and_came(bend: Shape | None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    told = expit(random.normal(-1.0, 1.2, N))
    true = told if bend is None else bend.apply(told)
    return told, random.random(N) < true


STEP = Shape(kind="isotonic", numbers=[-3.0, -1.2, -0.8, 2.0, -2.5, -2.4, 0.4, 0.5])


@pytest.mark.parametrize("seed", range(5))
def test_what_is_straight_is_left_straight_mostly_and_a_bend_is_found(seed: int) -> None:
    told, came = told_and_came(STEP, seed)
    found = chosen_shape(told, came, np.ones(N), FOLDS)
    assert found is not None
    assert np.abs(found.apply(told) - STEP.apply(told)).mean() < 0.03
    straight, happened = told_and_came(None, seed)
    left = chosen_shape(straight, happened, np.ones(N), FOLDS)
    assert left is None or np.abs(left.apply(straight) - straight).mean() < 0.01


def test_beta_finds_what_was_planted() -> None:
    told, came = told_and_came(Shape(kind="beta", numbers=[1.6, 0.5, 0.3]))
    a, b, c = fit_beta(told, came, np.ones(N)).numbers
    assert (a, b, c) == (pytest.approx(1.6, abs=0.15), pytest.approx(0.5, abs=0.25), pytest.approx(0.3, abs=0.25))  # fmt: skip


def test_beta_is_the_least_of_a_slow_search() -> None:
    told, came = told_and_came(Shape(kind="beta", numbers=[1.4, 0.7, 0.1]))
    told, came = told[:500], came[:500]

    def cost(a: float, b: float, c: float) -> float:
        total = 10 * ((a - 1) ** 2 + (b - 1) ** 2)
        for p, y in zip(told, came, strict=True):
            q = expit(c + a * np.log(p) - b * np.log(1 - p))
            total -= np.log(q if y else 1 - q)
        return float(total)

    best = fit_beta(told, came, np.ones(500)).numbers
    least = cost(*best)
    for place in range(3):
        for step in (-0.02, 0.02):
            moved = list(best)
            moved[place] += step
            assert cost(*moved) > least


@pytest.mark.parametrize("seed", range(6))
def test_beta_within_its_bounds_is_that_of_another_minimiser(seed: int) -> None:
    """Steep, flat and reversed truths, some of which press a or b against a bound."""
    random = np.random.default_rng(seed)
    at = random.normal(-1.0, 1.5, 400)
    bend = (0.02, 6.0, -1.0, 1.0, 0.5, 3.0)[seed]
    told, came = expit(at), random.random(400) < expit(bend * at + (at > 0))
    weight = random.uniform(0.2, 3.0, 400)
    known, unknown = np.log(told), np.log1p(-told)

    def cost(x: np.ndarray) -> float:
        z = x[2] + x[0] * known - x[1] * unknown
        loss = (weight * (np.logaddexp(0, z) - came * z)).sum()
        return float(loss + 10 * ((x[0] - 1) ** 2 + (x[1] - 1) ** 2))

    bounds = [(0.05, 3.0), (0.05, 3.0), (-20, 20)]
    found = np.array(fit_beta(told, came, weight).numbers)
    other = minimize(cost, np.array([1.0, 1.0, 0.0]), bounds=bounds, options={"ftol": 1e-14})
    assert cost(found) <= other.fun + 1e-6
    assert found == pytest.approx(other.x, abs=5e-3)


def test_isotonic_steps_are_those_of_the_slow_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fitted value is the greatest over starts before of the least over ends after of the mean between."""
    monkeypatch.setattr("lifecourse.models.shapes.FEWEST_OF_EACH", 0.0)
    told, came = told_and_came(STEP)
    order = np.argsort(told[:60])
    told, came = told[:60][order], came[:60][order]
    weight = np.random.default_rng(3).uniform(0.5, 2.0, 60)
    slow = [
        max(
            min(
                np.average(came[j : k + 1].astype(float), weights=weight[j : k + 1])
                for k in range(i, 60)
            )
            for j in range(i + 1)
        )
        for i in range(60)
    ]
    found = fit_isotonic(told, came, weight)
    assert found is not None
    knots, mapped = np.split(np.array(found.numbers), 2)
    levels = np.unique(np.round(slow, 12))
    steps = logit(np.clip(levels, 1e-6, 1 - 1e-6))
    assert len(knots) == len(levels)
    assert mapped - steps == pytest.approx(np.full(len(levels), (mapped - steps)[0]), abs=1e-6)
    for level, knot in zip(levels, knots, strict=True):
        inside = np.isclose(slow, level)
        assert knot == pytest.approx(np.average(logit(told[inside]), weights=weight[inside]))
    assert np.average(found.apply(told), weights=weight) == pytest.approx(
        np.average(came, weights=weight), abs=1e-6
    )


def test_both_kinds_keep_the_order_and_are_finite() -> None:
    told, came = told_and_came(STEP)
    asked = np.array([0.0, 1e-9, 0.01, 0.3, 0.99, 1.0])
    for shape in (fit_beta(told, came, np.ones(N)), fit_isotonic(told, came, np.ones(N))):
        assert shape is not None
        mapped = shape.apply(asked)
        assert ((mapped >= 0) & (mapped <= 1)).all()
        assert (np.diff(mapped) >= 0).all()
        assert (np.diff(shape.apply(np.linspace(0.01, 0.99, 99))) > 0).all()


def test_one_answer_or_too_few_have_no_shape() -> None:
    told, came = told_and_came(None)
    assert chosen_shape(told, np.zeros(N, dtype=bool), np.ones(N), FOLDS) is None
    assert fit_isotonic(told[:30], came[:30], np.ones(30)) is None


def test_bent_curves_still_rise_with_the_horizon_and_come_back_from_their_document() -> None:
    random = np.random.default_rng(5)
    rate = np.exp(random.normal(-1.5, 0.8, N))
    true = np.where(rate > 0.25, 2.5 * rate, 0.5 * rate)
    days = random.exponential(1 / true)
    came = Followed(duration_days=np.minimum(days, 2.0), event=(days <= 2.0).astype(np.int64))
    horizons = np.array([1.0, 2.0])
    told = (1 - np.exp(-rate[:, None] * horizons))[:, None, :]
    straight = CurveCalibrator.fit(told, came, horizons)
    bent = straight.bent(told, came, FOLDS)
    assert bent.shapes is not None
    assert all(shape is not None for shape in bent.shapes[0])
    truth = 1 - np.exp(-true[:, None] * horizons)
    off = [np.abs(one.apply(told, horizons)[:, 0] - truth).mean() for one in (straight, bent)]
    assert off[1] < 0.7 * off[0]
    assert (np.diff(bent.apply(told, horizons), axis=2) >= 0).all()
    assert CurveCalibrator.from_dict(bent.to_dict()) == bent
