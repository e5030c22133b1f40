"""Trees start from a regression on age and sex: groups are foretold as often as it comes, documents come back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from lifecourse.features import FeatureMatrix
from lifecourse.models.evaluation.followed import Followed
from lifecourse.models.hazards.boosted import BoostedHazards, chosen_growth
from lifecourse.models.hazards.grid import time_grid
from lifecourse.models.hazards.incidence import cumulative_incidence
from lifecourse.models.hazards.person_periods import periods_of
from lifecourse.models.hazards.start import (
    FEWEST_EVENTS,
    Start,
    demographics,
    pairs_of,
    shared,
    within,
)

N, NOISE, YEAR = 6_000, 220, 365.25
HORIZONS = np.array([1.0, 5.0]) * YEAR


def yearly_hazard(age: np.ndarray, female: np.ndarray) -> np.ndarray:
    return np.asarray(0.015 * np.exp((age - 57) / 14 - 0.5 * female))


def drawn(seed: int, n: int = N) -> tuple[FeatureMatrix, Followed]:
    """People whose hazard grows with age and sex, and many columns that say nothing."""
    random = np.random.default_rng(seed)
    age, female = random.uniform(35, 80, n), (random.random(n) < 0.5).astype(float)
    dense = np.column_stack([age, female, random.normal(size=(n, NOISE))])
    hazard = yearly_hazard(age, female) / YEAR
    days = random.exponential(1.0, n) / hazard
    features = FeatureMatrix(
        rows=pl.DataFrame({"subject_id": np.arange(n)}),
        dense=dense,
        dense_names=["age", "female", *(f"noise{i}" for i in range(NOISE))],
        codes=sparse.csr_matrix((n, 0), dtype=np.float32),
        code_names=[],
        vocabulary=[],
    )
    ends = np.minimum(days, 5 * YEAR)
    return features, Followed(duration_days=ends, event=(days < 5 * YEAR).astype(np.int64))


def fitted(features: FeatureMatrix, outcome: Followed) -> BoostedHazards:
    edges = time_grid(outcome, HORIZONS)
    rows, period = np.arange(len(outcome)), periods_of(outcome, edges)
    inner = rows % 5 == 0
    growth = chosen_growth(features, outcome, rows, [inner], edges=edges, period=period)
    return BoostedHazards.fit(features, outcome, rows, edges=edges, period=period, growth=growth)


def risk(model: BoostedHazards, features: FeatureMatrix) -> np.ndarray:
    return cumulative_incidence(model.edges, [model.hazards(features)], HORIZONS)[:, 0, -1]


def test_young_and_old_of_each_sex_are_foretold_as_often_as_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new, _ = drawn(0)
    age, female = new.dense[:, 0], new.dense[:, 1]
    true = 1 - np.exp(-5 * yearly_hazard(age, female))
    groups = np.digitize(age, [45, 55, 65, 73]) * 2 + female.astype(int)

    def off() -> np.ndarray:
        """Of each group, the mean over four studies of how far the log of told over true is from 0."""
        told = np.mean([risk(fitted(*drawn(seed)), new) for seed in range(1, 5)], axis=0)
        return np.array(
            [np.log(told[groups == g].mean() / true[groups == g].mean()) for g in np.unique(groups)]
        )

    started = off()
    monkeypatch.setattr(Start, "fit", lambda *_: None)
    plain = off()
    # Two thousand events at most taught: the studies themselves lie so far from the truth.
    assert np.abs(started).mean() < 0.12
    assert np.abs(started).max() < np.abs(plain).max() / 2


def test_a_model_comes_back_the_same_and_one_without_a_start_still_loads() -> None:
    features, outcome = drawn(3)
    model = fitted(features, outcome)
    assert model.start is not None
    again = BoostedHazards.from_bytes(model.to_dict(), model.to_bytes())
    np.testing.assert_array_equal(risk(again, features), risk(model, features))
    older = {key: value for key, value in model.to_dict().items() if key != "start"}
    assert BoostedHazards.from_bytes(older, model.to_bytes()).start is None


def test_what_the_columns_add_sums_to_the_log_hazard_but_for_one_number() -> None:
    features, outcome = drawn(4)
    model = fitted(features, outcome)
    whole = model.hazards(features).margin[0].mean(axis=0)
    rest = whole - model.contributions(features).sum(axis=1)
    assert float(np.ptp(rest)) < 1e-4


def test_few_events_or_no_age_give_no_start() -> None:
    features, outcome = drawn(5)
    edges = time_grid(outcome, HORIZONS)
    rows, period = np.arange(len(outcome)), periods_of(outcome, edges)
    few = Followed(duration_days=outcome.duration_days, event=outcome.event.copy())
    few.event[np.flatnonzero(few.event)[FEWEST_EVENTS - 1 :]] = 0
    assert Start.fit(features, outcome, rows, edges, period, 1) is not None
    assert Start.fit(features, few, rows, edges, period, 1) is None
    nameless = replace(features, dense_names=[f"x{i}" for i in range(NOISE + 2)])
    assert Start.fit(nameless, outcome, rows, edges, period, 1) is None
    assert demographics(features).dense_names == ["age", "female", "age x female"]


def test_of_a_product_each_of_the_two_adds_half() -> None:
    added = np.array([[1.0, 2.0, 4.0, 10.0, 20.0, 40.0]])  # of a, b, c, a x b, a x c, b x c
    np.testing.assert_array_equal(shared(added, 3), [[16.0, 27.0, 34.0]])
    assert pairs_of(3) == [(0, 1), (0, 2), (1, 2)]


def test_what_age_means_may_change_with_time() -> None:
    """A hazard that only the old have in the first years, and everyone later on."""
    random = np.random.default_rng(6)
    n = 12_000
    age = random.uniform(40, 80, n)
    early = np.where(age > 60, 0.05, 0.005) / YEAR
    came = random.exponential(1 / early)
    came = np.where(came > 2 * YEAR, 2 * YEAR + random.exponential(YEAR / 0.04, n), came)
    features = replace(
        drawn(0)[0].of_rows(np.zeros(n, dtype=np.int64)),
        dense=np.column_stack([age, np.zeros((n, NOISE + 1))]),
    )
    outcome = Followed(
        duration_days=np.minimum(came, 5 * YEAR), event=(came < 5 * YEAR).astype(np.int64)
    )
    edges = time_grid(outcome, HORIZONS)
    period = (edges[1:] > 2 * YEAR).astype(np.int64)
    start = Start.fit(features, outcome, np.arange(n), edges, period, 1)
    assert start is not None
    hazard = start.rate[0] * np.exp(start.margin(features)[0][period]).T  # [r, g]
    for old in (False, True):
        told = hazard[(age > 65) if old else (age < 55)].mean(axis=0) * YEAR
        assert told[period == 0].mean() == pytest.approx(0.05 if old else 0.005, rel=0.2)
        assert told[period == 1].mean() == pytest.approx(0.04, rel=0.2)
    again = Start.from_dict(start.to_dict())
    np.testing.assert_array_equal(again.margin(features), start.margin(features))


def test_a_part_of_time_holds_who_was_seen_then_and_what_came_then() -> None:
    outcome = Followed(
        duration_days=np.array([5.0, 10.0, 20.0, 30.0]),
        event=np.array([1, 1, 2, 0]),
        entry_days=np.array([0.0, 2.0, 12.0, 25.0]),
    )
    part, rows = within(outcome, np.arange(4), 5.0, 20.0)
    assert rows.tolist() == [1, 2]
    mine = part.rows(rows)
    assert mine.duration_days.tolist() == [10.0, 20.0]
    assert mine.event.tolist() == [1, 2]
    assert mine.entry_days is not None
    assert mine.entry_days.tolist() == [5.0, 12.0]
    part, rows = within(outcome, np.array([1, 3]), 8.0, 28.0)
    assert part.rows(rows).event.tolist() == [1, 0]
    assert part.rows(rows).duration_days.tolist() == [10.0, 28.0]
