"""How hard learning is held back, chosen once: beside every setting tried by hand."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost
from followed_people import FollowedPeople, followed_people

from lifecourse.models.hazards import boosted, linear
from lifecourse.models.hazards.basis import Basis, Designs
from lifecourse.models.hazards.boosted import Growth, chosen_growth
from lifecourse.models.hazards.fitting import PENALTIES_OF_FEW
from lifecourse.models.hazards.grid import Spans, seen_until, time_grid
from lifecourse.models.hazards.linear import LinearHazards, chosen_penalties, likelihood
from lifecourse.models.hazards.person_periods import periods_of


@pytest.fixture(scope="module")
def people() -> FollowedPeople:
    return followed_people(900, seed=8)


def test_penalties_are_those_that_foretell_the_inner_rows_best(people: FollowedPeople) -> None:
    came, rows = seen_until(people.followed, float(people.horizons_days[-1]))
    edges = time_grid(came, people.horizons_days)
    designs = Designs.of(Basis.fit(people.features), people.features)
    inners = [np.arange(len(rows)) % 4 == part for part in range(2)]
    told = {}
    for mix in linear.MIXES:
        for strength in linear.STRENGTHS:
            told[mix, strength] = 0.0
            for inner in inners:
                fit = LinearHazards.fit(
                    designs, came, rows[~inner], edges=edges, penalties=[(mix, strength)], n_causes=2
                )  # fmt: skip
                judged = came.rows(rows[inner])
                margin = fit.hazards(people.features.of_rows(rows[inner])).margin[:, 0]
                told[mix, strength] += sum(
                    likelihood(Spans.of(judged, edges), judged.event == c + 1, fit.rate[c], margin[c])
                    for c in range(2)
                )  # fmt: skip
    best = max(told.values())
    one = chosen_penalties(designs, came, rows, inners, edges=edges, n_causes=2)
    assert len(one) == 1
    assert told[one[0]] == pytest.approx(best, abs=0.5)  # while choosing, fits end sooner
    some = chosen_penalties(designs, came, rows, inners, edges=edges, n_causes=2, most=4)
    assert one[0] in some
    assert 1 < len(some) <= PENALTIES_OF_FEW
    assert all(told[penalty] > best - linear.ALIKE - 0.5 for penalty in some)


def test_several_penalties_teach_the_mean_of_what_each_teaches(people: FollowedPeople) -> None:
    came, rows = seen_until(people.followed, float(people.horizons_days[-1]))
    edges = time_grid(came, people.horizons_days)
    designs = Designs.of(Basis.fit(people.features), people.features)
    penalties = [(0.0, 0.1), (0.9, 0.01)]
    together, *alone = (
        LinearHazards.fit(designs, came, rows, edges=edges, penalties=those)
        for those in (penalties, penalties[:1], penalties[1:])
    )
    mean = np.mean([one.beta for one in alone], axis=0)
    np.testing.assert_allclose(together.beta, mean, atol=0.02)  # from the one before


def test_so_many_trees_as_lose_least_on_the_inner_rows(people: FollowedPeople) -> None:
    came, rows = seen_until(people.followed, float(people.horizons_days[-1]))
    edges = time_grid(came, people.horizons_days)
    period = periods_of(came, edges)
    inners = [np.arange(len(rows)) % 5 == part for part in range(2)]
    chosen = chosen_growth(
        people.features, came, rows, inners, edges=edges, period=period, n_causes=2
    )
    _, every = boosted._person_periods(
        people.features, came, rows, edges=edges, period=period, n_causes=2, seed=0
    )
    for periods, growth in zip(every, chosen, strict=True):
        losses = {}
        for rounds in range(boosted.LOOKS_EVERY, growth.rounds + boosted.STOPS_AFTER + 1, 10):
            losses[rounds] = 0.0
            for inner in inners:
                judging = inner[periods.row]
                grown = xgboost.train(
                    boosted._settings(periods, growth.depth), periods.data(~judging), rounds
                )
                margin = grown.inplace_predict(periods.design(judging), predict_type="margin")
                losses[rounds] += periods.loss(judging, margin)
        assert growth.rounds == min(losses, key=losses.__getitem__)


def test_without_an_event_among_the_inner_rows_settings_are_the_usual(
    people: FollowedPeople,
) -> None:
    came, rows = seen_until(people.followed, float(people.horizons_days[-1]))
    edges = time_grid(came, people.horizons_days)
    designs = Designs.of(Basis.fit(people.features), people.features)
    inner = np.cumsum(came.event == 0) <= 1
    inner &= came.event == 0
    assert chosen_penalties(designs, came, rows, [inner], edges=edges) == (linear.USUAL,)
    growth = chosen_growth(
        people.features, came, rows, [inner], edges=edges, period=periods_of(came, edges)
    )
    assert growth == [Growth(2, boosted.USUAL_ROUNDS)]


def test_all_members_learn_with_the_same_settings(people: FollowedPeople) -> None:
    fit = people.fit()
    assert len({member.penalty for member in fit.learner.linear}) == 1
    assert len({tuple(member.rounds) for member in fit.learner.boosted}) == 1
    assert fit.learner.boosted[0].rounds == [growth.rounds for growth in fit.settings.growth]
