"""Hazards are levelled by who people are: expected events by hand, a plain regression as the twin, groups come true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from lifecourse.features import FeatureMatrix
from lifecourse.models.evaluation.followed import Followed
from lifecourse.models.hazards import HazardFit, fit_hazards
from lifecourse.models.hazards.basis import Basis
from lifecourse.models.hazards.held_out import HeldOut, Told
from lifecourse.models.hazards.incidence import Hazards
from lifecourse.models.hazards.learner import HazardLearner
from lifecourse.models.hazards.levelling import (
    LEVEL_EVENTS,
    PRIOR_EVENTS,
    Levelling,
    events_by_period,
    expected_events,
    gains,
    scores_of,
    with_more,
)
from lifecourse.models.hazards.start import demographics

YEAR = 365.25
HORIZONS = np.array([1.0, 5.0]) * YEAR
EDGES = np.array([0.0, 200.0, 500.0, 900.0])
PERIOD = np.array([0, 0, 1])
N_TILTED = 8_000


def people(seed: int, n: int) -> tuple[FeatureMatrix, Followed]:
    """Age and fifty of 150 other columns say a little each: too many for trees, or a penalty, to take whole."""
    random = np.random.default_rng(seed)
    age, female = random.uniform(20, 80, n), (random.random(n) < 0.5).astype(float)
    others = random.normal(size=(n, 150))
    days = random.exponential(YEAR, n) / np.exp(
        -1.6 + (age - 50) / 20 + 0.2 * others[:, :50].sum(axis=1)
    )
    features = FeatureMatrix(
        rows=pl.DataFrame({"subject_id": np.arange(n)}),
        dense=np.column_stack([age, female, others]),
        dense_names=["age", "female", *(f"other{i}" for i in range(150))],
        codes=sparse.csr_matrix((n, 0), dtype=np.float32),
        code_names=[],
        vocabulary=[],
    )
    end = 5 * YEAR
    ends = Followed(duration_days=np.minimum(days, end), event=(days < end).astype(np.int64))
    return features, ends


@pytest.fixture(scope="module")
def fit() -> HazardFit:
    features, outcome = people(1, 5_000)
    return fit_hazards(features, outcome, np.arange(5_000), horizons_days=HORIZONS)


@pytest.fixture(scope="module")
def tilted() -> tuple[FeatureMatrix, HeldOut, list[tuple[np.ndarray, list[Hazards]]]]:
    """True hazards, but of women told a half of theirs, by two members: one of each half of the people."""
    features, outcome = people(8, N_TILTED)
    log_rate = -1.6 + (features.dense[:, 0] - 50) / 20 + 0.2 * features.dense[:, 2:52].sum(axis=1)
    margin = log_rate - np.log(2) * features.dense[:, 1]
    held = HeldOut(came=outcome, folds=np.arange(N_TILTED) % 5, horizons=HORIZONS)
    parts = []
    for half in (np.arange(0, N_TILTED, 2), np.arange(1, N_TILTED, 2)):
        rate = np.full((1, 2), 1 / YEAR)
        parts.append((half, [Hazards(rate, np.zeros(2, np.int64), margin[None, None, half])]))
    return features, held, parts


def level(
    features: FeatureMatrix, held: HeldOut, parts: list[tuple[np.ndarray, list[Hazards]]]
) -> tuple[Levelling, list[Told]] | None:
    those = demographics(features)
    basis = Basis.fit(those)
    edges = np.array([0.0, *HORIZONS])
    return held.levelled(basis, basis.dense(those), parts, edges, np.array([0, 1]))


def test_women_are_foretold_as_often_as_it_comes(
    tilted: tuple[FeatureMatrix, HeldOut, list[tuple[np.ndarray, list[Hazards]]]],
) -> None:
    features, held, parts = tilted
    found = level(features, held, parts)
    assert found is not None
    women, came = features.dense[:, 1] == 1, held.came.event == 1
    told = held.calibrated(found[1]).told.raw
    assert told[women, 0, -1].mean() == pytest.approx(came[women].mean(), rel=0.02)
    assert told[~women, 0, -1].mean() == pytest.approx(came[~women].mean(), rel=0.02)


def test_nobody_is_levelled_or_calibrated_on_themselves(
    tilted: tuple[FeatureMatrix, HeldOut, list[tuple[np.ndarray, list[Hazards]]]],
) -> None:
    features, held, parts = tilted
    first = held.folds == 0
    event = np.where(first & (np.arange(N_TILTED) % 3 == 0), 0, held.came.event)
    other = replace(held, came=replace(held.came, event=event))
    found = []
    for one in (held, other):
        level_of_one = level(features, one, parts)
        assert level_of_one is not None
        found.append(one.calibrated(level_of_one[1]))
    assert np.array_equal(found[0].told.raw[first], found[1].told.raw[first])
    assert not np.allclose(found[0].told.raw[~first], found[1].told.raw[~first])
    # The maps of the others are looked for from everyone's, which ends a little elsewhere.
    assert found[0].incidence[first] == pytest.approx(found[1].incidence[first], rel=1e-3)


def test_a_rare_cause_is_left_as_it_was_beside_one_that_is_levelled(
    tilted: tuple[FeatureMatrix, HeldOut, list[tuple[np.ndarray, list[Hazards]]]],
) -> None:
    features, held, parts = tilted
    random = np.random.default_rng(0)
    event = np.where(random.random(N_TILTED) < 0.005, 2, held.came.event)
    both = []
    for rows, (one,) in parts:
        rare = np.concatenate([one.margin, random.normal(size=(1, 1, len(rows)))])
        both.append((rows, [Hazards(np.vstack([one.rate, one.rate / 100]), one.period, rare)]))
    found = level(features, replace(held, came=replace(held.came, event=event)), both)
    assert found is not None
    assert (found[0].stretch[1] == 0).all()
    assert (found[0].beta[1] == 0).all()
    assert (found[0].level[1] == 0).all()
    assert (found[0].beta[0] != 0).any()


def test_what_came_where_nothing_was_expected_levels_nothing() -> None:
    features, _ = people(3, 9_000)
    those = demographics(features)
    basis = Basis.fit(those)
    came = np.zeros((1, 2, 9_000), dtype=np.bool_)
    came[0, 0, :3_000] = came[0, 1, 3_000:3_002] = True
    expected = np.full((1, 2, 9_000), 0.3)
    expected[0, 1] = 0.0
    found = Levelling.fit(basis, basis.dense(those), np.zeros((1, 2, 9_000)), came, expected)
    assert found.level[0, 1] == 0
    assert (found.beta[0, 1] == 0).all()
    assert np.isfinite(found.level).all()


def test_who_is_asked_alone_is_told_the_same_to_the_bit(fit: HazardFit) -> None:
    features, _ = people(10, 64)
    together = fit.learner.incidence(features)
    for row in (0, 17, 63):
        alone = fit.learner.incidence(features.of_rows(np.array([row])))
        assert np.array_equal(alone[0], together[row])


def test_what_is_level_is_left_as_it_is() -> None:
    features, outcome = people(9, N_TILTED)
    log_rate = -1.6 + (features.dense[:, 0] - 50) / 20 + 0.2 * features.dense[:, 2:52].sum(axis=1)
    held = HeldOut(came=outcome, folds=np.arange(N_TILTED) % 5, horizons=HORIZONS)
    true = Hazards(np.full((1, 2), 1 / YEAR), np.zeros(2, np.int64), log_rate[None, None])
    assert level(features, held, [(np.arange(N_TILTED), [true])]) is None


def test_expected_events_are_those_of_small_steps_through_time() -> None:
    random = np.random.default_rng(0)
    n = 12
    outcome = Followed(
        duration_days=random.uniform(300, 900, n),
        event=random.integers(0, 3, n),
        entry_days=random.uniform(0, 250, n),
    )
    one = Hazards(random.uniform(1e-4, 1e-2, (2, 3)), np.zeros(3, np.int64), np.zeros((2, 1, n)))
    other = Hazards(random.uniform(1e-4, 1e-2, (2, 3)), PERIOD, random.normal(size=(2, 2, n)))
    found = expected_events([one, other], outcome, EDGES, PERIOD)
    step = 0.05
    middles = np.arange(0, 900, step) + step / 2
    place = np.searchsorted(EDGES, middles) - 1
    assert outcome.entry_days is not None
    for row in range(n):
        seen = (middles > outcome.entry_days[row]) & (middles <= outcome.duration_days[row])
        for c in range(2):
            both = one.rate[c, place] + other.rate[c, place] * np.exp(
                other.margin[c, PERIOD[place], row]
            )
            for p in range(2):
                wanted = (both * (seen & (PERIOD[place] == p))).sum() * step / 2
                assert found[c, p, row] == pytest.approx(wanted, abs=2e-3)
    came = events_by_period(outcome, EDGES, PERIOD, 2)
    assert came.sum() == (outcome.event > 0).sum()
    assert (came[:, 1].any(axis=0) == ((outcome.duration_days > 500) & (outcome.event > 0))).all()


def test_it_is_a_poisson_regression_with_an_offset() -> None:
    features, _ = people(2, 12_000)
    those = demographics(features)
    basis = Basis.fit(those)
    random = np.random.default_rng(3)
    expected = random.uniform(0.05, 0.4, (1, 1, 12_000))
    came = random.random((1, 1, 12_000)) < expected * np.exp(0.5 * features.dense[:, 1])
    scores = random.normal(-1.0, 1.7, (1, 1, 12_000))
    dense = basis.dense(those)
    found = Levelling.fit(basis, dense, scores, came, expected)
    design = np.column_stack([np.ones(12_000), dense.T.astype(float), scores[0, 0]])
    prior = np.full(design.shape[1], PRIOR_EVENTS)
    prior[0] = 0.0
    prior[-1] *= scores.var()
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        mean = expected[0, 0] * np.exp(design @ beta)
        gradient = design.T @ (came[0, 0] - mean) - prior * beta
        beta += np.linalg.solve((design.T * mean) @ design + np.diag(prior), gradient)
    told = found.more(dense, scores)
    assert told[0, 0] == pytest.approx(design @ beta, abs=0.02)
    assert (expected * np.exp(told)).sum() == pytest.approx(came.sum(), rel=1e-5)
    likely = [np.log(mean[came]).sum() - mean.sum() for mean in (expected, expected * np.exp(told))]
    assert gains(came, expected, told) == pytest.approx([likely[1] - likely[0]])


def test_people_of_each_age_are_foretold_as_often_as_it_comes(fit: HazardFit) -> None:
    features, outcome = people(4, 30_000)
    assert fit.learner.levelling is not None
    told, plain = (one.incidence(features)[:, 0, -1] for one in (fit.learner, _plain(fit.learner)))
    came, age = outcome.event == 1, features.dense[:, 0]
    off = []
    for one in (told, plain):
        ratios = [
            came[mine].mean() / one[mine].mean()
            for mine in ((age >= low) & (age < low + 12) for low in range(20, 80, 12))
        ]
        off.append(np.abs(np.log(ratios)).max())
    assert off[0] < 0.08
    assert off[0] < off[1]


def test_a_learner_comes_back_with_its_levelling_and_an_earlier_one_has_none(
    fit: HazardFit,
) -> None:
    features, _ = people(5, 200)
    document = fit.learner.to_dict()
    again = HazardLearner.from_dict(document, fit.learner.to_bytes())
    assert np.array_equal(again.incidence(features), fit.learner.incidence(features))
    del document["levelling"]
    earlier = HazardLearner.from_dict(document, fit.learner.to_bytes())
    assert np.array_equal(earlier.incidence(features), _plain(fit.learner).incidence(features))


def test_what_the_columns_add_has_the_levelling_in_it(fit: HazardFit) -> None:
    features, _ = people(6, 50)
    levelling = fit.learner.levelling
    assert levelling is not None
    told, before = (one.contributions(features) for one in (fit.learner, _plain(fit.learner)))
    stretch = 1 + levelling.stretch[0].mean()
    assert (told - stretch * before)[:, 2:] == pytest.approx(0, abs=1e-9)
    dense = levelling.basis.dense(demographics(features))
    wanted = levelling.beta[0].mean(axis=0) @ dense
    assert (told - stretch * before).sum(axis=1) == pytest.approx(wanted, abs=1e-4)


def test_scores_are_the_logs_of_whole_periods_and_a_hazard_of_nothing_has_the_least() -> None:
    one = Hazards(np.array([[0.1, 0.2, 0.4]]), np.zeros(3, np.int64), np.array([[[0.0, 1.0]]]))
    other = Hazards(np.array([[0.3, 0.0, 0.0]]), PERIOD, np.zeros((1, 2, 2)))
    found = scores_of([one, other], EDGES, PERIOD)
    first, second = 0.1 * 200 + 0.2 * 300, 0.4 * 400
    wanted = [
        [np.log((first * e + 0.3 * 200) / 2) for e in (1, np.e)],
        [np.log(second * e / 2) for e in (1, np.e)],
    ]
    assert found[0] == pytest.approx(np.array(wanted))
    nothing = Hazards(np.zeros((1, 3)), PERIOD, np.zeros((1, 2, 1)))
    assert (scores_of([nothing], EDGES, PERIOD) == -30).all()


def test_with_few_events_nothing_is_levelled() -> None:
    features, outcome = people(7, 1_500)
    assert 300 < (outcome.event == 1).sum() < LEVEL_EVENTS
    fit = fit_hazards(features, outcome, np.arange(1_500), horizons_days=HORIZONS)
    assert fit.learner.levelling is None


def test_more_is_on_the_log_of_each_parts_hazards() -> None:
    part = Hazards(np.full((1, 3), 0.1), np.zeros(3, np.int64), np.zeros((1, 1, 2)))
    more = np.array([[[0.0, 1.0], [2.0, 3.0]]])
    (found,) = with_more([part], PERIOD, more)
    assert np.array_equal(found.margin, more)
    assert found.period is PERIOD


def _plain(learner: HazardLearner) -> HazardLearner:
    """The same without levelling."""
    return HazardLearner(
        kind=learner.kind,
        linear=learner.linear,
        boosted=learner.boosted,
        horizons_days=learner.horizons_days,
    )
