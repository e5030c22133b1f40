"""Measures of people who were followed, beside scikit-survival, lifelines and the definitions spelt out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from sksurv.metrics import (
    brier_score,
    concordance_index_censored,
    concordance_index_ipcw,
    cumulative_dynamic_auc,
    integrated_brier_score,
)
from sksurv.util import Surv

from lifecourse.models.evaluation import (
    Followed,
    auroc,
    brier,
    concordance,
    cumulative_incidence,
    horizons_seen,
    integrated_brier,
    is_unseen,
)


def _people(seed: int, n: int = 400, causes: int = 1, days: int | None = None) -> Followed:
    random = np.random.default_rng(seed)
    duration = random.exponential(1000, n) + 0.01
    if days is not None:
        duration = np.ceil(duration / days)
    return Followed(
        duration_days=duration,
        event=random.integers(0, causes + 1, n).astype(np.int64),
    )


def _risk(seed: int, followed: Followed) -> np.ndarray:
    noise = np.random.default_rng(seed + 100).normal(size=len(followed))
    return 1 / (1 + np.exp(np.log(followed.duration_days) / 3 - 2 + noise))


def _surv(followed: Followed) -> np.ndarray:
    return Surv.from_arrays(followed.event > 0, followed.duration_days)


@pytest.mark.parametrize("seed", range(5))
def test_concordance_equals_scikit_survival(seed: int) -> None:
    followed = _people(seed)
    risk = np.round(_risk(seed, followed), 2)
    y = _surv(followed)
    harrell = concordance_index_censored(followed.event > 0, followed.duration_days, risk)[0]
    assert concordance(followed, risk, weighted=False) == pytest.approx(harrell, abs=1e-9)
    uno = concordance_index_ipcw(y, y, risk, tau=1500)[0]
    assert concordance(followed, risk, until_days=1500) == pytest.approx(uno, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_area_and_brier_at_a_horizon_equal_scikit_survival(seed: int) -> None:
    followed = _people(seed)
    risk = _risk(seed, followed)
    y = _surv(followed)
    horizons = np.array([200.0, 500.0, 900.0])
    areas, _ = cumulative_dynamic_auc(y, y, risk, horizons)
    for horizon, area in zip(horizons, areas, strict=True):
        outcome, weight = followed.known_at(horizon)
        assert auroc(outcome, risk, weight) == pytest.approx(area, abs=1e-9)
    every = np.repeat(risk[:, None], 3, axis=1) * np.array([0.5, 0.8, 1.0])
    _, scores = brier_score(y, y, 1 - every, horizons)
    for i, horizon in enumerate(horizons):
        outcome, weight = followed.known_at(horizon)
        assert brier(outcome, every[:, i], weight) == pytest.approx(scores[i], abs=1e-9)
    assert integrated_brier(followed, every, horizons) == pytest.approx(
        integrated_brier_score(y, y, 1 - every, horizons), abs=1e-9
    )


@pytest.mark.parametrize(("seed", "causes"), list(product(range(4), (1, 2, 3))))
def test_incidence_equals_lifelines(seed: int, causes: int) -> None:
    followed = _people(seed, causes=causes)
    horizons = [100.0, 700.0, 2000.0]
    for cause in range(1, causes + 1):
        theirs = AalenJohansenFitter(calculate_variance=False).fit(
            followed.duration_days, followed.event, cause
        )
        expected = [theirs.cumulative_density_.loc[:h].iloc[-1, 0] for h in horizons]
        ours = cumulative_incidence(followed, horizons, cause=cause)
        assert ours.value == pytest.approx(expected, abs=1e-9)
        assert (ours.low <= ours.value).all()
        assert (ours.value <= ours.high).all()


def test_late_entry_and_interval_equal_lifelines() -> None:
    random = np.random.default_rng(3)
    entry = random.exponential(300, 500)
    duration = entry + random.exponential(900, 500)
    event = random.integers(0, 2, 500).astype(np.int64)
    followed = Followed(duration_days=duration, event=event, entry_days=entry)
    theirs = KaplanMeierFitter().fit(duration, event, entry=entry)
    horizons = [400.0, 1500.0]
    ours = cumulative_incidence(followed, horizons)
    assert ours.value == pytest.approx(1 - theirs.predict(horizons).to_numpy(), abs=1e-9)
    bounds = 1 - theirs.confidence_interval_.loc[:400.0].iloc[-1].to_numpy()
    assert sorted((ours.low[0], ours.high[0])) == pytest.approx(sorted(bounds), abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_concordance_with_competing_causes_is_its_definition(seed: int) -> None:
    """Small integers, so that days and risks tie in every way."""
    followed = _people(seed, n=40, causes=2, days=300)
    risk = np.round(_risk(seed, followed), 1)
    limit = 4.0
    days, event = followed.duration_days, followed.event

    def stays(before: float) -> float:
        chance = 1.0
        for day in np.unique(days[(event == 0) & (days < before)]):
            at_risk = ((days > day) | ((days == day) & (event == 0))).sum()
            chance *= 1 - ((days == day) & (event == 0)).sum() / at_risk
        return chance

    good = pairs = 0.0
    for i, j in product(range(len(days)), repeat=2):
        if event[i] != 1 or days[i] > limit:
            continue
        if days[j] > days[i] or (days[j] == days[i] and event[j] == 0):
            mass = 1 / stays(days[i]) ** 2
        elif event[j] == 2:
            mass = 1 / (stays(days[i]) * stays(days[j]))
        else:
            continue
        pairs += mass
        good += mass * ((risk[i] > risk[j]) + (risk[i] == risk[j]) / 2)
    assert concordance(followed, risk, until_days=limit) == pytest.approx(good / pairs, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_weighted_share_is_the_incidence(seed: int) -> None:
    """Weights and Aalen-Johansen are two ways to the same number, tied days included."""
    followed = _people(seed, causes=2, days=100)
    for cause in (1, 2):
        outcome, weight = followed.known_at(8, cause=cause)
        value = cumulative_incidence(followed, [8], cause=cause).value[0]
        assert (weight * outcome).mean() == pytest.approx(value, abs=1e-12)


def test_nobody_lost_means_weights_of_one() -> None:
    followed = Followed(duration_days=np.array([1.0, 2.0, 3.0, 4.0]), event=np.array([1, 2, 1, 1]))
    outcome, weight = followed.known_at(2)
    assert outcome.tolist() == [True, False, False, False]
    assert weight.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("duration", "event", "entry", "said"),
    [
        ([1.0], [0, 1], None, "different lengths"),
        ([0.0, 1.0], [0, 1], None, "after its entry"),
        ([1.0, 2.0], [0, 1], [1.0, 0.0], "after its entry"),
        ([1.0, 2.0], [0, -1], None, "from 1 on"),
    ],
)
def test_what_cannot_be_is_refused(
    duration: list[float], event: list[int], entry: list[float] | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Followed(
            duration_days=np.array(duration),
            event=np.array(event),
            entry_days=None if entry is None else np.array(entry),
        )


@pytest.mark.parametrize("seed", range(5))
def test_an_incidence_is_worth_those_whom_nobody_lost(seed: int) -> None:
    random = np.random.default_rng(seed)
    days, lost = random.exponential(1000, 500), random.exponential(700, 500)
    horizons = [0.5 * days.min(), 300.0, 900.0]
    whole = cumulative_incidence(
        Followed(duration_days=days, event=np.ones(500, dtype=np.int64)), horizons
    )
    np.testing.assert_allclose(whole.worth, 500)
    some = Followed(duration_days=np.minimum(days, lost), event=(days < lost).astype(np.int64))
    found = cumulative_incidence(some, horizons)
    kept = [int(((some.event > 0) | (some.duration_days >= at)).sum()) for at in horizons]
    assert found.worth[0] == kept[0]
    for worth, known in zip(found.worth[1:], kept[1:], strict=True):
        # events before the horizon tell more than nothing of those who were lost, and less than all of it
        assert known * 0.5 < worth < 500


@pytest.mark.parametrize("seed", range(20))
def test_horizons_are_seen_until_the_first_that_too_few_reached(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(0, 90))
    followed = Followed(
        duration_days=random.uniform(1, random.uniform(50, 900), n),
        event=random.integers(0, int(random.integers(1, 4)), n).astype(np.int64),
    )
    horizons = np.sort(random.uniform(1, 1000, 5))
    seen = 0
    for day in horizons:
        lost = [
            e == 0 and d < day for d, e in zip(followed.duration_days, followed.event, strict=True)
        ]
        reached = [d >= day for d in followed.duration_days]
        if sum(reached) < min(20, sum(lost)):
            break
        seen += 1
    assert horizons_seen(followed, horizons) == seen
    assert [is_unseen(followed, float(day)) for day in horizons] == [h >= seen for h in range(5)]
