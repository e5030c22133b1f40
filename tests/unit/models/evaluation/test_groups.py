from __future__ import annotations

import numpy as np
import pytest

from lifecourse.models.evaluation import auroc, by_group, gaps


def _people(seed: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    risk = 1 / (1 + np.exp(2 - random.normal(size=n)))
    names = np.where(random.random(n) < 0.5, "a", "b")
    return random.random(n) < risk, risk, names


def test_each_group_is_judged_alone_and_small_ones_are_left_out() -> None:
    outcome, risk, names = _people(0)
    names[:49] = "few"
    rows = list(by_group("kind", names, outcome, risk))
    assert [row["group"] for row in rows] == ["kind: a", "kind: b"]
    mine = names == "a"
    assert rows[0]["auroc"]["value"] == pytest.approx(auroc(outcome[mine], risk[mine]))
    assert rows[0]["events"] == outcome[mine].sum()


def test_intervals_of_groups_cover_what_they_should() -> None:
    covered = {"auroc": 0, "observed_over_expected": 0}
    whole, risk, _ = _people(1, n=400_000)
    truth = auroc(whole, risk)
    for seed in range(200):
        outcome, risk, _ = _people(seed + 10, n=400)
        (row,) = by_group("all", np.full(400, "x"), outcome, risk)
        area, ratio = row["auroc"], row["observed_over_expected"]
        covered["auroc"] += area["low"] <= truth <= area["high"]
        covered["observed_over_expected"] += ratio["low"] <= 1 <= ratio["high"]
    assert 180 <= covered["auroc"] <= 199
    assert 184 <= covered["observed_over_expected"] <= 200


def test_a_group_that_is_wronged_shows_as_the_gap() -> None:
    outcome, risk, names = _people(2, n=20_000)
    wronged = np.where(names == "b", risk / 2, risk)
    found = {row["measure"]: row for row in gaps(list(by_group("kind", names, outcome, wronged)))}
    gap = found["observed_over_expected"]
    assert (gap["highest"], gap["lowest"]) == ("kind: b", "kind: a")
    assert gap["gap"]["low"] < 1.0 < gap["gap"]["high"]
    fair = gaps(list(by_group("kind", names, outcome, risk)))
    assert all(row["gap"]["low"] < 0 for row in fair)


def test_a_group_without_the_outcome_has_no_area_and_an_upper_bound() -> None:
    (row,) = by_group("kind", np.full(60, "a"), np.zeros(60, dtype=bool), np.full(60, 0.1))
    assert row["auroc"] == {"value": None, "low": None, "high": None}
    assert row["observed_over_expected"]["value"] == 0
    assert row["observed_over_expected"]["high"] == pytest.approx(3.689 / 6, abs=1e-3)
    assert gaps([row]) == []
