from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from followed_people import FollowedPeople, followed_people

from lifecourse.base.errors import ModelError
from lifecourse.models.evaluation import Followed, auroc, cumulative_incidence
from lifecourse.models.hazards import HazardFit, HazardLearner, fit_hazards


@pytest.fixture(scope="module")
def people() -> FollowedPeople:
    return followed_people(6000, seed=1)


@pytest.fixture(scope="module")
def fit(people: FollowedPeople) -> HazardFit:
    return people.fit()


def test_risks_of_new_people_rank_and_add_up_as_the_truth_does(fit: HazardFit) -> None:
    fresh = followed_people(6000, seed=2)
    told = fit.incidence(fresh.features)
    for c in range(2):
        for h in range(len(fresh.horizons_days)):
            happened, weight = fresh.followed.known_at(fresh.horizons_days[h], cause=c + 1)
            best = auroc(happened, fresh.truth[:, c, h], weight)
            assert auroc(happened, told[:, c, h], weight) > best - 0.02
            # the slack: 1.5 standard errors of how many events there are to learn from and to judge on
            slack = 3 / np.sqrt(happened.sum())
            assert told[:, c, h].mean() == pytest.approx(fresh.truth[:, c, h].mean(), rel=slack)


def test_the_causes_never_sum_above_1_and_curves_rise(fit: HazardFit) -> None:
    far = followed_people(500, seed=3)
    extreme = replace(far.features, dense=far.features.dense * 50)
    days = np.array([10.0, 365.0, 400.0, 1096.0, 1826.0])
    told = fit.incidence(extreme, days)
    assert (told >= 0).all()
    assert (told.sum(axis=1) <= 1 + 1e-12).all()
    assert (np.diff(told, axis=2) >= 0).all()


def test_a_horizon_beyond_what_was_learned_from_is_refused(
    fit: HazardFit, people: FollowedPeople
) -> None:
    with pytest.raises(ModelError, match="beyond the 1826 days"):
        fit.incidence(people.features, np.array([4000.0]))


def test_held_out_risks_are_calibrated_at_every_horizon(
    fit: HazardFit, people: FollowedPeople
) -> None:
    told = fit.held_out[fit.learner.kind]
    for c in range(2):
        observed = cumulative_incidence(people.followed, people.horizons_days, cause=c + 1).value
        assert told[:, c].mean(axis=0) == pytest.approx(observed, rel=0.04)


def test_two_fits_are_the_same_to_the_bit_however_many_workers(people: FollowedPeople) -> None:
    few = FollowedPeople(
        features=followed_people(800, seed=4).features,
        followed=followed_people(800, seed=4).followed,
        subjects=np.arange(800),
        horizons_days=people.horizons_days,
        truth=people.truth[:800],
    )
    one, two = few.fit(workers=1), few.fit(workers=4)
    assert one.learner.to_dict() == two.learner.to_dict()
    assert one.learner.to_bytes() == two.learner.to_bytes()
    assert one.calibrator == two.calibrator


def test_a_learner_comes_back_the_same_from_its_document(
    fit: HazardFit, people: FollowedPeople
) -> None:
    again = HazardLearner.from_dict(fit.learner.to_dict(), fit.learner.to_bytes())
    assert np.array_equal(again.incidence(people.features), fit.learner.incidence(people.features))


def test_the_part_of_a_life_before_entry_teaches_nothing(people: FollowedPeople) -> None:
    # Each is only seen from a day on that comes before the end, drawn at random: hazards stay what they are, the
    # naive reading of the same rows, from day 0 on, is far too low.
    random = np.random.default_rng(5)
    days = people.followed.duration_days
    entry = random.uniform(0, 1500, len(days))
    late = np.flatnonzero(entry < days)
    rows = {"duration_days": days[late], "event": people.followed.event[late]}
    some = replace(
        people.features,
        rows=people.features.rows[late],
        dense=people.features.dense[late],
        codes=people.features.codes[late],
    )
    arguments = (some, Followed(**rows, entry_days=entry[late]), people.subjects[late])
    told = fit_hazards(*arguments, horizons_days=people.horizons_days, n_causes=2)
    naive = fit_hazards(
        some,
        Followed(**rows),
        people.subjects[late],
        horizons_days=people.horizons_days,
        n_causes=2,
    )
    truth = people.truth[:, 0].mean(axis=0)
    assert told.learner.incidence(people.features)[:, 0].mean(axis=0) == pytest.approx(
        truth, rel=0.1
    )
    assert naive.incidence(people.features)[:, 0].mean(axis=0)[0] < 0.8 * truth[0]
