"""A bedside score: points of a person by hand are those of the file and of the code, and what decides comes first."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from cohorts import SEEN, TASK, cohort

from lifecourse.base.errors import KnowledgeError, ModelError
from lifecourse.care.bedside import page_of, write_bedside_score
from lifecourse.care.risk.evaluate import columns_of, evaluate_columns
from lifecourse.care.risk.library import load_score_model
from lifecourse.features import FeatureMatrix, Recipe, featurize
from lifecourse.models import RiskModel, train
from lifecourse.models.bedside import BedsideScore, Item, bedside_score
from lifecourse.models.bedside.fitting import _People
from lifecourse.models.bedside.items import LEAST_IN_CATEGORY, readable_cuts
from lifecourse.models.evaluation import auroc
from lifecourse.tasks import Task, label
from lifecourse.timeline.unstored import timeline_from_events

RECIPE = Recipe.model_validate(
    {
        "name": "bedside",
        "covariates": [
            {"codelist": "sbp", "summary": "last", "days": 730},
            {"codelist": "sbp", "summary": "count"},
            {"codelist": "atrial_fibrillation", "summary": "exists"},
            {"codelist": "anticoagulant", "summary": "active"},
        ],
    }
)


def people() -> pl.DataFrame:
    """Adults of whom those with a risk fact have strokes oftener; a fifth were never measured."""
    events = cohort(1_500, seed=11)
    unmeasured = (pl.col("code") == "LOINC//8480-6") & (pl.col("subject_id") % 5 == 0)
    later = events.filter(code="VISIT//outpatient").with_columns(
        pl.col("time") + pl.duration(days=pl.col("subject_id") % 900 + 60),
        code=pl.lit("VISIT//other"),
    )
    return pl.concat([events.filter(~unmeasured), later])


HERE = timeline_from_events(people())
TIMES = Task.model_validate(
    {**TASK.model_dump(mode="json", exclude_defaults=True), "censoring": "time-to-event"}
)


@pytest.fixture(scope="module", params=[TASK, TIMES], ids=["yes_or_no", "times"])
def model(request: pytest.FixtureRequest) -> RiskModel:
    found = train(HERE, request.param, recipe=RECIPE).model
    assert found is not None
    return found


@pytest.fixture(scope="module")
def score(model: RiskModel) -> BedsideScore:
    return bedside_score(model, HERE)


def asked() -> FeatureMatrix:
    rows = pl.DataFrame(
        {"subject_id": range(1, 301), "prediction_time": [SEEN] * 300},
        schema_overrides={"prediction_time": pl.Datetime("us")},
    )
    return featurize(HERE, rows, RECIPE)


def by_hand(item: Item, value: float) -> int:
    """The points of a value, read off the table as a person would."""
    for words, points in item.categories():
        if np.isnan(value):
            if words == "not known":
                return points
            continue
        numbers = [float(each) for each in re.findall(r"-?[0-9.]+", words)]
        if words in ("no", "male") and value == 0:
            return points
        if words in ("yes", "female") and value == 1:
            return points
        if words.startswith("below") and value < numbers[0]:
            return points
        if " to below " in words and numbers[0] <= value < numbers[1]:
            return points
        if words.endswith("or more") and value >= numbers[0]:
            return points
    raise AssertionError(item.name)


def test_points_by_hand_are_those_of_the_code_and_of_the_file(
    score: BedsideScore, tmp_path: Path
) -> None:
    features = asked()
    file, _ = write_bedside_score(score, tmp_path)
    read = load_score_model(file)
    given, slow = [], []
    for row in range(300):
        values: dict[str, Any] = {
            item.name: float(features.dense[row, features.dense_names.index(item.column)])
            for item in score.items
        }
        slow.append(sum(by_hand(item, values[item.name]) for item in score.items))
        if "sex" in values:
            values["sex"] = {1.0: "female", 0.0: "male"}[values["sex"]]
        given.append(
            {k: v for k, v in values.items() if not (isinstance(v, float) and np.isnan(v))}
        )
    assert score.points(features).tolist() == slow
    told = evaluate_columns(read, columns_of(read, given), 300)
    assert told.outputs["score"].tolist() == slow
    assert told.outputs["risk"] == pytest.approx(score.risk(np.array(slow)))


def test_what_decides_comes_first_and_the_score_tells_nearly_as_much_as_the_model(
    score: BedsideScore,
) -> None:
    assert score.parsimony[0]["added"] == "Atrial fibrillation or flutter"
    first = next(item for item in score.items if item.codelist == "atrial_fibrillation")
    assert first.points[1] == max(max(item.points) for item in score.items)
    own, of_model = score.measures["auroc"]["value"], score.of_model["auroc"]["value"]
    assert own > of_model - 0.03
    assert score.measures["auroc"]["low"] < own < score.measures["auroc"]["high"]
    assert min(row["moments"] for row in score.meaning if row["observed"] is not None) >= 20
    told = [points for row in score.meaning for points in range(row["from"], row["to"] + 1)]
    assert told == list(range(score.most + 1))
    shares = [row["expected"] for row in score.meaning]
    assert shares == sorted(shares)
    assert 1 <= len(score.items) <= 8


def test_measures_are_of_people_the_points_were_not_made_of(model: RiskModel) -> None:
    """A fold's sums equal those of a score made by hand without its people."""
    score = bedside_score(model, HERE)
    study = _People.of(model, HERE, 0)
    sums, _ = study.held_out(score.items)
    for fold in range(5):
        mine, others = study.folds == fold, np.flatnonzero(study.folds != fold)
        alone = study.weighed(score.items, others)
        total = sum(
            item.of(study.features.dense[:, study.features.dense_names.index(item.column)])
            for item in alone
        )
        assert np.array_equal(sums[mine], np.asarray(total)[mine])
    area = auroc(study.came, sums.astype(float), study.weight)
    assert area == pytest.approx(score.measures["auroc"]["value"])


