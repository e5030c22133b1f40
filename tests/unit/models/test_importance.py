"""What a model goes by, and how sure that is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from cohorts import RECIPE, TASK, at_visit, cohort
from scipy import sparse

from lifecourse.features import FeatureMatrix, featurize
from lifecourse.models import RiskModel, train
from lifecourse.models.explaining import facts_of
from lifecourse.models.importance import goes_by, importance
from lifecourse.models.linear import Logistic
from lifecourse.models.trees import Trees
from lifecourse.tasks import Task
from lifecourse.timeline.unstored import timeline_from_events

PEOPLE, ROWS_EACH, NOISE = 600, 2, 12


def drawn(seed: int) -> tuple[FeatureMatrix, np.ndarray, np.ndarray]:
    """People of whom the first column and the first code decide, a third helps, and the others do not."""
    random = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(PEOPLE), ROWS_EACH)
    dense = random.normal(size=(len(subjects), 2 + NOISE))
    codes = (random.random((len(subjects), 3)) < 0.3).astype(np.float32)
    log_odds = 2.0 * dense[:, 0] + 2.5 * codes[:, 0] + 0.2 * dense[:, 1] - 1.5
    outcome = random.random(len(subjects)) < 1 / (1 + np.exp(-log_odds))
    features = FeatureMatrix(
        rows=pl.DataFrame({"subject_id": subjects}),
        dense=dense,
        dense_names=["strong", "weak", *(f"noise{i}" for i in range(NOISE))],
        codes=sparse.csr_matrix(codes),
        code_names=["code", "nothing1", "nothing2"],
        vocabulary=["code", "nothing1", "nothing2"],
    )
    return features, outcome, subjects


@pytest.mark.parametrize("learner", [Logistic, Trees])
def test_what_decides_comes_first_and_stays_there(learner: type[Logistic] | type[Trees]) -> None:
    features, outcome, subjects = drawn(1)
    found = importance(features, outcome, subjects, learner, resamples=8)
    assert {one.name for one in found[:2]} == {"strong", "code"}
    assert [one.stability for one in found[:2]] == [1.0, 1.0]
    assert sum(one.stability for one in found) <= 5
    assert min(one.stability for one in found if one.name.startswith("noise")) < 0.8
    assert [one.name for one in found] != features.names
    assert len(found) == len(features.names)


def test_spread_is_the_mean_distance_of_what_a_column_adds() -> None:
    features, outcome, subjects = drawn(2)
    found = {
        one.name: one.spread
        for one in importance(features, outcome, subjects, Logistic, resamples=1)
    }
    rows = np.arange(len(outcome))
    fitted = Logistic.fit(features, outcome, rows, np.zeros(len(rows), dtype=np.bool_))
    added = fitted.contributions(features)
    for place, name in enumerate(features.names):
        column = [float(value) for value in added[:, place]]
        mean = sum(column) / len(column)
        by_hand = sum(abs(value - mean) for value in column) / len(column)
        assert found[name] == pytest.approx(by_hand)


def test_the_same_seed_gives_the_same_numbers() -> None:
    features, outcome, subjects = drawn(3)
    once, twice = (importance(features, outcome, subjects, Logistic, resamples=3) for _ in range(2))
    assert once == twice


def test_halves_without_an_event_tell_nothing() -> None:
    features, outcome, subjects = drawn(4)
    rare = np.zeros_like(outcome)
    rare[0] = True
    found = importance(features, rare, subjects, Logistic, resamples=6)
    assert all(0 <= one.stability <= 1 for one in found)


HERE = timeline_from_events(cohort())
TIMES = Task.model_validate(
    {**TASK.model_dump(mode="json", exclude_defaults=True), "censoring": "time-to-event"}
)
SEEN_LATER = timeline_from_events(
    pl.concat(
        [
            cohort(),
            cohort()
            .filter(code="VISIT//outpatient")
            .with_columns(pl.col("time") + pl.duration(days=500), code=pl.lit("VISIT//other")),
        ]
    )
)


def trained(task: Task) -> tuple[RiskModel, FeatureMatrix]:
    here = HERE if task is TASK else SEEN_LATER
    model = train(here, task, recipe=RECIPE).model
    assert model is not None
    return model, featurize(here, at_visit(range(1, 401)), RECIPE, vocabulary=model.vocabulary)


@pytest.fixture(scope="module", params=[TASK, TIMES], ids=["yes_or_no", "times"])
def asked(request: pytest.FixtureRequest) -> tuple[RiskModel, FeatureMatrix]:
    return trained(request.param)


def test_the_planted_fact_leads_in_every_member_and_the_card_tells_it(
    asked: tuple[RiskModel, FeatureMatrix],
) -> None:
    found = asked[0].card["importance"]
    first = found["facts"][0]
    assert first["fact"] == "SNOMED//49436004"
    assert (first["first"], found["members"], first["risk"]) == (5, 5, "rises")
    assert first["low"] <= first["spread"] * 1.5
    assert first["high"] >= first["spread"] * 0.67
    assert sum(one["first"] for one in found["facts"]) <= 25
    spreads = [one["spread"] for one in found["facts"]]
    assert spreads == sorted(spreads, reverse=True)


def test_a_fact_moves_what_its_columns_add_person_by_person(
    asked: tuple[RiskModel, FeatureMatrix],
) -> None:
    model, everyone = asked
    features = everyone.of_rows(np.arange(200))
    found = goes_by(model, features)
    added = model.learner.contributions(features)
    facts, of_fact = facts_of(model.recipe, features.names)
    for one in found["facts"]:
        mine = [c for c in range(len(features.names)) if facts[of_fact[c]] == one["fact"]]
        sums = [sum(float(added[row, c]) for c in mine) for row in range(len(added))]
        mean = sum(sums) / len(sums)
        by_hand = sum(abs(value - mean) for value in sums) / len(sums)
        assert one["spread"] == pytest.approx(by_hand, rel=1e-5, abs=1e-7)
        assert one["column"] in [features.names[c] for c in mine]


def test_a_model_without_members_says_what_it_goes_by_and_not_how_surely() -> None:
    model, features = trained(TASK)
    bare = RiskModel(**{**{f: getattr(model, f) for f in model.__slots__}, "members": ()})
    found = goes_by(bare, features)
    assert found["members"] == 0
    assert [one["low"] for one in found["facts"]] == [None] * len(found["facts"])
    assert [one["fact"] for one in found["facts"]] == [
        one["fact"] for one in goes_by(model, features)["facts"]
    ]
