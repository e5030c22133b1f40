"""Intervals of models of yes or no: what they hold, and how often."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from cohorts import RECIPE, SEEN, TASK, at_visit, cohort
from followed_people import matrix
from scipy.special import expit, logit
from scipy.stats import t as student

from lifecourse.base.clock import to_microseconds
from lifecourse.features import featurize
from lifecourse.models import RiskModel, binary, load_model, predict, save_model, train
from lifecourse.models.binary import LEARNERS, BinaryStudy
from lifecourse.models.jackknife import jackknifed
from lifecourse.models.members import Member, told_by
from lifecourse.models.predicting import INTERVAL, INTERVAL_OF_ESTIMATE
from lifecourse.models.split import N_FOLDS, folds_of
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.features import FeatureMatrix

EVENTS = cohort()
HERE = timeline_from_events(EVENTS)
AT = to_microseconds(SEEN)
STUDIES, PEOPLE, ASKED = 50, 1_500, 200


def drawn(n: int, seed: int) -> tuple[FeatureMatrix, np.ndarray]:
    """People whose log-odds are straight in two covariates and a code; noise beside them."""
    random = np.random.default_rng(seed)
    dense = random.normal(size=(n, 5))
    codes = random.poisson(0.4, size=(n, 4)).astype(np.float32)
    at = -1.6 + 0.8 * dense[:, 0] - 0.5 * dense[:, 1] + 0.6 * np.log1p(codes[:, 0])
    return matrix(dense, codes), random.random(n) < expit(at)


def study(n: int, seed: int) -> BinaryStudy:
    features, came = drawn(n, seed)
    return BinaryStudy(
        task=TASK,
        recipe=RECIPE,
        features=features,
        outcome=came,
        subjects=np.arange(n),
        folds=folds_of(np.arange(n), N_FOLDS, 0),
        vocabulary=features.vocabulary,
        vocabularies=[features.vocabulary] * N_FOLDS,
        seed=0,
    )


@pytest.mark.prove
@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_nine_of_ten_intervals_hold_the_mean_of_what_such_studies_say(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binary, "LEARNERS", {name: LEARNERS[name]})
    fresh, _ = drawn(ASKED, 99)
    told, low, high = [], [], []
    for number in range(STUDIES):
        fitted = study(PEOPLE, 1_000 + number).fit()
        calibrator = fitted.kept.calibrator
        value = calibrator.apply(fitted.learner.predict(fresh))
        ends = jackknifed(value, calibrator.apply(told_by(fitted.members, fresh)))
        told.append(value)
        low.append(ends[0])
        high.append(ends[1])
    mean = expit(logit(np.array(told)).mean(axis=0))
    covered = float(((np.array(low) <= mean) & (mean <= np.array(high))).mean())
    assert 0.88 <= covered <= 0.92


@pytest.fixture(scope="module")
def trained() -> RiskModel:
    model = train(HERE, TASK, recipe=RECIPE).model
    assert model is not None
    return model


def test_a_person_is_told_an_interval_of_the_estimate_and_what_calibration_leaves(
    trained: RiskModel,
) -> None:
    for one in predict(trained, HERE, [1, 2, 3], at=AT):
        assert one.value is not None
        assert one.interval is not None
        assert one.calibrated_between is not None
        assert one.interval[0] <= one.value <= one.interval[1]
        assert 0 <= one.calibrated_between[0] < one.calibrated_between[1] <= 1
        assert one.interval_reason == INTERVAL_OF_ESTIMATE


def test_trees_share_the_settings_that_everyone_found_and_regressions_keep_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, learner in LEARNERS.items():
        monkeypatch.setattr(binary, "LEARNERS", {name: learner})
        fitted = study(600, 3).fit()
        assert len(fitted.members) == N_FOLDS
        if name == "trees":
            settings = {member.learner.settings for member in fitted.members}
            assert settings == {fitted.learner.settings}
        else:
            assert fitted.members == tuple(fitted.kept.members.values())


def test_the_interval_equals_the_jackknife_by_hand(trained: RiskModel) -> None:
    features = featurize(HERE, at_visit(range(1, 21)), RECIPE, vocabulary=trained.vocabulary)
    ends = trained.intervals(features)
    assert ends is not None
    value = trained.risk(features)
    for row in range(20):
        said = [
            logit(trained.calibrator.apply(member.predict(features.of_rows(np.array([row]))))[0])
            for member in trained.members
        ]
        mean = sum(said) / 5
        spread = (4 / 5 * sum((each - mean) ** 2 for each in said)) ** 0.5
        half = student.ppf(0.95, 4) * spread
        for end, sign in zip(ends, (-1, 1), strict=True):
            assert end[row, 0, 0] == pytest.approx(expit(logit(value[row]) + sign * half))


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_members_of_either_learner_are_kept_on_disk(
    name: str, trained: RiskModel, tmp_path: Path
) -> None:
    features = featurize(HERE, at_visit(range(1, 401)), RECIPE, vocabulary=trained.vocabulary)
    strokes = EVENTS.filter(code="ICD10CM//I63.9")["subject_id"].to_list()
    came = np.isin(np.arange(1, 401), strokes)
    members = tuple(
        Member(
            learner=LEARNERS[name].fit(
                features, came, np.flatnonzero(np.arange(400) % 5 != fold), np.zeros(320, bool)
            ),
            vocabulary=trained.vocabulary,
        )
        for fold in range(5)
    )
    model = replace(trained, learner=members[0].learner, members=members)
    save_model(model, tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert predict(again, HERE, [1, 2, 3], at=AT) == predict(model, HERE, [1, 2, 3], at=AT)
    assert [one.vocabulary for one in again.members] == [one.vocabulary for one in members]


def test_a_code_of_a_member_that_the_model_has_not_counts_as_not_found() -> None:
    features, came = drawn(300, 5)
    everyone = np.arange(300)
    member = Member(
        learner=LEARNERS["logistic"].fit(features, came, everyone, np.zeros(300, bool)),
        vocabulary=features.vocabulary,
    )
    fewer = features.of_codes(features.vocabulary[:2])
    empty = features.codes.copy().tolil()
    empty[:, 2:] = 0
    emptied = replace(features, codes=empty.tocsr())
    assert np.array_equal(member.predict(fewer), member.predict(emptied))


def test_a_model_from_before_members_were_kept_says_what_happened_to_people_like_this(
    trained: RiskModel,
) -> None:
    (one,) = predict(replace(trained, members=(), venn_abers=None), HERE, [1], at=AT)
    assert one.interval_reason == INTERVAL
    assert one.calibrated_between is None
    assert one.interval is not None
