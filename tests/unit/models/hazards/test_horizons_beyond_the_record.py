"""Horizons to which nobody was seen: no measure, no slope, no alarm of them, and no model where there is no other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit
from timelines import timeline_of

from lifecourse.base.errors import ModelError
from lifecourse.cli.evaluate import text
from lifecourse.features import Recipe
from lifecourse.models import RiskModel, evaluate, monitor, recalibrate, train
from lifecourse.models.evaluation import Followed
from lifecourse.models.hazards.curves import CurveCalibrator
from lifecourse.models.reporting import chai_card, report
from lifecourse.serve.web.statistics import model_view
from lifecourse.tasks import Task
from lifecourse.timeline.access import Timeline

SEEN = datetime(2010, 1, 1)
RECIPE = Recipe.model_validate(
    {"name": "small", "covariates": [{"codelist": "sbp", "summary": "last"}]}
)
HORIZONS = np.array([365.0, 1826.0])


def task(*horizons: int, competing: bool = True) -> Task:
    outcomes: list[Any] = [{"codes": ["ICD10CM//I63.9"], "name": "stroke"}]
    return Task.model_validate(
        {
            "name": "stroke",
            "trigger": {"codes": ["VISIT//outpatient"], "which": "first"},
            "outcomes": [*outcomes, *(["death"] if competing else [])],
            "outcome_window_days": horizons[-1],
            "horizons_days": list(horizons),
            "censoring": "time-to-event",
        }
    )


def people(
    seed: int, n: int = 1500, *, until: float = 2900, lost: float = 0.0, often: float = 1.0
) -> Timeline:
    """Adults seen once: pressure and age raise the hazard of stroke, age that of death; records end on day `until`.

    lost : the rate, a day, at which records end before that
    """
    random = np.random.default_rng(seed)
    rows: list[tuple[int, datetime | None, str, float | None]] = []
    for subject in range(1, n + 1):
        pressure, age = float(random.normal(130, 15)), float(random.uniform(35, 85))
        stroke = random.exponential(6000 / often * np.exp(-(pressure - 130) / 20 - (age - 60) / 20))
        death = random.exponential(9000 * np.exp(-(age - 60) / 15))
        end = min(until, random.exponential(1 / lost)) if lost else until
        last = min(death, end)
        rows += [
            (subject, None, "SEX//female" if random.random() < 0.5 else "SEX//male", None),
            (subject, SEEN - timedelta(days=age * 365.25), "MEDS_BIRTH", None),
            (subject, SEEN - timedelta(days=9), "LOINC//8480-6", pressure),
            (subject, SEEN, "VISIT//outpatient", None),
        ]
        if stroke < last:
            rows.append((subject, SEEN + timedelta(days=stroke), "ICD10CM//I63.9", None))
        code = "MEDS_DEATH" if death < end else "VISIT//other"
        rows.append((subject, SEEN + timedelta(days=last), code, None))
    return timeline_of(rows)


@pytest.fixture(scope="module")
def model() -> RiskModel:
    found = train(people(1), task(365, 1826), recipe=RECIPE).model
    assert found is not None
    return found


@pytest.fixture(scope="module")
def short() -> RiskModel:
    found = train(people(2, until=730), task(365, 1826), recipe=RECIPE).model
    assert found is not None
    return found


@pytest.fixture(scope="module")
def cut() -> Timeline:
    return people(3, 4000, until=730)


def studied(seed: int, until: float) -> tuple[np.ndarray, Followed]:
    """float64[r, 2, h] risks that are too spread by half, and what came of a hazard half as great again."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(-2.5, 0.8, (4000, 2))
    hazard = -np.log1p(-expit(log_odds)) / HORIZONS[-1]
    told = expit(logit(-np.expm1(-hazard[:, :, None] * HORIZONS)) * 1.5 + 1)
    days = random.exponential(1 / (1.5 * hazard))
    first = days.min(axis=1)
    return told, Followed(
        duration_days=np.minimum(first, until),
        event=np.where(first < until, days.argmin(axis=1) + 1, 0),
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("slopes", [True, False])
@pytest.mark.parametrize("expecting", [True, False])
def test_an_unseen_horizon_takes_the_level_of_the_last_seen_and_no_slope(
    seed: int, slopes: bool, expecting: bool
) -> None:
    told, came = studied(seed, 730)
    lost = told[:, :, 0] * 1.5 if expecting else None
    maps = CurveCalibrator.fit(told, came, HORIZONS, slopes=slopes, lost=lost)
    for c in range(2):
        happened = (came.event == c + 1) & (came.duration_days <= 365)
        level = brentq(
            lambda a, c=c, happened=happened: (
                expit(a + logit(told[:, c, 0])).mean() - happened.mean()
            ),
            -5,
            5,
        )  # nobody is lost before 365 days
        assert maps.slope[c][1] == 1
        assert maps.intercept[c][1] == pytest.approx(level, abs=0.01)
        assert (maps.slope[c][0] == 1) is not slopes
    folds = np.arange(len(came)) % 5
    assert [cause[1] for cause in maps.bent(told, came, folds, lost).kinds] == ["straight"] * 2


@pytest.mark.parametrize("expecting", [True, False])
def test_where_no_horizon_was_seen_nothing_is_mapped(expecting: bool) -> None:
    told, came = studied(1, 200)
    maps = CurveCalibrator.fit(told, came, HORIZONS, lost=told[:, :, 0] if expecting else None)
    assert maps.intercept == [[0, 0], [0, 0]]
    assert maps.slope == [[1, 1], [1, 1]]
    assert maps.bent(told, came, np.arange(len(came)) % 5).shapes is None


def unjudged(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        measures = ("observed", "low", "high", "observed_over_expected", "auroc", "ici")
        if row["horizon_days"] == 1826:
            assert all(row[name] is None for name in measures)
            assert row["reason"].startswith("0 people were seen")
        else:
            assert row["reason"] is None
            assert row["observed_over_expected"] == pytest.approx(1, abs=0.25)


def test_training_says_that_a_horizon_was_not_seen_and_judges_by_the_last_that_was(
    short: RiskModel,
) -> None:
    card = short.card
    (concern,) = [one for one in card["concerns"] if one["kind"] == "beyond what was recorded"]
    assert not concern["grave"]
    assert "0 people were seen to 1,826 days without an event" in concern["said"]
    assert card["judged_at_days"] == 365
    assert "by 365 days: to 1,826 days too few" in card["judged"]
    assert card["metrics"]["observed_over_expected"]["value"] == pytest.approx(1, abs=0.1)
    unjudged(card["horizons"])
    assert any("Risks by 1,826 days were not judged" in line for line in card["limits"])
    for told in (report(card), chai_card(card)):
        assert "Risks by 1,826 days were not judged" in str(told)
        assert "by 365 days" in str(told)
    assert model_view({"name": "stroke", **card})["measured"]


def test_a_horizon_that_was_seen_is_judged_as_before(model: RiskModel) -> None:
    assert model.card["judged_at_days"] == 1826
    assert model.card["judged"] == "out of 5 folds by subject"
    assert not [c for c in model.card["concerns"] if c["kind"] == "beyond what was recorded"]
    assert all(row["reason"] is None for row in model.card["horizons"])


@pytest.mark.parametrize("horizons", [(1826,), (3650, 7300)])
def test_there_is_no_model_where_no_horizon_was_seen(
    cut: Timeline, horizons: tuple[int, ...]
) -> None:
    trained = train(cut, task(*horizons), recipe=RECIPE)
    assert trained.model is None
    assert trained.abstention is not None
    assert "0 people were seen to" in trained.abstention.reason


def test_one_cause_alone_is_learned_although_none_is_known_to_be_without_it(cut: Timeline) -> None:
    """By 1826 days only events are known."""
    alone = train(cut, task(365, 1826, competing=False), recipe=RECIPE).model
    assert alone is not None
    assert alone.card["judged_at_days"] == 365
    elsewhere = evaluate(alone, people(9, 400, until=600))
    assert elsewhere["judged_at_days"] == 365


def test_evaluation_judges_by_the_last_horizon_that_was_seen(
    model: RiskModel, cut: Timeline
) -> None:
    found = evaluate(model, cut)
    assert found["judged_at_days"] == 365
    assert found["judged"].startswith("on another store, by 365 days")
    assert found["metrics"]["observed_over_expected"]["value"] == pytest.approx(1, abs=0.25)
    unjudged(found["horizons"])
    found["metrics"]["auroc"] = {"value": None, "low": None, "high": None}
    found["subgroups"][0]["auroc"] = found["metrics"]["auroc"]
    assert "0 people were seen for so long" in text(found)
    with pytest.raises(ModelError, match="0 people were seen to 365 days"):
        evaluate(model, people(4, 300, until=200))


@pytest.mark.parametrize("method", ["intercept", "slope", "full"])
def test_recalibration_leaves_the_risks_of_later_years_near_what_comes(
    model: RiskModel, cut: Timeline, method: str
) -> None:
    moved = recalibrate(model, cut, method=method)
    fresh = evaluate(moved, people(5, 4000))["horizons"]
    for row in fresh:
        assert row["observed_over_expected"] == pytest.approx(1, abs=0.25), row
    assert any("level of those by 365 days alone" in line for line in moved.card["limits"])


def test_recalibration_is_refused_where_no_horizon_was_seen(model: RiskModel) -> None:
    with pytest.raises(ModelError, match="go on for longer"):
        recalibrate(model, people(6, 400, until=300))


def test_a_store_of_short_records_raises_no_alarm_and_one_of_shorter_says_why(
    model: RiskModel, cut: Timeline
) -> None:
    found = monitor(model, cut)
    assert found["alarms"] == []
    assert found["outcomes"]["horizon_days"] == 365
    shorter = monitor(model, people(7, 400, until=300))
    assert shorter["alarms"] == []
    assert shorter["outcomes"]["observed_over_expected"] is None
    assert "too few" in shorter["outcomes"]["reason"]


def test_who_is_lost_early_makes_the_outcome_no_rarer_and_who_has_it_oftener_is_told(
    model: RiskModel,
) -> None:
    lost = monitor(model, people(8, 2500, lost=1 / 700))
    assert (
        lost["outcomes"]["events"] / 2500
        < 0.8 * model.card["snapshot"]["outcomes"]["events"] / 1500
    )
    assert lost["alarms"] == []
    often = monitor(model, people(8, 2500, lost=1 / 700, often=2))
    assert any("were expected" in alarm for alarm in often["alarms"])
    assert any("where the model learned" in alarm for alarm in often["alarms"])


def test_once_recalibrated_it_is_watched_beside_where_it_was_brought_to(model: RiskModel) -> None:
    there = people(10, often=2)
    assert monitor(model, there)["alarms"]
    moved = recalibrate(model, there, method="full")
    assert monitor(moved, there)["alarms"] == []
    back = monitor(moved, people(11))["alarms"]
    assert any("where it was recalibrated" in alarm for alarm in back)


def test_twenty_batches_of_the_same_hospital_of_which_many_are_lost_are_silent(
    model: RiskModel,
) -> None:
    alarms = [monitor(model, people(s, 700, lost=1 / 900))["alarms"] for s in range(100, 120)]
    assert sum(bool(found) for found in alarms) <= 1, alarms


def test_a_learning_curve_that_could_not_be_measured_is_not_told(short: RiskModel) -> None:
    points = [{**point, "value": None} for point in short.card["learning_curve"]["points"]]
    card = {**short.card, "learning_curve": {**short.card["learning_curve"], "points": points}}
    assert points
    assert report(card)["tripod_ai"]
