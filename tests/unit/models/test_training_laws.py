from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lifecourse.base.errors import ModelError, RecipeError
from lifecourse.base.files import sha256_of_file
from lifecourse.base.progress import SILENT
from lifecourse.features import FeatureMatrix, Recipe, featurize, load_recipe
from lifecourse.models import load_model, predict, recalibrate, save_model, train
from lifecourse.models.binary import BinaryStudy
from lifecourse.models.calibration import Calibrator
from lifecourse.models.evaluation import brier, calibration_slope
from lifecourse.models.linear import Logistic
from lifecourse.models.shapes import BentCalibrator
from lifecourse.models.split import N_FOLDS, folds_of
from lifecourse.tasks import Task, label
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.unstored import timeline_from_events

SEEN = datetime(2020, 1, 1)
RECIPE = Recipe.model_validate(
    {
        "name": "small",
        "covariates": [{"codelist": "sbp", "summary": "last"}],
        "every_code": {"days": [None], "summaries": ["count"], "min_count": 10},
    }
)
TASK = Task.model_validate(
    {
        "name": "stroke",
        "trigger": {"codes": ["VISIT//outpatient"], "which": "first"},
        "outcome": {"codes": ["ICD10CM//I63.9"]},
        "outcome_window_days": 365,
        "censoring": "negative",
    }
)


