from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from lifecourse.base.errors import ModelError
from lifecourse.features import Recipe
from lifecourse.models import RiskModel, monitor, train
from lifecourse.models.monitoring.drift import population_stability, shifts
from lifecourse.models.monitoring.snapshot import binned
from lifecourse.tasks import Task
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.unstored import timeline_from_events

SEEN = datetime(2020, 1, 1)
TASK = Task.model_validate(
    {
        "name": "stroke",
        "trigger": {"codes": ["VISIT//outpatient"], "which": "every"},
        "outcome": {"codes": ["ICD10CM//I63.9"]},
        "outcome_window_days": 365,
        "censoring": "negative",
    }
)
RECIPE = Recipe.model_validate(
    {
        "name": "small",
        "covariates": [
            {"codelist": "sbp", "summary": "last"},
            {"codelist": "hba1c", "summary": "last"},
        ],
        "every_code": {"days": [None], "summaries": ["count"], "min_count": 10},
    }
)


def people(
    seed: int, n: int = 1500, *, hba1c: float = 1.0, ill: float = 1.0, smokers: float = 0.2
) -> Timeline:
    """Adults seen twice; blood pressure and smoking raise the risk of a stroke."""
    random = np.random.default_rng(seed)
    rows: list[tuple[int, datetime | None, str, float | None]] = []
    for subject in range(1, n + 1):
        pressure, smokes = float(random.normal(130, 15)), bool(random.random() < smokers)
        chance = ill / (1 + np.exp(2.4 - (pressure - 130) / 20 - smokes))
        born = SEEN - timedelta(days=int(random.integers(40, 80) * 365))
        rows += [
            (subject, None, "SEX//female" if random.random() < 0.5 else "SEX//male", None),
            (subject, born, "MEDS_BIRTH", None),
            (subject, SEEN - timedelta(days=9), "LOINC//8480-6", pressure),
            (subject, SEEN, "VISIT//outpatient", None),
            (subject, SEEN + timedelta(days=30), "VISIT//outpatient", None),
            (subject, SEEN + timedelta(days=800), "VISIT//other", None),
        ]
        if random.random() < 0.6:
            value = float(random.normal(5.6, 0.6)) * hba1c
            rows.append((subject, SEEN - timedelta(days=9), "LOINC//4548-4", value))
        if smokes:
            rows.append((subject, SEEN - timedelta(days=400), "ICD10CM//F17.2", None))
        if random.random() < chance:
            days = int(random.integers(40, 300))
            rows.append((subject, SEEN + timedelta(days=days), "ICD10CM//I63.9", None))
    names = ["subject_id", "time", "code", "numeric_value"]
    return timeline_from_events(pl.DataFrame(rows, schema=names, orient="row"))


@pytest.fixture(scope="module")
def model() -> RiskModel:
    found = train(people(0), TASK, recipe=RECIPE).model
    assert found is not None
    return found


def test_twenty_batches_of_the_same_hospital_are_silent(model: RiskModel) -> None:
    alarms = [monitor(model, people(seed, 700))["alarms"] for seed in range(1, 21)]
    assert sum(bool(found) for found in alarms) <= 1, alarms


@pytest.mark.parametrize(("factor", "said"), [(1.9, "times as much"), (10.93, "0.0% have one")])
def test_a_changed_unit_is_told_whether_its_values_can_be_or_not(
    model: RiskModel, factor: float, said: str
) -> None:
    (alarm,) = [
        alarm
        for alarm in monitor(model, people(30, 700, hba1c=factor))["alarms"]
        if "hba1c" in alarm
    ]
    assert said in alarm
    assert "unit" in alarm


def test_a_commoner_outcome_is_told(model: RiskModel) -> None:
    report = monitor(model, people(31, ill=2.0))
    assert any("were expected" in alarm for alarm in report["alarms"])
    assert any("where the model learned" in alarm for alarm in report["alarms"])
    assert report["outcomes"]["low"] > 1


def test_a_commoner_code_and_its_risks_are_told(model: RiskModel) -> None:
    report = monitor(model, people(32, smokers=0.6))
    moved = {shift["what"]: shift for shift in report["shifts"] if shift["alarm"]}
    assert any("F17.2" in name for name in moved)
    assert report["outcomes"]["low"] <= 1 <= report["outcomes"]["high"]


def test_nobody_and_a_model_without_a_snapshot_have_a_defined_end(model: RiskModel) -> None:
    empty = timeline_from_events(pl.DataFrame(schema={"subject_id": pl.Int64}))
    report = monitor(model, empty)
    assert report["people"] == 0
    assert report["alarms"] == []
    card = {name: value for name, value in model.card.items() if name != "snapshot"}
    bare = RiskModel(**{**{f: getattr(model, f) for f in model.__slots__}, "card": card})
    with pytest.raises(ModelError, match="Train it again"):
        monitor(bare, empty)


def test_the_snapshot_names_nobody_and_is_the_same_again(model: RiskModel) -> None:
    again = train(people(0), TASK, recipe=RECIPE).model
    assert again is not None
    assert again.card["snapshot"] == model.card["snapshot"]
    assert model.card["snapshot"]["people"] == 1500
    for column in model.card["snapshot"]["columns"].values():
        assert sum(column["counts"]) + column["missing"] == 1500


def test_stability_by_hand_and_bins_without_values() -> None:
    assert population_stability([50, 50], [50, 50]) == 0
    # (0.9 - 0.5) ln(0.9 / 0.5) + (0.1 - 0.5) ln(0.1 / 0.5), but for half a person a bin
    assert population_stability([5000, 5000], [9000, 1000]) == pytest.approx(0.8789, abs=1e-3)
    assert binned(np.array([np.nan]), None) == {
        "edges": [], "counts": [0], "missing": 1, "median": None,
    }  # fmt: skip
    assert binned(np.array([1.0, 2.0, 2.0, 9.0]), [2.0])["counts"] == [1, 3]


def test_what_everybody_had_and_nobody_has_is_an_alarm() -> None:
    then = {"people": 1000, "columns": {}, "codes": {"A": 400}}
    now = {"people": 1000, "columns": {}, "codes": {"A": 0}}
    (shift,) = shifts(then, now)
    assert shift.alarm
    assert "40.0%" in shift.said


def test_a_model_of_times_to_events_is_watched_too() -> None:
    task = Task.model_validate(
        {
            **TASK.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
            "censoring": "time-to-event",
            "outcome_window_days": 365,
            "horizons_days": [180, 365],
        }
    )
    model = train(people(0), task, recipe=RECIPE).model
    assert model is not None
    same = monitor(model, people(33))["outcomes"]
    assert same["low"] < 1 < same["high"]
    assert any("were expected" in alarm for alarm in monitor(model, people(34, ill=2.0))["alarms"])
