"""Discover finds what was planted, not what ageing alone brings about, and never shows small groups."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from timelines import timeline_of

from lifecourse.base.errors import PolicyRefused
from lifecourse.insights import discover
from lifecourse.insights.association import false_discovery, rate_ratio
from lifecourse.privacy.release import ReleasePolicy
from lifecourse.timeline.access import Timeline

YEARS = 20
FACTS = tuple(f"ICD10CM//{letter}10" for letter in "ABCDEF")


def ageing_people(people: int, *, seed: int, planted: bool = False) -> Timeline:
    """Six facts, each independently commoner with age; `planted` makes the second follow the first."""
    random = np.random.default_rng(seed)
    rows: list[tuple[int, datetime | None, str]] = []
    for subject in range(people):
        age = float(random.uniform(30, 70))
        start = datetime(2000, 1, 1)
        rows.append((subject, None, f"SEX//{random.choice(['female', 'male'])}"))
        rows.append((subject, start - timedelta(days=age * 365.25), "MEDS_BIRTH"))
        rows.append((subject, start, "VISIT//outpatient"))
        rows.append((subject, start + timedelta(days=YEARS * 365), "VISIT//outpatient"))
        first_a: int | None = None
        for fact in FACTS:
            for year in range(YEARS):
                hazard = 0.004 * np.exp(0.07 * (age + year - 50))
                if planted and fact == FACTS[1] and first_a is not None and year > first_a:
                    hazard += 0.15
                if random.random() < hazard:
                    day = year * 365 + int(random.integers(0, 365))
                    rows.append((subject, start + timedelta(days=day), fact))
                    first_a = year if fact == FACTS[0] else first_a
                    break
    return timeline_of(rows)


def test_facts_that_only_share_ageing_are_not_confirmed() -> None:
    confirmed = [discover(ageing_people(1500, seed=seed)).pairs_confirmed for seed in (11, 12)]
    assert sum(confirmed) <= 1


def test_planted_sequence_is_found_and_confirmed() -> None:
    found = discover(ageing_people(1500, seed=13, planted=True)).findings
    assert (found[0].first, found[0].then) == FACTS[:2]
    assert found[0].confirmed_low > 1


def test_same_seed_gives_the_same_findings() -> None:
    timeline = ageing_people(400, seed=14, planted=True)
    assert discover(timeline, seed=3).to_dict() == discover(timeline, seed=3).to_dict()


def test_groups_under_ten_people_are_never_shown() -> None:
    found = discover(ageing_people(400, seed=15, planted=True))
    assert all(min(f.people, f.confirmed_people) >= 10 for f in found.findings)
    with pytest.raises(PolicyRefused, match="under 10"):
        ReleasePolicy(fewest_people=5)


def test_nobody_gives_no_findings() -> None:
    assert discover(timeline_of([])).findings == []


def test_rate_ratio_of_one_stratum_is_the_ratio_of_rates() -> None:
    ratio = rate_ratio(np.array([[20.0, 1000.0, 10.0, 2000.0]]))
    assert ratio is not None
    assert ratio.value == pytest.approx(4.0)
    spread = np.sqrt(1 / 20 + 1 / 10)
    assert ratio.low == pytest.approx(4 * np.exp(-1.959963984540054 * spread))


def test_an_interval_that_says_nothing_is_wide_and_no_error() -> None:
    ratio = rate_ratio(np.array([[1.0, 1e-6, 1e-12, 1e9], [0.0, 1e6, 1.0, 1e-9]]))
    assert ratio is not None
    assert 0.0 <= ratio.low < ratio.value < ratio.high < np.inf
    assert ratio.p > 0.05


def test_false_discovery_is_benjamini_and_hochberg() -> None:
    q = false_discovery(np.array([0.01, 0.04, 0.03, 0.5]))
    assert q.tolist() == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
