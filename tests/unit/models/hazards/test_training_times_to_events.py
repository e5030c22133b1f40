from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from timelines import timeline_of

from lifecourse.base.errors import ModelError
from lifecourse.base.files import sha256_of_file
from lifecourse.features import Recipe, featurize
from lifecourse.models import (
    RiskModel,
    evaluate,
    load_model,
    predict,
    recalibrate,
    save_model,
    train,
)
from lifecourse.tasks import Task
from lifecourse.timeline.access import Timeline

SEEN = datetime(2015, 1, 1)
RECIPE = Recipe.model_validate(
    {
        "name": "small",
        "covariates": [{"codelist": "sbp", "summary": "last"}],
        "every_code": {"days": [None], "summaries": ["count"], "min_count": 10},
    }
)
TASK = Task.model_validate(
    {
        "name": "stroke_or_death",
        "trigger": {"codes": ["VISIT//outpatient"], "which": "first"},
        "outcomes": [
            {"codes": ["ICD10CM//I63.9"], "name": "stroke"},
            {"codes": ["MEDS_DEATH"], "name": "death"},
        ],
        "outcome_window_days": 1826,
        "horizons_days": [365, 1826],
        "censoring": "time-to-event",
    }
)


def people(n: int = 600, seed: int = 1, often: float = 1.0, gout: int = 0) -> Timeline:
    """Adults seen once; a fact triples the hazard of stroke; death competes and records end early for some.

    So many of them have gout a day later.
    """
    random = np.random.default_rng(seed)
    rows: list[tuple[int, datetime | None, str, float | None]] = []
    for subject in range(1, n + 1):
        fact = bool(random.random() < 0.5)
        stroke = random.exponential(3000 if fact else 9000) / often
        death = random.exponential(6000)
        end = random.uniform(200, 2500)
        rows += [
            (subject, None, "SEX//female" if subject % 2 else "SEX//male", None),
            (
                subject,
                SEEN - timedelta(days=int(random.integers(14600, 29200))),
                "MEDS_BIRTH",
                None,
            ),
            (subject, SEEN - timedelta(days=9), "LOINC//8480-6", float(random.normal(130, 15))),
            (subject, SEEN, "VISIT//outpatient", None),
        ]
        if subject <= gout:
            rows.append((subject, SEEN + timedelta(days=1), "ICD10CM//M10.9", None))
        if fact:
            rows.append((subject, SEEN - timedelta(days=30), "SNOMED//49436004", None))
        if stroke < min(death, end):
            rows.append((subject, SEEN + timedelta(days=stroke), "ICD10CM//I63.9", None))
        last = min(death, end)
        code = "MEDS_DEATH" if death < end else "VISIT//other"
        rows.append((subject, SEEN + timedelta(days=last), code, None))
    return timeline_of(rows)


@pytest.fixture(scope="module")
def model() -> RiskModel:
    found = train(people(), TASK, recipe=RECIPE).model
    assert found is not None
    return found


def test_the_card_tells_each_cause_at_each_horizon_and_the_plain_twin(model: RiskModel) -> None:
    told = [(row["cause"], row["horizon_days"]) for row in model.card["horizons"]]
    assert told == [("stroke", 365), ("stroke", 1826), ("death", 365), ("death", 1826)]
    assert model.card["learner"] in model.card["twins"]
    assert model.card["plain_twin"] in model.card["twins"]
    assert model.card["levelled_by"] == []  # of so few events groups tell nothing
    for row in model.card["horizons"]:
        assert sum(group["people"] for group in row["calibration"]) == model.card["rows"]
        assert row["low"] <= row["observed"] <= row["high"]
    stroke = model.card["horizons"][1]
    assert stroke["auroc"] > 0.6
    assert stroke["observed_over_expected"] == pytest.approx(1, abs=0.1)


def test_two_trainings_leave_the_same_bytes_and_a_model_comes_back_the_same(
    model: RiskModel, tmp_path: Path
) -> None:
    here = people()
    again = train(here, TASK, recipe=RECIPE).model
    assert again is not None
    save_model(model, tmp_path / "a")
    save_model(again, tmp_path / "b")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert {path.rpartition(".")[2] for path in files} == {"json", "ubj"}
    assert [sha256_of_file(tmp_path / "a" / name) for name in files] == [
        sha256_of_file(tmp_path / "b" / name) for name in files
    ]
    features = featurize(here, here.persons().select("subject_id", prediction_time="as_of"), RECIPE,
                         vocabulary=model.vocabulary)  # fmt: skip
    loaded = load_model(tmp_path / "a")
    assert np.array_equal(loaded.incidence(features), model.incidence(features))
    days = [100, 365, 1000]
    assert loaded.incidence(features, days).shape == (features.dense.shape[0], 2, 3)


