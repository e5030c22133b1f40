"""A model of many outcomes, from a store to risks: what it finds, keeps, refuses and never sees."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from lives import BORN, Row, asked, lives, timeline_of

from lifecourse.base.errors import ModelError, UserError
from lifecourse.models import kind_of_model, load_model
from lifecourse.models.outcomes import (
    OutcomesModel,
    load_outcomes,
    predict_outcomes,
    save_outcomes,
    train_outcomes,
)

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.timeline.access import Timeline


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return lives(1_500)


@pytest.fixture(scope="module")
def model(rows: list[Row]) -> OutcomesModel:
    return train_outcomes(timeline_of(rows))


def risks(model: OutcomesModel, timeline: Timeline, at: int | None = None) -> dict[str, float]:
    table, _ = predict_outcomes(model, timeline, [7], at=at)
    late = table.filter(pl.col("horizon_days") == 1826)
    return dict(zip(late["outcome"].cast(pl.String).to_list(), late["risk"].to_list(), strict=True))


def test_what_enough_people_came_to_is_an_outcome(model: OutcomesModel) -> None:
    codes = {"ICD10//I10", "ICD10//I63", "ICD10//K21", "ICD10//L30"}
    assert codes <= set(model.names)
    assert "ICD10//Q99" not in model.names
    assert "death" not in model.names
    assert all(model.card["events"][name] > 0 for name in model.names)


def test_what_everybody_had_when_the_record_began_is_no_outcome_and_that_is_said(
    rows: list[Row], model: OutcomesModel
) -> None:
    first: dict[int, datetime] = {}
    for person, time, code, *_ in rows:
        if time is not None and code != "MEDS_BIRTH":
            first[person] = min(first.get(person, time), time)
    known = [(person, time, "ICD10//Z87") for person, time in first.items()]
    found = train_outcomes(timeline_of([*rows, *known]))
    assert found.names == model.names
    assert found.card["left_out"]["fewer_than"] == 25
    assert found.card["left_out"]["outcomes"] == model.card["left_out"]["outcomes"] + 1


def test_the_planted_ratio_is_found_and_the_rest_is_left_near_one(model: OutcomesModel) -> None:
    without = risks(model, asked([]))
    with_pressure = risks(model, asked([(30, "ICD10//I10")]))
    assert with_pressure["ICD10//I63"] > 2 * without["ICD10//I63"]
    assert "ICD10//I10" not in with_pressure  # who has it cannot come to it anew
    ratio = with_pressure["ICD10//K21"] / without["ICD10//K21"]
    assert 0.6 < ratio < 1.6
    # A rate of 1/90 a year for five years.
    assert without["ICD10//K21"] == pytest.approx(1 - np.exp(-5 / 90), rel=0.35)


def test_later_events_change_no_earlier_risk(model: OutcomesModel) -> None:
    at = int((BORN + timedelta(days=39 * 365.25) - datetime(1970, 1, 1)).total_seconds() * 1e6)
    before = risks(model, asked([(30, "ICD10//L30")]), at)
    assert risks(model, asked([(30, "ICD10//L30"), (39.5, "ICD10//I10")]), at) == before


def test_training_again_gives_the_same_model_to_the_last_bit(
    model: OutcomesModel, rows: list[Row]
) -> None:
    again = train_outcomes(timeline_of(rows))
    assert again.card == model.card
    assert again.ratios.beta.tobytes() == model.ratios.beta.tobytes()


def test_a_kept_model_tells_the_same_and_is_no_model_of_one_task(
    model: OutcomesModel, rows: list[Row], tmp_path: Path
) -> None:
    save_outcomes(model, tmp_path / "m")
    timeline = timeline_of(rows)
    again = load_outcomes(tmp_path / "m")
    assert predict_outcomes(again, timeline)[0].equals(predict_outcomes(model, timeline)[0])
    assert kind_of_model(tmp_path / "m") == "outcomes"
    with pytest.raises(ModelError, match="many outcomes"):
        load_model(tmp_path / "m")
    (tmp_path / "m" / "ratios.npy").write_bytes(b"changed")
    with pytest.raises(ModelError, match="changed"):
        load_outcomes(tmp_path / "m")


def test_only_those_with_the_fact_teach(rows: list[Row]) -> None:
    part = train_outcomes(timeline_of(rows), among="HALF//two")
    assert part.card["subjects"] == 500
    assert part.card["among"] == "HALF//two"


def test_the_dead_the_ageless_and_children_get_a_reason(model: OutcomesModel) -> None:
    day = timedelta(days=365.25)
    told: list[Row] = [
        (1, BORN, "MEDS_BIRTH"), (1, BORN + 30 * day, "MEDS_DEATH"),
        (2, BORN + 30 * day, "ICD10//I10"),
        (3, BORN, "MEDS_BIRTH"), (3, BORN + 95 * day, "ICD10//I10"),
        (4, BORN, "MEDS_BIRTH"), (4, BORN + 30 * day, "ICD10//L30"),
    ]  # fmt: skip
    table, refused = predict_outcomes(model, timeline_of(told))
    assert set(table["subject_id"]) == {4}  # of unknown sex: the rates of both
    reasons = dict(refused.iter_rows())
    assert "died" in reasons[1]
    assert "age is not known" in reasons[2]
    assert "other ages" in reasons[3]


def test_an_empty_store_says_so() -> None:
    with pytest.raises(ModelError, match="nobody to learn from"):
        train_outcomes(timeline_of([]))


def test_a_fact_that_nobody_has_says_so(rows: list[Row]) -> None:
    with pytest.raises(ModelError, match="and that fact"):
        train_outcomes(timeline_of(rows), among="HALF//three")


def test_too_few_events_of_everything_say_so() -> None:
    with pytest.raises(ModelError, match="no diagnosis, phenotype or death came to 25"):
        train_outcomes(timeline_of(lives(20)))


def test_of_who_is_not_in_the_store_it_is_not_silent(model: OutcomesModel, rows: list[Row]) -> None:
    with pytest.raises(UserError, match="the store has no subject 999999"):
        predict_outcomes(model, timeline_of(rows), [999999])