def test_fewer_items_are_taken_where_more_tell_no_more(score: BedsideScore) -> None:
    best = max(row["auroc"] for row in score.parsimony)
    enough = [row["items"] for row in score.parsimony if row["auroc"] >= best - 0.005]
    assert len(score.items) == min(enough)


@pytest.mark.parametrize("seed", range(5))
def test_cuts_are_round_and_each_category_has_people(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(random.uniform(-5, 300), random.uniform(0.1, 80), 800)
    values[random.random(800) < 0.2] = np.nan
    cuts = readable_cuts(values)
    known = values[np.isfinite(values)]
    assert 1 <= len(cuts) <= 3
    for cut in cuts:
        digits = f"{abs(cut):.10g}".replace(".", "").strip("0")
        assert len(digits) <= 4
    assert np.bincount(np.searchsorted(cuts, known, side="right")).min() >= LEAST_IN_CATEGORY
    assert readable_cuts(np.full(100, 7.0)) == ()
    assert readable_cuts(known[:30]) == ()


def test_a_file_whose_points_were_changed_does_not_load(
    score: BedsideScore, tmp_path: Path
) -> None:
    file, _ = write_bedside_score(score, tmp_path)
    item = next(item for item in score.items if item.codelist == "atrial_fibrillation")
    text = file.read_text()
    changed = text.replace(
        f"{item.points[0]} if atrial_fibrillation < 1 else {item.points[1]}",
        f"{item.points[0]} if atrial_fibrillation < 1 else {item.points[1] + 1}",
    )
    assert changed != text
    file.write_text(changed)
    with pytest.raises(KnowledgeError, match="case"):
        load_score_model(file)


def test_the_page_says_each_point_and_what_it_is_not(score: BedsideScore) -> None:
    page = page_of(score, "2028-01")
    for item in score.items:
        for words, points in item.categories():
            assert f"| {words} | {points} |" in page
    assert "Not a cleared medical device" in page
    assert f"{score.measures['auroc']['value']:.3f}" in page


def test_too_few_events_or_nothing_to_ask_is_one_clear_error(model: RiskModel) -> None:
    with pytest.raises(ModelError, match="a bedside score takes 50"):
        bedside_score(model, timeline_from_events(people().filter(pl.col("subject_id") < 60)))


def test_a_model_of_codes_alone_has_no_bedside_score() -> None:
    recipe = Recipe.model_validate(
        {
            "name": "codes",
            "covariates": [{"codelist": "sbp", "summary": "count"}],
            "every_code": {"days": [None], "summaries": ["count"], "min_count": 10},
        }
    )
    alike = people().filter(
        ~pl.col("code").str.starts_with("SEX") & (pl.col("code") != "MEDS_BIRTH")
    )
    found = train(timeline_from_events(alike), TASK, recipe=recipe).model
    assert found is not None
    with pytest.raises(ModelError, match="nothing that can be asked at a bedside"):
        bedside_score(found, timeline_from_events(alike))


def test_labels_are_those_of_the_task(model: RiskModel) -> None:
    study = _People.of(model, HERE, 0)
    table = label(HERE, model.task).table
    if isinstance(model.task, Task) and model.task.is_time_to_event:
        table = table.filter(pl.col("duration_days") > 0)
    else:
        table = table.filter(pl.col("boolean_value").is_not_null())
    assert study.subjects.tolist() == table["subject_id"].to_list()
    assert study.weight.mean() == pytest.approx(1.0, abs=0.1)
