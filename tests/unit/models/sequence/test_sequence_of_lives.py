"""A sequence model, from a store to risks: what it finds, refuses and never sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from lives import BORN, Row, asked, lives, timeline_of

torch = pytest.importorskip("torch", reason="the extra 'deep' is not installed")
pytest.importorskip("safetensors", reason="the extra 'deep' is not installed")

from lifecourse.base.errors import ModelError
from lifecourse.models.outcomes import evaluate_outcomes, predict_outcomes, train_outcomes
from lifecourse.models.outcomes.catalogue import onsets_of
from lifecourse.models.sequence import (
    SequenceModel,
    sample_futures,
    train_sequence,
)
from lifecourse.models.sequence.learning import Schedule
from lifecourse.models.sequence.network import Shape

if TYPE_CHECKING:
    from lifecourse.timeline.access import Timeline

SMALL = Shape(width=16, layers=1, heads=2, dropout=0.1)
YEAR = timedelta(days=365.25)


def trained(timeline: Timeline, among: str | None = None, rounds: int = 8) -> SequenceModel:
    schedule = Schedule(rounds=rounds, rate=5e-3, warm_up=20)
    return train_sequence(timeline, among=among, shape=SMALL, schedule=schedule)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return lives(1_500)


@pytest.fixture(scope="module")
def model(rows: list[Row]) -> SequenceModel:
    return trained(timeline_of(rows))


def risks(
    model: SequenceModel, timeline: Timeline, at: int | None = None, column: str = "risk"
) -> dict[str, float]:
    futures = 0 if column == "risk" else 400
    table, _ = predict_outcomes(model, timeline, [7], at=at, futures=futures)
    late = table.filter(pl.col("horizon_days") == 1826)
    return dict(zip(late["outcome"].cast(pl.String).to_list(), late[column].to_list(), strict=True))


def test_it_learns_the_outcomes_that_the_hazards_learn(
    model: SequenceModel, rows: list[Row]
) -> None:
    other = train_outcomes(timeline_of(rows))
    assert model.names == other.names
    assert model.titles == other.titles
    assert model.card["events"] == other.card["events"]


def test_it_tells_more_than_age_and_sex(model: SequenceModel) -> None:
    gained = model.card["surprise_below_age_and_sex"]
    assert max(gained) == gained[model.card["rounds"] - 1] > 0.01
    assert 0.8 < model.card["judged_on_a_tenth"]["observed_over_expected"] < 1.25


def test_it_is_judged_like_hazards_on_its_tenth_and_on_others(
    model: SequenceModel, rows: list[Row]
) -> None:
    tenth = evaluate_outcomes(model, timeline_of(rows))
    assert tenth["judged"].startswith("on a tenth of the people")
    assert 100 <= tenth["people"] <= 200
    others = evaluate_outcomes(model, timeline_of(lives(400, seed=9)))
    assert others["judged"] == "on another store"
    gain = {
        one["outcome"]: one["gain"] for one in others["outcomes"] if one["horizon_days"] == 1826
    }
    assert gain["ICD10//I63"] > 0.02
    assert 0.8 < others["horizons"][-1]["observed_over_expected"]["value"] < 1.25


def test_the_planted_ratio_is_found_and_the_rest_is_left_near_one(model: SequenceModel) -> None:
    without = risks(model, asked([]))
    with_pressure = risks(model, asked([(30, "ICD10//I10")]))
    assert with_pressure["ICD10//I63"] > 2 * without["ICD10//I63"]
    assert "ICD10//I10" not in with_pressure  # who has it cannot come to it anew
    assert 0.6 < with_pressure["ICD10//K21"] / without["ICD10//K21"] < 1.6
    # A rate of 1/90 a year for five years.
    assert without["ICD10//K21"] == pytest.approx(1 - np.exp(-5 / 90), rel=0.35)


def test_drawn_futures_agree_with_analytic_risks_where_little_happens(model: SequenceModel) -> None:
    timeline = asked([(30, "ICD10//I10")])
    analytic, drawn = risks(model, timeline), risks(model, timeline, column="share_of_futures")
    for name, one in analytic.items():
        assert drawn[name] == pytest.approx(one, abs=4 * np.sqrt(one * (1 - one) / 400) + 0.01)


def test_analytic_risks_are_raised_by_what_came_meanwhile(model: SequenceModel) -> None:
    """Held ratios foretell too little of what came in the tenth by just so much."""
    raised = model.card["raised_for_what_comes_meanwhile"]["others"]
    assert model.meanwhile.tolist() == [np.log(raised)] * len(model.names)
    told = model.card["judged_on_a_tenth"]["observed_over_expected"]
    assert raised == pytest.approx(told, rel=0.01)
    timeline = asked([(30, "ICD10//I10")])
    plain = replace(model, meanwhile=np.zeros(len(model.names)))
    for name, risk in risks(model, timeline).items():
        assert -np.log1p(-risk) == pytest.approx(
            -np.log1p(-risks(plain, timeline)[name]) * raised, rel=1e-3
        )


def test_draws_of_a_row_are_its_own(model: SequenceModel) -> None:
    timeline = asked([(30, "ICD10//L30")])
    onsets = onsets_of(timeline)
    moments = [BORN + 31 * YEAR, BORN + 35 * YEAR, BORN + 40 * YEAR]
    three = pl.DataFrame({"subject_id": [7] * 3, "prediction_time": moments})
    given = {"horizons_days": [365, 1826], "futures": 50}
    together = sample_futures(model, timeline, onsets, three, **given)
    alone = sample_futures(model, timeline, onsets, three[1:2], **given)
    assert (together[1] == alone[0]).all()
    assert (together[:, :, 1] >= together[:, :, 0]).all()
    other = sample_futures(model, timeline, onsets, three[1:2], **given, seed=1)
    assert (other != alone).any()
    had = model.names.index("ICD10//L30")
    assert (together[:, had] == 0).all()
    with pytest.raises(ModelError, match="0 futures"):
        sample_futures(model, timeline, onsets, three, horizons_days=[365], futures=0)


def test_later_events_change_no_earlier_risk(model: SequenceModel) -> None:
    at = int((BORN + timedelta(days=39 * 365.25) - datetime(1970, 1, 1)).total_seconds() * 1e6)
    one, other = asked([(30, "ICD10//L30")]), asked([(30, "ICD10//L30"), (39.5, "ICD10//I10")])
    for column in ("risk", "share_of_futures"):
        assert risks(model, one, at, column) == risks(model, other, at, column)


def test_the_order_of_records_of_one_day_changes_nothing(model: SequenceModel) -> None:
    first = asked([(30, "ICD10//L30"), (30, "ICD10//I10"), (30, "ICD10//K21")])
    second = asked([(30, "ICD10//K21"), (30, "ICD10//L30"), (30, "ICD10//I10")])
    assert risks(model, first) == risks(model, second)


def test_what_it_never_saw_changes_nothing(model: SequenceModel) -> None:
    assert risks(model, asked([(30, "ICD10//Z00")])) == risks(model, asked([]))


def test_the_dead_the_ageless_the_old_and_newborns(model: SequenceModel) -> None:
    told: list[Row] = [
        (1, BORN, "MEDS_BIRTH"), (1, BORN + 30 * YEAR, "MEDS_DEATH"),
        (2, BORN + 30 * YEAR, "ICD10//I10"),
        (3, BORN, "MEDS_BIRTH"), (3, BORN + 95 * YEAR, "ICD10//I10"),
        (4, BORN, "MEDS_BIRTH"), (4, BORN + 30 * YEAR, "ICD10//L30"),
        (5, BORN, "MEDS_BIRTH"), (5, BORN + 2 * YEAR, "VISIT//x"),
    ]  # fmt: skip
    table, refused = predict_outcomes(model, timeline_of(told))
    assert set(table["subject_id"]) == {
        4,
        5,
    }  # of unknown sex; and one without any event that counts
    assert np.isfinite(table["risk"].to_numpy()).all()
    reasons = dict(refused.iter_rows())
    assert "died" in reasons[1]
    assert "age is not known" in reasons[2]
    assert "other ages" in reasons[3]
    newborn = int((BORN - datetime(1970, 1, 1)).total_seconds() * 1e6)
    told_of = model.log_ratios_in(timeline_of(told), onsets_of(timeline_of(told)))
    at = pl.DataFrame({"subject_id": [5], "prediction_time": [newborn]})
    assert np.isfinite(
        told_of(at.with_columns(pl.col("prediction_time").cast(pl.Datetime("us"))))
    ).all()


def test_an_empty_store_too_few_people_and_too_few_events_say_so() -> None:
    with pytest.raises(ModelError, match="nobody to learn from"):
        trained(timeline_of([]))
    with pytest.raises(ModelError, match="needs 200 people"):
        trained(timeline_of(lives(150)))
    rare = [one for one in lives(250) if not one[2].startswith("ICD10") or one[2].endswith("Q99")]
    with pytest.raises(ModelError, match="no diagnosis, phenotype or death came to 25"):
        trained(timeline_of(rare))


def test_of_many_people_some_are_drawn_and_the_rates_are_everyones(
    model: SequenceModel, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecourse.models.sequence.training.MOST_PEOPLE", 500)
    part = trained(timeline_of(rows), rounds=1)
    assert 400 < part.card["subjects_drawn"] < 600
    assert part.card["subjects"] == model.card["subjects_drawn"] == 1_500
    assert (part.rates.cumulated == model.rates.cumulated).all()


def test_only_those_with_the_fact_teach(rows: list[Row]) -> None:
    part = trained(timeline_of(rows), among="HALF//two", rounds=1)
    assert part.card["subjects"] == 500
    assert "HALF//two" not in part.vocabulary.facts  # all of them have it: it says nothing
