"""Codes rolled up by data: chapters and categories of ICD-10-CM, levels of ATC, whole codelists."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from cohorts import SCHEMA, SEEN, at_visit

from lifecourse.features import Recipe, featurize, read_features, write_features
from lifecourse.features.rollup import hierarchies, meant_by
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.features import FeatureMatrix

EVENTS = [
    (1, SEEN - timedelta(days=9), "ICD10CM//E11.9", None),
    (1, SEEN - timedelta(days=400), "ICD10CM//E11.65", None),
    (1, SEEN - timedelta(days=9), "ICD10CM//E03.9", None),
    (1, SEEN - timedelta(days=5), "ICD10CM//D50.0", None),
    (1, SEEN - timedelta(days=5), "ATC//C10AA05", None),
    (1, SEEN - timedelta(days=4), "ATC//C10AB05", None),
    (1, SEEN + timedelta(days=4), "ICD10CM//E11.9", None),
    (2, SEEN - timedelta(days=5), "ICD10CM//D49.0", None),
    (2, SEEN - timedelta(days=5), "ATC//C10AA01", None),
]
ROLL_UP = [
    "icd10cm_chapter",
    "icd10cm_category",
    "atc_anatomical",
    "atc_therapeutic",
    "atc_pharmacological",
    "atc_chemical",
    "codelist:type_2_diabetes",
]


def recipe(roll_up: list[str], **more: object) -> Recipe:
    every = {"days": [365, None], "summaries": ["count"], "min_count": 1, **more}
    return Recipe.model_validate({"name": "r", "every_code": {**every, "roll_up": roll_up}})


def timeline(n_shards: int = 1) -> object:
    return timeline_from_events(
        pl.DataFrame(EVENTS, schema=SCHEMA, orient="row"), n_shards=n_shards
    )


def counts(matrix: FeatureMatrix, row: int) -> dict[str, float]:
    cells = matrix.codes.toarray()[row]
    return {name: cell for name, cell in zip(matrix.code_names, cells, strict=True) if cell}


@pytest.mark.parametrize("n_shards", [1, 3])
def test_a_group_counts_the_events_of_all_its_codes_and_none_of_the_future(n_shards: int) -> None:
    found = featurize(timeline(n_shards), at_visit(range(1, 3)), recipe(ROLL_UP))
    first, second = counts(found, 0), counts(found, 1)
    assert first["icd10cm_category:E11.count.365d"] == 1
    assert first["icd10cm_category:E11.count.all"] == 2
    assert first["icd10cm_chapter:04.count.all"] == 3
    assert first["icd10cm_chapter:03.count.all"] == 1
    assert "icd10cm_chapter:02.count.all" not in first
    assert second["icd10cm_chapter:02.count.all"] == 1
    assert first["atc_anatomical:C.count.all"] == 2
    assert first["atc_pharmacological:C10A.count.all"] == 2
    assert first["atc_chemical:C10AA.count.all"] == 1
    assert second["atc_chemical:C10AA.count.all"] == 1
    assert first["codelist:type_2_diabetes.count.all"] == 2
    assert first["ICD10CM//E11.9.count.all"] == 1


def test_rolled_up_or_not_the_codes_themselves_have_the_same_numbers() -> None:
    plain = featurize(timeline(), at_visit(range(1, 3)), recipe([]))
    rolled = featurize(timeline(), at_visit(range(1, 3)), recipe(ROLL_UP))
    assert set(plain.vocabulary) < set(rolled.vocabulary)
    few = rolled.of_codes(plain.vocabulary)
    assert few.names == plain.names
    assert (few.codes != plain.codes).nnz == 0


def test_groups_enter_the_vocabulary_by_training_people_as_codes_do(tmp_path: Path) -> None:
    rows = at_visit(range(1, 3))
    asked = recipe(["icd10cm_chapter"])
    found = featurize(timeline(), rows, asked, training=np.array([2]))
    assert "icd10cm_chapter:02" in found.vocabulary
    assert "icd10cm_chapter:04" not in found.vocabulary
    write_features(timeline(), rows, asked, tmp_path, training=np.array([2]))
    (written,) = read_features(tmp_path)
    assert written.names == found.names
    assert (written.codes != found.codes).nnz == 0
    assert json.loads((tmp_path / "dictionary.json").read_bytes())["vocabulary"] == found.vocabulary


def test_a_code_is_excluded_by_what_it_maps_to_and_a_group_by_its_own_name() -> None:
    metformin = "RxNorm//860975"  # which maps to ATC//A10BA02
    rows = [(n, SEEN - timedelta(days=9), metformin, None) for n in (1, 2)]
    here = timeline_from_events(
        pl.DataFrame([*EVENTS, *rows], schema=SCHEMA, orient="row"), n_shards=2
    )
    asked = at_visit(range(1, 3))
    every = set(featurize(here, asked, recipe(ROLL_UP)).vocabulary)

    def without(*exclude: str) -> set[str]:
        return every - set(featurize(here, asked, recipe(ROLL_UP, exclude=exclude)).vocabulary)

    assert without("ATC//A10*") == {metformin}
    assert without("icd10cm_category:E11", "atc_*") == {
        "icd10cm_category:E11", *(word for word in every if word.startswith("atc_")),
    }  # fmt: skip
    assert without("NOT//there", "LOCAL//*") == set()


def test_a_group_that_another_store_lacks_is_an_empty_column() -> None:
    words = ["icd10cm_category:Z99", "atc_chemical:C10AA", "no_such:thing"]
    found = featurize(timeline(), at_visit(range(1, 3)), recipe([]), vocabulary=words)
    assert counts(found, 1) == {
        "atc_chemical:C10AA.count.365d": 1,
        "atc_chemical:C10AA.count.all": 1,
    }


@pytest.mark.parametrize("wrong", ["icd10cm_chapters", "codelist:no_such_list", "codelist:"])
def test_what_rolls_nothing_up_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"rolls nothing up|codelist"):
        recipe([wrong])


def test_every_category_of_icd_10_cm_is_in_exactly_one_chapter() -> None:
    chapters = hierarchies()["icd10cm_chapter"]
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for number in range(90 if letter == "D" else 100):  # there is no D90
            text = f"ICD10CM//{letter}{number:02d}"
            inside = [
                name for name in chapters.groups if text.startswith(chapters.beginnings(name))
            ]
            assert len(inside) == 1, text
    assert meant_by("icd10cm_chapter:09").prefixes == ("ICD10CM//I",)  # type: ignore[union-attr]  # None fails the test
    assert meant_by("ICD10CM//I10") is None
