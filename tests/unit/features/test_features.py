"""Features: only what was known by then, only codes that training rows have, in the order asked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from cohorts import RECIPE, RISK, SCHEMA, SEEN, at_visit, cohort, with_a_future
from timelines import timeline_of

from lifecourse.base.errors import RecipeError
from lifecourse.features import (
    Recipe,
    featurize,
    load_recipe,
    read_features,
    vocabularies,
    write_features,
)
from lifecourse.tasks.meaning import Meaning
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

VOCABULARY = [RISK, "LOINC//8480-6", "VISIT//outpatient", "ICD10CM//I63.9"]


def test_the_future_changes_no_feature_and_no_vocabulary() -> None:
    events, rows = cohort(120), at_visit(range(1, 121))
    before = featurize(timeline_from_events(events), rows, RECIPE)
    after = featurize(timeline_from_events(with_a_future(events)), rows, RECIPE)
    assert before.vocabulary == after.vocabulary
    assert before.names == after.names
    assert np.array_equal(before.dense, after.dense, equal_nan=True)
    assert (before.codes != after.codes).nnz == 0
    assert before.codes.nnz > 0


def test_vocabulary_is_of_the_training_people_alone(tmp_path: Path) -> None:
    only_late = [(n, SEEN - timedelta(days=1), "SNOMED//1", None) for n in range(51, 101)]
    events = pl.concat([cohort(100), pl.DataFrame(only_late, schema=SCHEMA, orient="row")])
    timeline, rows = timeline_from_events(events), at_visit(range(1, 101))
    training = np.arange(1, 51)
    assert "SNOMED//1" in featurize(timeline, rows, RECIPE).vocabulary
    found = featurize(timeline, rows, RECIPE, training=training)
    assert "SNOMED//1" not in found.vocabulary
    assert not [name for name in found.names if name.startswith("SNOMED//1.")]
    assert vocabularies(timeline, rows, RECIPE, [None, training])[1] == found.vocabulary
    write_features(timeline, rows, RECIPE, tmp_path, training=training)
    (written,) = read_features(tmp_path)
    assert written.names == found.names


def test_columns_of_some_codes_are_those_of_featurizing_them_alone() -> None:
    timeline, rows = timeline_from_events(cohort(40)), at_visit(range(1, 41))
    whole = featurize(timeline, rows, RECIPE, vocabulary=VOCABULARY)
    for some in (VOCABULARY[2:0:-1], [], VOCABULARY):
        few = whole.of_codes(some)
        alone = featurize(timeline, rows, RECIPE, vocabulary=some)
        assert few.names == alone.names
        assert (few.codes != alone.codes).nnz == 0


def test_values_are_those_of_the_record() -> None:
    rows: list[tuple[object, ...]] = [
        (1, None, "SEX//female", None),
        (1, SEEN - timedelta(days=18_262.5), "MEDS_BIRTH", None),
        (1, SEEN - timedelta(days=400), "LOINC//8480-6", 150.0),
        (1, SEEN, "LOINC//8480-6", 120.0),
        (2, SEEN - timedelta(days=10), "VISIT//outpatient", None),
    ]
    timeline = timeline_of(rows)
    found = featurize(timeline, at_visit(range(1, 3)), RECIPE, vocabulary=["LOINC//8480-6"])
    assert found.dense[0].tolist() == [50.0, 1.0, 120.0]
    assert np.isnan(found.dense[1]).all()
    counts = dict(zip(found.code_names, found.codes.toarray()[0], strict=True))
    assert sorted(counts.values()) == [1.0, 2.0]


@pytest.mark.parametrize("n_shards", [1, 5])
def test_rows_come_back_in_the_order_asked_however_the_store_is_cut(n_shards: int) -> None:
    events = cohort(60)
    order = np.random.default_rng(0).permutation(60)
    rows = at_visit(range(1, 61))
    whole = featurize(timeline_from_events(events), rows, RECIPE, vocabulary=VOCABULARY)
    cut = timeline_from_events(events, n_shards=n_shards)
    found = featurize(cut, rows[order.tolist()], RECIPE, vocabulary=VOCABULARY)
    assert np.array_equal(found.dense, whole.dense[order], equal_nan=True)
    assert (found.codes != whole.codes[order]).nnz == 0


def test_person_who_is_not_in_the_store_has_nothing() -> None:
    found = featurize(
        timeline_from_events(cohort(5)), at_visit(range(5, 7)), RECIPE, vocabulary=VOCABULARY
    )
    assert np.isnan(found.dense[1]).all()
    assert found.codes[1].nnz == 0
    assert found.codes[0].nnz > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\ncolour: blue\n", "line 2"),
        ("name: x\ncovariates:\n  - {codelist: sbp, summary: wonderful}\n", "line 3"),
        ("name: x\ncovariates:\n  - {codelist: sbp, summary: last, days: 0}\n", "line 3"),
        ("name: x\nevery_code:\n  days: []\n  summaries: [count]\n", "line 3"),
        ("name: [x\n", "line"),
    ],
)
def test_mistake_in_a_recipe_is_named_by_file_and_line(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert "mine.yaml" in str(caught.value)
    assert said in str(caught.value)


def test_recipe_that_is_absent_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="none"):
        load_recipe(tmp_path / "none.yaml")


def test_the_built_in_recipe_asks_only_for_codelists_there_are() -> None:
    assert len(load_recipe().compiled()) > 10


def test_a_recipe_that_extends_another_has_its_covariates_first_and_its_codes_unless_told() -> None:
    base = load_recipe()
    longer = Recipe.model_validate(
        {
            "name": "longer",
            "extends": "default",
            "covariates": [{"codes": ["PGS//X"], "summary": "last"}],
        }
    )
    assert longer.covariates[:-1] == base.covariates
    assert longer.covariates[-1].column == "PGS//X.last.all"
    assert longer.every_code == base.every_code


def test_a_covariate_of_static_facts_reads_what_has_no_time() -> None:
    rows = [(1, None, "PGS//X", 1.5), (1, SEEN, "PGS//X", 9.0), (2, SEEN, "VISIT//office", None)]
    timeline = timeline_of(rows)
    asked = {"codes": ["PGS//X"], "summary": "last"}
    recipe = Recipe.model_validate(
        {"name": "genes", "covariates": [asked, {**asked, "static": True}]}
    )
    found = featurize(timeline, at_visit([1, 2]), recipe)
    columns = [found.dense_names.index(f"PGS//X.last.{part}") for part in ("all", "static")]
    assert np.array_equal(found.dense[:, columns], [[9.0, 1.5], [np.nan, np.nan]], equal_nan=True)
    with pytest.raises(ValueError, match="either static or days"):
        Recipe.model_validate({"name": "x", "covariates": [{**asked, "static": True, "days": 30}]})


def test_a_covariate_of_nothing_or_of_both_is_refused() -> None:
    for wrong in ({"summary": "last"}, {"codelist": "sbp", "codes": ["X"], "summary": "last"}):
        with pytest.raises(ValueError, match="either a codelist or codes"):
            Recipe.model_validate({"name": "x", "covariates": [wrong]})


def test_a_change_needs_its_days() -> None:
    asked = {"codelist": "haemoglobin", "summary": "change"}
    with pytest.raises(ValueError, match="say how many days"):
        Recipe.model_validate({"name": "x", "covariates": [asked]})
    recipe = Recipe.model_validate({"name": "x", "covariates": [{**asked, "days": 730}]})
    assert recipe.columns == ["haemoglobin.change.730d"]


def test_a_star_means_a_prefix_as_it_does_in_a_task() -> None:
    rows = [
        (1, SEEN - timedelta(days=1), "LOCAL//MI", None),
        (1, SEEN - timedelta(days=1), "LOCALE//x", None),
        (2, SEEN - timedelta(days=1), "LOCALE//x", None),
        (3, SEEN - timedelta(days=1), "LOCAL//*", None),
    ]
    asked = [
        {"name": name, "codes": codes, "summary": "exists"}
        for name, codes in (
            ("all", ["LOCAL//*"]),
            ("both", ["LOCAL//M*", "LOCALE//x"]),
            ("exact", ["LOCAL//M"]),
        )
    ]
    recipe = Recipe.model_validate({"name": "x", "covariates": asked})
    found = featurize(timeline_of(rows), at_visit(range(1, 4)), recipe)
    assert found.dense[:, 2:].tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    for named in recipe.covariates:
        assert named.meant() == Meaning(codes=named.codes, name=named.meant().name).resolve()


def test_excluded_codes_have_no_column_and_the_recipe_of_a_model_keeps_saying_so() -> None:
    asked = {**RECIPE.model_dump(mode="json")["every_code"], "exclude": ["LOINC//*", RISK]}
    recipe = Recipe.model_validate({"name": "x", "every_code": asked})
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
    timeline, rows = timeline_from_events(cohort(60)), at_visit(range(1, 61))
    every = featurize(timeline, rows, RECIPE).vocabulary
    assert {RISK, "LOINC//8480-6"} <= set(every)
    left = [code for code in every if code != RISK and not code.startswith("LOINC//")]
    assert featurize(timeline, rows, recipe).vocabulary == left
    assert vocabularies(timeline, rows, recipe, [None, np.arange(1, 61)]) == [left, left]


def test_a_recipe_that_extends_another_may_exclude_codes_alone() -> None:
    base = load_recipe()
    longer = Recipe.model_validate(
        {"name": "longer", "extends": "default", "every_code": {"exclude": ["LOCAL//*"]}}
    )
    assert base.every_code is not None
    assert longer.every_code == base.every_code.model_copy(update={"exclude": ["LOCAL//*"]})
    with pytest.raises(ValueError, match="days"):
        Recipe.model_validate({"name": "x", "every_code": {"exclude": ["LOCAL//*"]}})