def test_a_prediction_has_a_curve_in_which_death_competes(model: RiskModel) -> None:
    (estimate,) = predict(model, people(), [1], at=int(SEEN.timestamp() * 1e6))
    assert estimate.value is not None
    assert [step["horizon_days"] for step in estimate.curve] == [365, 1826]
    assert estimate.curve[-1]["value"] == estimate.value
    assert estimate.curve[0]["value"] < estimate.value
    assert estimate.curve[-1]["first"].keys() == {"death"}
    assert estimate.interval is not None
    assert estimate.interval[0] < estimate.value < estimate.interval[1]
    assert "had other people" in estimate.interval_reason
    assert estimate.value + estimate.curve[-1]["first"]["death"] <= 1
    assert estimate.contributions


def test_evaluation_elsewhere_judges_each_horizon(model: RiskModel) -> None:
    told = evaluate(model, people(seed=2))
    assert told["judged"] == "on another store"
    assert [row["cause"] for row in told["horizons"]] == ["stroke", "stroke", "death", "death"]
    assert told["horizons"][1]["auroc"] > 0.55


def test_a_horizon_beyond_the_window_is_refused(model: RiskModel) -> None:
    here = people(60)
    rows = here.persons().select("subject_id", prediction_time="as_of")
    features = featurize(here, rows, RECIPE, vocabulary=model.vocabulary)
    with pytest.raises(ModelError, match="beyond"):
        model.incidence(features, [3652])


def test_recalibration_brings_the_level_to_a_store_where_it_happens_more_often(
    model: RiskModel, tmp_path: Path
) -> None:
    there, fresh = people(900, seed=3, often=2.5), people(900, seed=4, often=2.5)
    before = evaluate(model, fresh)["horizons"][1]["observed_over_expected"]
    assert before > 1.3
    for method in ("intercept", "slope", "full"):
        moved = recalibrate(model, there, method=method)
        save_model(moved, tmp_path / method)
        told = evaluate(load_model(tmp_path / method), fresh)
        assert told["horizons"][1]["observed_over_expected"] == pytest.approx(1, abs=0.15)
        assert moved.version != model.version
        assert moved.card["recalibrated"]["before"]["events"] > 50
    with pytest.raises(ModelError, match="no way to recalibrate"):
        recalibrate(model, there, method="magic")
    with pytest.raises(ModelError, match="takes 50"):
        recalibrate(model, people(60, seed=5))


def with_gout(place: int) -> Task:
    outcomes = list(TASK.model_dump(mode="json", exclude_none=True)["outcomes"])
    outcomes.insert(place, {"codes": ["ICD10CM//M10.9"], "name": "gout"})
    return Task.model_validate({**TASK.model_dump(mode="json"), "outcomes": outcomes})


@pytest.mark.parametrize("place", [1, 2])
def test_a_cause_that_nobody_had_gives_no_model_but_its_name_and_what_to_do(place: int) -> None:
    abstention = train(people(), with_gout(place), recipe=RECIPE).abstention
    assert abstention is not None
    assert "nobody had 'gout'" in abstention.reason
    assert "leave it out of outcomes" in abstention.reason


@pytest.mark.parametrize("few", [1, 3])
def test_of_a_cause_that_few_had_it_is_said_and_the_others_are_learned(few: int) -> None:
    found = train(people(gout=few), with_gout(1), recipe=RECIPE).model
    assert found is not None
    (said,) = (one["said"] for one in found.card["concerns"] if "'gout'" in one["said"])
    assert said.startswith(f"{few} people with 'gout'")
    assert "Do not go by the risks of 'gout'" in said
    stroke, gout = (
        next(row for row in found.card["horizons"] if row["cause"] == name)
        for name in ("stroke", "gout")
    )
    assert stroke["observed_over_expected"] == pytest.approx(1, abs=0.1)
    assert gout["expected"] < 0.02


def test_deaths_that_the_task_does_not_ask_about_are_told(model: RiskModel) -> None:
    """Counted by hand from the store: dead inside the window, and no stroke before."""
    alone = Task.model_validate({**TASK.model_dump(mode="json"), "outcomes": [TASK.outcomes[0]]})
    here = people()
    found = train(here, alone, recipe=RECIPE).model
    assert found is not None
    (said,) = [one for one in found.card["concerns"] if one["kind"] == "deaths count as lost"]
    ill = set(here.table([*range(here.n_shards)], ("subject_id", "code"))
              .filter(pl.col("code").cast(pl.String) == "ICD10CM//I63.9")["subject_id"])  # fmt: skip
    until = SEEN + timedelta(days=1826)
    dead = here.persons().filter(pl.col("death").cast(pl.Datetime("us")) <= until)["subject_id"]
    assert said["measured"]["died"] == len(set(dead) - ill) > 20
    assert "add `death` to outcomes" in said["said"]
    assert "deaths count as lost" not in {one["kind"] for one in model.card["concerns"]}
