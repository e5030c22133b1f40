"""Each clever part of the hazards beside a slow obvious twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from lifecourse.models.evaluation import Followed
from lifecourse.models.hazards import CurveCalibrator
from lifecourse.models.hazards.basis import Curve, Design
from lifecourse.models.hazards.curves import repaired
from lifecourse.models.hazards.grid import Spans, time_grid
from lifecourse.models.hazards.incidence import Hazards, cumulative_incidence
from lifecourse.models.hazards.poisson import Columns, PoissonHazard

SEEDS = st.integers(0, 2**32 - 1)


def random_followed(random: np.random.Generator, n: int, *, entry: bool = False) -> Followed:
    days = random.exponential(100, n) + 0.01
    return Followed(
        duration_days=days,
        event=random.integers(0, 3, n),
        entry_days=days * random.uniform(0, 0.9, n) if entry else None,
    )


@given(SEEDS)
def test_exposure_and_its_sum_equal_days_counted_one_by_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    followed = random_followed(random, 12, entry=True)
    assert followed.entry_days is not None
    edges = np.array([0.0, 20.0, 70.0, 110.0, 500.0])
    weight, rate = random.random(12), random.random(4)
    spans = Spans.of(followed, edges)
    days = np.zeros((12, 4))
    for i in range(12):
        for j in range(4):
            until = min(followed.duration_days[i], edges[j + 1])
            days[i, j] = max(0.0, until - max(followed.entry_days[i], edges[j]))
    assert spans.exposure(weight) == pytest.approx(weight @ days, abs=1e-9)
    assert spans.cumulated(rate) == pytest.approx(days @ rate, abs=1e-9)


@given(SEEDS)
def test_incidence_equals_many_small_steps(seed: int) -> None:
    random = np.random.default_rng(seed)
    edges = np.array([0.0, 10.0, 30.0, 60.0])
    parts = [
        Hazards(random.random((2, 3)) / 20, np.array([0, 1, 1]), random.normal(size=(2, 2, 4))),
        Hazards(random.random((2, 3)) / 20, np.array([0, 0, 0]), random.normal(size=(2, 1, 4))),
    ]
    horizons = np.array([5.0, 30.0, 44.0, 60.0])
    found = cumulative_incidence(edges, parts, horizons)
    step, alive, told = 0.01, np.ones(4), np.zeros((4, 2))
    expected = []
    for tick in range(6000):
        j = int(np.searchsorted(edges, (tick + 0.5) * step) - 1)
        hazard = np.mean(
            [p.rate[:, j, None] * np.exp(p.margin[:, p.period[j], :]) for p in parts], axis=0
        )
        told += (alive * hazard * step).T
        alive = alive * (1 - hazard.sum(axis=0) * step)
        if (tick + 1) * step in horizons:
            expected.append(told.copy())
    assert found == pytest.approx(np.stack(expected, axis=2), abs=2e-3)
    assert (found.sum(axis=1) <= 1 + 1e-12).all()


def test_without_a_penalty_and_an_interval_for_each_event_it_is_coxs_model() -> None:
    # Cox's likelihood does not see between events: losses and entries are moved to the event before.
    pandas = pytest.importorskip("pandas")
    lifelines = pytest.importorskip("lifelines")
    random = np.random.default_rng(7)
    n, true = 400, np.array([0.5, -0.3, 0.0, 0.2, 1.0])
    x = random.normal(size=(n, 5)).astype(np.float32)
    came = random.exponential(1 / np.exp(x @ true))
    lost = random.exponential(2.0, n)
    days, event = np.minimum(came, lost), (came <= lost).astype(np.int64)
    entry = np.minimum(random.exponential(0.1, n), days * 0.9)
    table = pandas.DataFrame(x.astype(float)).assign(days=days, event=event, entry=entry)
    cox = lifelines.CoxPHFitter().fit(
        table, "days", "event", entry_col="entry", fit_options={"precision": 1e-12}
    )
    times = np.concatenate([[0.0], np.sort(days[event == 1])])
    before = [times[np.searchsorted(times, moment, side="right") - 1] for moment in (days, entry)]
    seen = np.flatnonzero(before[0] > before[1])
    followed = Followed(
        duration_days=before[0][seen], event=event[seen], entry_days=before[1][seen]
    )
    design = Design(np.ascontiguousarray(x[seen].T), sparse.csc_matrix((len(seen), 0)))
    fit = PoissonHazard.start(Columns.of(design), Spans.of(followed, times), event[seen] == 1)
    for _ in range(3):
        fit.fit(np.zeros(5), np.zeros(5), tolerance=0.0)
    assert fit.beta == pytest.approx(cox.params_.to_numpy(), abs=1e-6)


@given(SEEDS)
def test_sparse_and_dense_columns_give_the_same_coefficients(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = 60 + seed % 4  # columns are added up by fours: all that can be left over
    x = random.poisson(0.7, size=(n, 4)).astype(np.float32)
    followed = random_followed(random, n)
    spans = Spans.of(followed, time_grid(followed, np.array([300.0])))
    none = np.zeros((0, n), dtype=np.float32)
    designs = (
        Design(np.ascontiguousarray(x.T), sparse.csc_matrix((n, 0), dtype=np.float32)),
        Design(none, sparse.csc_matrix(x)),
    )
    found = []
    for design in designs:
        fit = PoissonHazard.start(Columns.of(design), spans, followed.event == 1)
        fit.fit(np.full(4, 0.5), np.full(4, 2.0), tolerance=0.0)
        found.append(fit)
    assert found[0].beta == pytest.approx(found[1].beta, abs=1e-6)
    # at the penalised maximum no coefficient would rather move
    gradient = x.T @ (
        (followed.event == 1) - spans.cumulated(found[1].rate) * np.exp(found[1].margin)
    )
    pull = gradient - 2.0 * found[1].beta
    at_zero = found[1].beta == 0
    assert (np.abs(pull[at_zero]) <= 0.5 + 1e-3).all()
    assert pull[~at_zero] == pytest.approx(0.5 * np.sign(found[1].beta[~at_zero]), abs=1e-3)


@given(SEEDS)
def test_repair_leaves_rising_curves_that_sum_to_at_most_1(seed: int) -> None:
    random = np.random.default_rng(seed)
    found = repaired(random.uniform(-0.2, 1.4, (9, 3, 5)))
    assert (found >= 0).all()
    assert (np.diff(found, axis=2) >= 0).all()
    assert (found.sum(axis=1) <= 1 + 1e-12).all()
    assert np.allclose(repaired(found), found)


def test_a_calibrator_undoes_a_planted_distortion() -> None:
    random = np.random.default_rng(3)
    risk = random.uniform(0.02, 0.6, 40_000)
    happened = random.random(40_000) < risk
    days = np.where(happened, 50.0, 200.0)
    followed = Followed(duration_days=days, event=happened.astype(np.int64))
    odds = np.log(risk / (1 - risk))
    wrong = 1 / (1 + np.exp(-(0.7 + 1.6 * odds)))[:, None, None]
    horizon = np.array([100.0])
    found = CurveCalibrator.fit(wrong, followed, horizon).apply(wrong, horizon)[:, 0, 0]
    assert np.abs(found - risk).max() < 0.03
    assert found.mean() == pytest.approx(happened.mean(), rel=1e-3)


def test_a_horizon_that_nobody_was_seen_to_has_the_level_of_the_one_before() -> None:
    random = np.random.default_rng(5)
    n = 4_000
    came, lost = random.exponential(300, n), random.uniform(10, 150, n)
    followed = Followed(
        duration_days=np.minimum(came, lost), event=np.where(came < lost, 1, 0).astype(np.int64)
    )
    horizons = np.array([100.0, 200.0])
    risk = np.repeat(-np.expm1(-horizons / 300)[None, None, :], n, axis=0)
    found = CurveCalibrator.fit(risk, followed, horizons)
    # only those who had the event are known at 200 days: a map fitted to them would say that everyone has it
    level = CurveCalibrator.fit(risk, followed, horizons, slopes=False)
    assert found.intercept[0][1] == level.intercept[0][0]
    assert found.slope[0][1] == 1
    told = found.apply(risk, horizons)[0, 0]
    assert told == pytest.approx(-np.expm1(-horizons / 300), rel=0.08)
    kinds = found.bent(risk, followed, np.arange(n) % 5).kinds
    assert kinds[0][1] == "straight"


def test_everyone_followed_to_the_end_is_calibrated_there_however_few_are_left() -> None:
    days = np.concatenate([np.full(990, 50.0), np.full(10, 300.0)])
    followed = Followed(duration_days=days, event=(days < 100).astype(np.int64))
    horizons = np.array([20.0, 100.0])
    risk = np.full((1000, 1, 2), 0.5)
    found = CurveCalibrator.fit(risk, followed, horizons, slopes=False).apply(risk, horizons)
    assert found[0, 0, 1] == pytest.approx(0.99, abs=1e-6)


def test_a_missing_value_is_the_middle_and_a_flag_and_extremes_are_drawn_in() -> None:
    column = np.append(np.random.default_rng(1).normal(100, 10, 999), np.nan)
    curve = Curve.fit(column)
    told = np.empty((curve.n_columns, 3), dtype=np.float32)
    curve.fill(np.array([np.nan, 1e9, 1e12]), told)
    assert told[:, 0].tolist() == [0.0] * (curve.n_columns - 1) + [1.0]
    assert np.array_equal(told[:, 1], told[:, 2])
    assert np.abs(told[0, 1]) < 4


def test_a_cause_that_came_to_nobody_has_no_rate_and_no_coefficients() -> None:
    random = np.random.default_rng(3)
    followed = random_followed(random, 50)
    columns = Columns.of_dense(random.normal(size=(3, 50)))
    spans = Spans.of(followed, np.array([0.0, 50.0, 1000.0]))
    fit = PoissonHazard.start(columns, spans, followed.event == 7)
    fit.fit(np.zeros(3), np.ones(3))
    assert not fit.beta.any()
    assert not fit.margin.any()
    assert not fit.rate.any()
    unseen = PoissonHazard.start(columns, spans, followed.event == 1, np.zeros(50))
    unseen.fit(np.zeros(3), np.ones(3))
    assert not unseen.beta.any()
