"""Why a model says what it says: columns gathered to clinical facts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from lifecourse.features import FeatureMatrix
from lifecourse.features.recipe import EveryCode, NamedCovariate, Recipe
from lifecourse.models.explaining import explain, facts_of
from lifecourse.models.linear import Logistic
from lifecourse.schema.covariate import Summary

RECIPE = Recipe(
    name="some",
    covariates=[
        NamedCovariate(codelist="hba1c", summary=Summary.LAST),
        NamedCovariate(codelist="hba1c", summary=Summary.SLOPE),
        NamedCovariate(codelist="hba1c", summary=Summary.COUNT, days=730),
        NamedCovariate(codelist="sbp", summary=Summary.MEAN),
        NamedCovariate(codes=["PGS//X.1"], summary=Summary.LAST, static=True),
    ],
    derived=["smoking.status"],
    every_code=EveryCode(days=[365, None], summaries=[Summary.COUNT]),
)
DENSE = ["age", "female", *(each.column for each in RECIPE.covariates), "smoking.status"]
CODES = ["ICD10CM//E11.9.count.365d", "LOINC//4548-4.count.365d", "ICD10CM//E11.9.count.all"]


def drawn(rows: int = 40) -> FeatureMatrix:
    random = np.random.default_rng(3)
    dense = random.normal(size=(rows, len(DENSE)))
    dense[:, 2:7][random.random((rows, 5)) < 0.3] = np.nan
    return FeatureMatrix(
        rows=pl.DataFrame({"subject_id": np.arange(rows)}),
        dense=dense,
        dense_names=DENSE,
        codes=sparse.csr_matrix(random.poisson(0.5, (rows, len(CODES))).astype(np.float32)),
        code_names=CODES,
        vocabulary=["ICD10CM//E11.9", "LOINC//4548-4"],
    )


def model(features: FeatureMatrix) -> Any:
    random = np.random.default_rng(4)
    rows = np.arange(features.dense.shape[0])
    outcome = random.random(len(rows)) < 0.4
    learner = Logistic.fit(features, outcome, rows, np.zeros(len(rows), dtype=np.bool_))
    return cast("Any", SimpleNamespace(learner=learner, recipe=RECIPE))


def test_columns_are_of_the_fact_they_ask_about() -> None:
    facts, of_fact = facts_of(RECIPE, [*DENSE, *CODES])
    by_column = {
        column: facts[i] for column, i in zip([*DENSE, *CODES], of_fact.tolist(), strict=True)
    }
    assert by_column["hba1c.slope.all"] == by_column["hba1c.count.730d"] == "hba1c"
    assert by_column["PGS//X.1.last.static"] == "PGS//X.1"
    assert by_column["smoking.status"] == "smoking.status"
    assert by_column["ICD10CM//E11.9.count.365d"] == by_column["ICD10CM//E11.9.count.all"]
    assert by_column["ICD10CM//E11.9.count.all"] == "ICD10CM//E11.9"


def test_a_fact_adds_what_its_columns_add() -> None:
    features = drawn()
    fitted = model(features)
    parts = fitted.learner.contributions(features)
    for row, (told, _) in enumerate(explain(fitted, features)):
        sums: dict[str, float] = {}
        for column, part in zip(features.names, parts[row], strict=True):
            name = next(
                (c.codelist or c.codes[0] for c in RECIPE.covariates if c.column == column),
                column if column in ("age", "female", "smoking.status") else "",
            )
            name = name or column.removesuffix(".count.365d").removesuffix(".count.all")
            sums[name] = sums.get(name, 0.0) + float(part)
        largest = sorted(sums, key=lambda name: -abs(sums[name]))[: len(told)]
        assert [fact["fact"] for fact in told] == largest
        for fact in told:
            assert fact["log_odds"] == pytest.approx(sums[fact["fact"]])
            adding = [column["log_odds"] for column in fact["columns"]]
            assert sum(adding) == pytest.approx(fact["log_odds"])
            assert abs(adding[0]) == max(map(abs, adding))
            assert fact["name"] == fact["columns"][0]["name"]


def test_what_was_never_measured_is_told() -> None:
    features = drawn()
    features.dense[0, 2:5] = np.nan
    features.dense[0, 5:7] = 1.0
    features.dense[1, 2:7] = 1.0
    features.dense[2, 3] = np.nan
    features.dense[2, 2] = 6.1
    _, missing = zip(*explain(model(features), features), strict=True)
    assert missing[0] == ["hba1c"]
    assert missing[1] == []
    assert "hba1c" not in missing[2]
