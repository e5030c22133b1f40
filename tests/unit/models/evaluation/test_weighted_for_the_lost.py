"""Measures of a card of times to events weigh for people who were lost: else those seen to the end alone would judge."""

from __future__ import annotations

import numpy as np
import pytest

from lifecourse.models.card import judge, subgroups
from lifecourse.models.evaluation import Followed, calibration_table
from lifecourse.models.evaluation.groups import by_group


def drawn(n: int, seed: int) -> tuple[np.ndarray, Followed]:
    """True risks by 1,000 days, and what was seen of them: most records end before."""
    random = np.random.default_rng(seed)
    rate = np.exp(random.normal(-8.2, 0.8, n))
    came, lost = random.exponential(1 / rate), random.uniform(0, 1_400, n)
    seen = Followed(duration_days=np.minimum(came, lost), event=(came <= lost).astype(np.int64))
    return -np.expm1(-rate * 1_000), seen


def test_true_risks_are_told_to_come_true_though_most_people_are_lost() -> None:
    risk, seen = drawn(20_000, 1)
    came, weight = seen.known_at(1_000.0)
    assert (weight == 0).mean() > 0.5
    people = np.arange(20_000)
    told = judge(came, risk, people, seed=0, weight=weight)
    metrics = told["metrics"]
    assert metrics["observed_over_expected"]["value"] == pytest.approx(1.0, abs=0.05)
    assert metrics["calibration_slope"]["value"] == pytest.approx(1.0, abs=0.08)
    assert metrics["ici"]["value"] < 0.01
    for row in told["calibration"]:
        assert row["observed"] == pytest.approx(row["predicted"], abs=0.04)
        assert row["low"] - 0.01 < row["predicted"] < row["high"] + 0.01
    known = weight > 0
    alone = judge(came[known], risk[known], people[known], seed=0)["metrics"]
    assert alone["observed_over_expected"]["value"] > 1.3


def test_groups_are_weighed_too() -> None:
    risk, seen = drawn(20_000, 2)
    came, weight = seen.known_at(1_000.0)
    age = np.where(np.arange(20_000) % 3 == 0, 45.0, 65.0)
    for row in subgroups(came, risk, age, np.ones(20_000), weight):
        ratio = row["observed_over_expected"]
        assert ratio["low"] < 1 < ratio["high"]
        assert row["observed"] == pytest.approx(row["expected"], rel=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_a_weight_of_k_says_what_k_equal_people_say(seed: int) -> None:
    random = np.random.default_rng(seed)
    times = random.permutation(np.repeat([0, 1, 2], [200, 200, 200]))
    risk = random.uniform(0.05, 0.6, 600)
    came = random.random(600) < risk
    again = np.repeat(np.arange(600), times)
    (few,) = calibration_table(came, risk, 1, weight=times.astype(float))
    (many,) = calibration_table(came[again], risk[again], 1)
    assert few["observed"] == pytest.approx(many["observed"])
    assert few["low"] < many["low"]
    assert few["high"] > many["high"]
    names = np.full(600, "a")
    (one,) = by_group("x", names, came, risk, times.astype(float))
    (other,) = by_group("x", names[again], came[again], risk[again])
    assert one["observed"] == pytest.approx(other["observed"])
    assert one["auroc"]["value"] == pytest.approx(other["auroc"]["value"])


def test_without_weights_the_table_is_as_it_was() -> None:
    random = np.random.default_rng(5)
    risk = random.uniform(0.05, 0.6, 500)
    came = random.random(500) < risk
    assert calibration_table(came, risk, weight=np.ones(500)) == calibration_table(came, risk)