def people(
    n: int = 500, *, planted: bool = True, share: float = 0.3, later: bool = False
) -> pl.DataFrame:
    """Adults seen once; where `planted`, those with a risk fact have the outcome far oftener."""
    random = np.random.default_rng(1)
    rows: list[tuple[int, datetime | None, str, float | None]] = []
    for subject in range(1, n + 1):
        at_risk = bool(random.random() < 0.5)
        chance = (1.8 if at_risk else 0.2) * share if planted else share
        rows += [
            (subject, None, "SEX//female" if subject % 2 else "SEX//male", None),
            (
                subject,
                SEEN - timedelta(days=int(random.integers(40, 80) * 365)),
                "MEDS_BIRTH",
                None,
            ),
            (subject, SEEN - timedelta(days=9), "LOINC//8480-6", float(random.normal(130, 15))),
            (subject, SEEN, "VISIT//outpatient", None),
            (subject, SEEN + timedelta(days=800), "VISIT//other", None),
        ]
        if at_risk:
            rows.append((subject, SEEN - timedelta(days=30), "SNOMED//49436004", None))
        if random.random() < chance:
            rows.append((subject, SEEN + timedelta(days=100), "ICD10CM//I63.9", None))
        if later:
            rows.append((subject, SEEN + timedelta(days=50), "LOINC//8480-6", 250.0))
            rows.append((subject, SEEN + timedelta(microseconds=1), "SNOMED//49436004", None))
    schema = {
        "subject_id": pl.Int64,
        "time": pl.Datetime("us"),
        "code": pl.String,
        "numeric_value": pl.Float32,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def timeline(**options: object) -> Timeline:
    return timeline_from_events(people(**options))  # type: ignore[arg-type]  # keywords of people()


def rows(n: int = 500) -> pl.DataFrame:
    return pl.DataFrame({"subject_id": range(1, n + 1), "prediction_time": [SEEN] * n})


def test_no_event_after_the_prediction_time_changes_a_feature() -> None:
    vocabulary = ["SNOMED//49436004", "VISIT//other"]
    then = featurize(timeline(), rows(), RECIPE, vocabulary=vocabulary)
    now = featurize(timeline(later=True), rows(), RECIPE, vocabulary=vocabulary)
    assert np.array_equal(then.dense, now.dense, equal_nan=True)
    assert np.array_equal(then.codes.toarray(), now.codes.toarray())
    assert then.codes.nnz > 0


def test_a_code_the_store_has_not_is_an_empty_column() -> None:
    found = featurize(timeline(n=20), rows(20), RECIPE, vocabulary=["NO//SUCH", "SNOMED//49436004"])
    assert found.codes.shape == (20, 2)
    assert found.codes[:, 0].nnz == 0
    assert found.codes[:, 1].nnz > 0


def test_rare_codes_stay_out_of_the_vocabulary() -> None:
    assert "SNOMED//49436004" not in featurize(timeline(n=5), rows(5), RECIPE).vocabulary
    assert "SNOMED//49436004" in featurize(timeline(), rows(), RECIPE).vocabulary


def test_an_unknown_key_or_codelist_of_a_recipe_is_one_clear_error(tmp_path: Path) -> None:
    wrong = tmp_path / "recipe.yaml"
    wrong.write_text("name: wrong\ncolour: blue\n")
    with pytest.raises(RecipeError, match="colour"):
        load_recipe(wrong)
    wrong.write_text("name: wrong\ncovariates:\n  - {codelist: no_such_list, summary: last}\n")
    with pytest.raises(RecipeError, match="no_such_list"):
        featurize(timeline(n=5), rows(5), load_recipe(wrong))


def test_a_planted_signal_is_learned_and_chance_is_not() -> None:
    found = train(timeline(), TASK, recipe=RECIPE).model
    assert found is not None
    assert found.card["metrics"]["auroc"]["low"] > 0.65
    assert set(found.card["twins"]) == {"logistic", "trees"}
    chance = train(timeline(planted=False), TASK, recipe=RECIPE).model
    assert chance is not None
    assert 0.4 < chance.card["metrics"]["auroc"]["value"] < 0.6


def test_three_events_make_an_abstention_with_both_numbers() -> None:
    few = people(60, share=0.0)
    events = pl.DataFrame(
        {
            "subject_id": [1, 2, 3],
            "time": [SEEN + timedelta(days=9)] * 3,
            "code": ["ICD10CM//I63.9"] * 3,
        }
    ).with_columns(pl.col("time").cast(pl.Datetime("us")), numeric_value=pl.lit(None, pl.Float32))
    result = train(timeline_from_events(pl.concat([few, events])), TASK, recipe=RECIPE)
    assert result.model is None
    assert result.abstention is not None
    assert result.abstention.n_events == 3
    assert result.abstention.n_needed > 3


def test_two_trainings_leave_the_same_bytes_and_a_model_comes_back_the_same(tmp_path: Path) -> None:
    here = timeline()
    for name in ("a", "b"):
        model = train(here, TASK, recipe=RECIPE).model
        assert model is not None
        save_model(model, tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".joblib"))]
    assert [sha256_of_file(tmp_path / "a" / name) for name in files] == [
        sha256_of_file(tmp_path / "b" / name) for name in files
    ]
    kept = [estimate.to_dict() for estimate in predict(model, here, [1, 2, 3])]
    again = [
        estimate.to_dict() for estimate in predict(load_model(tmp_path / "a"), here, [1, 2, 3])
    ]
    assert kept == again
    (tmp_path / "a" / "card.json").write_text("{}")
    with pytest.raises(ModelError, match=r"card\.json"):
        load_model(tmp_path / "a")


def test_a_person_younger_than_any_learned_from_gets_a_reason_and_no_number() -> None:
    model = train(timeline(), TASK, recipe=RECIPE).model
    assert model is not None
    child = pl.DataFrame(
        {
            "subject_id": [9, 9],
            "time": [SEEN - timedelta(days=3000), SEEN],
            "code": ["MEDS_BIRTH", "VISIT//outpatient"],
        }
    ).with_columns(pl.col("time").cast(pl.Datetime("us")))
    (estimate,) = predict(model, timeline_from_events(child), [9])
    assert estimate.value is None
    assert estimate.interval is None
    assert estimate.reason is not None
    assert "learned from people aged" in estimate.reason
    (adult,) = predict(model, timeline(), [1])
    assert adult.value is not None
    assert adult.interval is not None
    assert adult.interval[0] <= adult.value <= adult.interval[1]


