"""Venn-Abers: what is kept equals adding the person by hand, and one of its ends is calibrated whatever the model is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from lifecourse.models.venn_abers import LEAST_IN_GROUP, MOST_GROUPS, VennAbers, edges_of


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Risks told far too boldly, and what came."""
    random = np.random.default_rng(seed)
    at = random.normal(-1.5, 0.8, n)
    return expit(2.5 * at + 1.0), random.random(n) < expit(at)


def pooled(shares: list[float], masses: list[float]) -> list[float]:
    """Isotonic regression by hand: neighbours that fall are put together until none does."""
    blocks = [[share, mass, 1] for share, mass in zip(shares, masses, strict=True)]
    place = 0
    while place < len(blocks) - 1:
        (a, wa, na), (b, wb, nb) = blocks[place], blocks[place + 1]
        if a <= b:
            place += 1
            continue
        blocks[place : place + 2] = [[(a * wa + b * wb) / (wa + wb), wa + wb, na + nb]]
        place = max(place - 1, 0)
    return [share for share, _, times in blocks for _ in range(times)]


@pytest.mark.parametrize("seed", range(4))
def test_ends_equal_adding_the_person_by_hand(seed: int) -> None:
    risk, came = drawn(700, seed)
    found = VennAbers.fit(risk, came)
    asked = np.random.default_rng(seed).choice(risk, 15)
    low, high = found.between(asked)
    edges = edges_of(risk)
    for person, ends in zip(asked, zip(low, high, strict=True), strict=True):
        for answer, end in zip((0.0, 1.0), ends, strict=True):
            everyone, answers = [*risk, person], [*came.astype(float), answer]
            group = [sum(each >= edge for edge in edges) for each in everyone]
            members = [[a for g, a in zip(group, answers, strict=True) if g == k] for k in range(len(edges) + 1)]  # fmt: skip
            told = pooled([float(np.mean(m)) for m in members], [len(m) for m in members])
            assert end == pytest.approx(told[group[-1]])


def test_ends_are_in_order_rise_with_the_risk_and_hold_the_share_of_a_group() -> None:
    risk, came = drawn(4_000, 7)
    low, high = VennAbers.fit(risk, came).between(np.sort(risk))
    assert (low < high).all()
    assert (low >= 0).all()
    assert (high <= 1).all()
    assert (np.diff(low) >= -1e-12).all()
    assert (np.diff(high) >= -1e-12).all()


def test_the_end_that_came_true_is_calibrated_though_the_model_is_not() -> None:
    """Over many draws: of people told about p by the end of their own answer, a share of about p had it."""
    told, happened, plain = [], [], []
    for study in range(150):
        risk, came = drawn(400, 100 + study)
        asked, answer = drawn(100, 1_000 + study)
        low, high = VennAbers.fit(risk, came).between(asked)
        told.append(np.where(answer, high, low))
        happened.append(answer)
        plain.append(asked)
    p, y, bold = np.concatenate(told), np.concatenate(happened), np.concatenate(plain)
    for group in np.array_split(np.argsort(p), 5):
        assert y[group].mean() == pytest.approx(p[group].mean(), abs=0.02)
    worst = max(abs(y[g].mean() - bold[g].mean()) for g in np.array_split(np.argsort(bold), 5))
    assert worst > 0.1


def test_fewer_people_lie_further_apart() -> None:
    widths = []
    for n in (200, 2_000, 20_000):
        low, high = VennAbers.fit(*drawn(n, 3)).between(drawn(500, 4)[0])
        widths.append(float((high - low).mean()))
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("answer", [False, True])
def test_a_handful_equal_risks_or_one_answer_still_give_two_ends(answer: bool) -> None:
    for risk in (np.full(3, 0.2), np.linspace(0.1, 0.9, 30), np.full(500, 0.5)):
        low, high = VennAbers.fit(risk, np.full(len(risk), answer)).between(np.array([0.0, 0.5, 1]))
        assert (low < high).all()


def test_no_group_is_of_fewer_than_twenty_people() -> None:
    for n in (10, 500, 50_000):
        risk, came = drawn(n, 9)
        found = VennAbers.fit(risk, came)
        people = np.bincount(np.searchsorted(found.edges, risk, side="right"))
        assert people.min() >= min(LEAST_IN_GROUP, n)
        assert len(people) <= MOST_GROUPS
