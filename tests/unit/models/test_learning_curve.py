"""A point of a learning curve is what somebody who retrains by hand on the same people finds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from cohorts import RECIPE, TASK, cohort

from lifecourse.base.progress import SILENT
from lifecourse.features import featurize
from lifecourse.models import RiskModel, evaluate, train
from lifecourse.models.binary import LEARNERS, BinaryStudy
from lifecourse.models.competing import HazardStudy
from lifecourse.models.evaluation import Lesson, auroc, concordance, learning_curve
from lifecourse.models.hazards import fit_hazards
from lifecourse.models.hazards.basis import Basis, Designs
from lifecourse.models.hazards.boosted import BoostedHazards
from lifecourse.models.hazards.grid import seen_until, time_grid
from lifecourse.models.hazards.incidence import cumulative_incidence
from lifecourse.models.hazards.linear import LinearHazards
from lifecourse.models.hazards.person_periods import periods_of
from lifecourse.models.split import N_FOLDS, folds_of, nested
from lifecourse.tasks import Task, label
from lifecourse.timeline.unstored import timeline_from_events

EVENTS = cohort(900, seed=7)
SEEN_LATER = EVENTS.filter(code="VISIT//outpatient").with_columns(
    pl.col("time") + pl.duration(days=pl.col("subject_id") % 700 + 50), code=pl.lit("VISIT//other")
)
TIMELINE = timeline_from_events(pl.concat([EVENTS, SEEN_LATER]))
TIMES = Task.model_validate(
    {**TASK.model_dump(mode="json", exclude_defaults=True), "censoring": "time-to-event"}
)


@pytest.fixture(scope="module")
def model() -> RiskModel:
    found = train(TIMELINE, TASK, recipe=RECIPE).model
    assert found is not None
    return found


def test_a_point_equals_retraining_by_hand_on_the_same_people(model: RiskModel) -> None:
    table = label(TIMELINE, TASK).table.filter(pl.col("boolean_value").is_not_null())
    study = BinaryStudy.of(TIMELINE, TASK, table, RECIPE, 0, SILENT)
    features = featurize(TIMELINE, table, RECIPE, vocabulary=study.vocabularies[0])
    outcome = table["boolean_value"].to_numpy()
    subjects = table["subject_id"].to_numpy()
    judged = folds_of(subjects, N_FOLDS, 0) == 0
    learner = LEARNERS[model.card["learner"]]
    inner = folds_of(subjects[~judged], N_FOLDS, 1) == 0
    whole = learner.fit(features, outcome, np.flatnonzero(~judged), inner)
    points = model.card["learning_curve"]["points"]
    assert [point["share"] for point in points] == [0.125, 0.25, 0.5, 1.0]
    for point in points:
        eighths = folds_of(subjects, 8, 3)
        mine = np.flatnonzero(~judged & (eighths < point["share"] * 8))
        fitted = learner.fit(
            features, outcome, mine, np.zeros(len(mine), dtype=bool), settings=whole.settings
        )
        told = fitted.predict(
            featurize(TIMELINE, table.filter(judged), RECIPE, vocabulary=study.vocabularies[0])
        )
        assert point["value"] == auroc(outcome[judged], told)
        assert point["people"] == len(np.unique(subjects[mine]))
        assert point["events"] == outcome[mine].sum()
        assert point["low"] <= point["value"] <= point["high"]


def test_a_point_of_times_to_events_equals_retraining_by_hand_too() -> None:
    table = label(TIMELINE, TIMES).table
    study = HazardStudy.of(TIMELINE, TIMES, table, RECIPE, 0)
    horizons = np.array([365.0])
    fitted = fit_hazards(
        study.features, study.followed, study.subjects, horizons_days=horizons, lessons=True
    )
    came, rows = seen_until(study.followed, 365.0)
    assert len(rows) == len(study.subjects)
    edges = time_grid(came, horizons)
    judged = np.flatnonzero(folds_of(study.subjects, N_FOLDS, 0) == 0)
    assert (fitted.held_out_first == judged).all()
    settings = fitted.settings
    features = study.features
    designs = Designs.of(Basis.fit(features), features)
    for lesson in fitted.lessons:
        lines = LinearHazards.fit(
            designs, came, lesson.rows, edges=edges, penalties=settings.penalties
        )
        trees = BoostedHazards.fit(
            features, came, lesson.rows, edges=edges, period=periods_of(came, edges), growth=settings.growth
        )  # fmt: skip
        parts = {"linear": [lines], "trees": [trees], "average": [lines, trees]}
        hazards = [one.hazards(features) for one in parts[fitted.learner.kind]]
        told = cumulative_incidence(edges, hazards, horizons)[judged, 0, -1]
        np.testing.assert_allclose(told, lesson.told, rtol=1e-6)
    assert sorted(lesson.share for lesson in fitted.lessons) == [0.125, 0.25, 0.5, 1.0]


def test_a_model_of_times_to_events_keeps_the_curve_of_its_concordance() -> None:
    found = train(TIMELINE, TIMES, recipe=RECIPE).model
    assert found is not None
    curve = found.card["learning_curve"]
    assert curve["measure"] == "concordance"
    study = HazardStudy.of(TIMELINE, TIMES, label(TIMELINE, TIMES).table, RECIPE, 0)
    fitted = fit_hazards(
        study.features, study.followed, study.subjects, horizons_days=[365.0], n_causes=len(TIMES.names),
        known=study.known, lessons=True,
    )  # fmt: skip
    (whole,) = [lesson for lesson in fitted.lessons if lesson.share == 1]
    came = study.followed.rows(fitted.held_out_first)
    assert curve["points"][-1]["value"] == concordance(came, whole.told, until_days=365.0)


def test_parts_lie_in_each_other_and_hold_whole_people() -> None:
    subjects = np.random.default_rng(0).integers(0, 10**12, 4000).repeat(3)
    learning = np.flatnonzero(folds_of(subjects, N_FOLDS, 0) != 0)
    parts = [(0.0, learning[:0]), *nested(subjects, learning, 0), (1.0, learning)]
    for (less, few), (more, many) in pairwise(parts):
        assert less < more
        assert np.isin(few, many).all()
        assert np.isin(subjects, subjects[many]).sum() == len(many)
        assert len(many) / len(learning) == pytest.approx(more, abs=0.03)


def test_parts_too_large_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifecourse.models.split.MOST_IN_PART", 300)
    shares = [share for share, _ in nested(np.arange(1000), np.arange(1000), 0)]
    assert shares == [0.125, 0.25]


def test_the_curve_is_kept_in_the_evaluation_and_is_the_same_again(model: RiskModel) -> None:
    again = train(TIMELINE, TASK, recipe=RECIPE).model
    assert again is not None
    assert again.card["learning_curve"] == model.card["learning_curve"]
    assert evaluate(model, TIMELINE)["learning_curve"] == model.card["learning_curve"]


def test_more_people_teach_more_where_there_is_more_to_learn() -> None:
    random = np.random.default_rng(3)
    truth = random.normal(size=500)
    happened = random.random(500) < 1 / (1 + np.exp(-truth))
    lessons = [
        Lesson(share=share, rows=np.arange(int(500 * share)), told=truth + random.normal(0, noise, 500))
        for share, noise in ((0.25, 3.0), (1.0, 0.1))
    ]  # fmt: skip
    curve = learning_curve(
        lessons, lambda told, places: auroc(happened[places], told[places]), measure="auroc",
        judged=np.arange(500), subjects=np.arange(500), happened=happened, seed=0,
    )  # fmt: skip
    first, last = curve["points"]
    assert first["high"] < last["low"]
    assert curve["held_out"] == {"people": 500, "events": int(happened.sum())}


def test_too_few_to_teach_leave_no_curve() -> None:
    found = learning_curve(
        [], lambda told, places: 0.0, measure="auroc", judged=np.arange(3), subjects=np.arange(3),
        happened=np.array([True, False, False]), seed=0,
    )  # fmt: skip
    assert found["points"] == []