def test_a_code_of_judged_people_alone_has_no_column_where_they_are_judged() -> None:
    subjects = np.arange(1, 501)
    judged = subjects[folds_of(subjects, N_FOLDS, 0) == 2].tolist()
    known = [(subject, SEEN - timedelta(days=2), "RARE//1", None) for subject in judged]
    events = people()
    events = pl.concat([events, pl.DataFrame(known, schema=events.schema, orient="row")])
    whole = timeline_from_events(events)
    labels = label(whole, TASK).table
    study = BinaryStudy.of(whole, TASK, labels, RECIPE, 0, SILENT)
    assert ["RARE//1" in vocabulary for vocabulary in study.vocabularies] == [
        fold != 2 for fold in range(N_FOLDS)
    ]
    assert "RARE//1" in study.vocabulary
    features = study.features.of_codes(study.vocabularies[2])
    assert not [name for name in features.names if name.startswith("RARE")]


def bent_people(seed: int) -> Timeline:
    """Adults whose blood pressure foretells nothing below 150 and much above it; risk facts are as they were."""
    random = np.random.default_rng(seed)
    events = people(3000).filter(pl.col("code") != "ICD10CM//I63.9")
    risky = events.filter(pl.col("code") == "SNOMED//49436004")["subject_id"].to_numpy()
    pressure = events.filter(pl.col("code") == "LOINC//8480-6").sort("subject_id")
    chance = np.where(pressure["numeric_value"].to_numpy() > 140, 0.7, 0.05)
    chance = np.where(np.isin(pressure["subject_id"].to_numpy(), risky), chance, 0.05)
    ill = pressure["subject_id"].to_numpy()[random.random(len(chance)) < chance].tolist()
    rows = [(subject, SEEN + timedelta(days=100), "ICD10CM//I63.9", None) for subject in ill]
    return timeline_from_events(
        pl.concat([events, pl.DataFrame(rows, schema=events.schema, orient="row")])
    )


def test_a_full_recalibration_is_kept_on_disk_and_is_not_done_twice(tmp_path: Path) -> None:
    trained = train(timeline(), TASK, recipe=RECIPE).model
    assert trained is not None
    even = replace(trained, calibrator=Calibrator(intercept=0.0, slope=1.0), learner=Threshold())
    full = recalibrate(even, bent_people(3), method="full")
    assert isinstance(full.calibrator, BentCalibrator)
    fresh = bent_people(4)
    labels = label(fresh, TASK).table
    features = featurize(fresh, labels, RECIPE, vocabulary=even.vocabulary)
    came = labels["boolean_value"].to_numpy().astype(bool)
    straight = replace(full, calibrator=full.calibrator.straight)
    assert brier(came, full.risk(features)) < 0.97 * brier(came, straight.risk(features))
    with pytest.raises(ModelError, match="is bent already"):
        recalibrate(full, fresh, method="full")
    moved = recalibrate(full, fresh)
    assert calibration_slope(came, moved.risk(features)) == pytest.approx(1.0, abs=1e-4)
    save_model(replace(trained, calibrator=full.calibrator), tmp_path / "full")
    assert load_model(tmp_path / "full").calibrator == full.calibrator


class Threshold(Logistic):
    """Says a risk that rises evenly with blood pressure, whatever came."""

    def __init__(self) -> None:
        pass

    def predict(self, features: FeatureMatrix) -> np.ndarray:
        """float64[r]."""
        pressure = features.dense[:, features.dense_names.index("sbp.last.all")]
        found: np.ndarray = 1 / (1 + np.exp(1 - (pressure - 130) / 15))
        return found


def test_a_constant_outcome_makes_an_abstention_with_both_numbers() -> None:
    for share in (0.0, 1.0):
        constant = people(200, planted=False, share=share)
        result = train(timeline_from_events(constant), TASK, recipe=RECIPE)
        assert result.model is None
        assert result.abstention is not None
        assert result.abstention.n_events == 0
        assert result.abstention.n_needed > 0
