from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from lifecourse.features import FeatureMatrix, Recipe
from lifecourse.models import train
from lifecourse.models.diagnostics import Concern, diagnose, diagnose_followed
from lifecourse.models.evaluation import Followed, auroc
from lifecourse.tasks import Task
from lifecourse.timeline.unstored import timeline_from_events

N = 4000
RANDOM = np.random.default_rng(11)
RISK = 1 / (1 + np.exp(2 - RANDOM.normal(size=N)))
OUTCOME = RANDOM.random(N) < RISK


def features(
    values: dict[str, np.ndarray] | None = None, codes: dict[str, np.ndarray] | None = None
) -> FeatureMatrix:
    dense = {"noise": RANDOM.normal(size=N), **(values or {})}
    found = {"CODE//common": RANDOM.random(N) < 0.3, **(codes or {})}
    names = list(found)
    return FeatureMatrix(
        rows=pl.DataFrame({"subject_id": np.arange(N)}),
        dense=np.column_stack(list(dense.values())),
        dense_names=list(dense),
        codes=sparse.csr_matrix(np.column_stack(list(found.values())).astype(np.float32)),
        code_names=names,
        vocabulary=names,
    )


def told(concerns: list[Concern]) -> set[tuple[str, bool, str | None]]:
    return {(concern.kind, concern.grave, concern.column) for concern in concerns}


def test_an_honest_study_has_no_concern() -> None:
    strong = np.log(RISK) + RANDOM.normal(size=N) / 10
    assert diagnose(features({"strong": strong}), OUTCOME) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_is_the_outcome_stops_the_study(sign: int) -> None:
    leaking = sign * (OUTCOME + RANDOM.normal(size=N) / 10)
    assert told(diagnose(features({"leak": leaking}), OUTCOME)) == {
        ("tells the outcome", True, "leak")
    }


def test_a_value_recorded_only_with_the_outcome_stops_the_study() -> None:
    cause = np.where(OUTCOME, RANDOM.normal(size=N), np.nan)
    assert told(diagnose(features({"cause": cause}), OUTCOME)) == {
        ("tells the outcome", True, "cause")
    }
    some = np.where(OUTCOME & (RANDOM.random(N) < 0.2), 1.0, np.nan)
    assert told(diagnose(features({"some": some}), OUTCOME)) == {
        ("implies the outcome", True, "some")
    }


def test_a_code_that_only_the_ill_have_stops_the_study_and_a_strong_one_does_not() -> None:
    billed = OUTCOME & (RANDOM.random(N) < 0.3)
    strong = (OUTCOME & (RANDOM.random(N) < 0.5)) | (RANDOM.random(N) < 0.02)
    found = told(diagnose(features(codes={"BILLED//1": billed, "STRONG//1": strong}), OUTCOME))
    assert {one for one in found if one[2]} == {("implies the outcome", True, "BILLED//1")}


def test_a_column_that_nearly_tells_the_outcome_is_asked_about_and_does_not_stop_the_study() -> (
    None
):
    """Of those with the outcome 90 % have the code and of the others 1 %."""
    coded = RANDOM.random(N) < np.where(OUTCOME, 0.9, 0.01)
    shifted = OUTCOME * 2.2 + RANDOM.normal(size=N)
    concerns = diagnose(features({"near": shifted, "age": shifted}, {"NEAR//1": coded}), OUTCOME)
    assert told(concerns) == {
        ("foretells the outcome", False, "near"),
        ("foretells the outcome", False, "NEAR//1"),
        ("follows from being seen", False, None),
    }
    (of_code,) = [one for one in concerns if one.column == "NEAR//1"]
    assert of_code.measured["auroc"] == pytest.approx(auroc(OUTCOME, coded.astype(float)))
    assert "every_code: exclude" in of_code.said


def test_a_horizon_that_few_came_to_says_nothing_of_a_column() -> None:
    """One early event, in somebody with a rare code, is no leak."""
    event, rare = OUTCOME.astype(np.int64), RANDOM.random(N) < 0.02
    days = np.full(N, 900.0)
    days[np.flatnonzero(OUTCOME & rare)[0]] = 10.0
    followed = Followed(duration_days=days, event=event)
    found = diagnose_followed(features(codes={"RARE//1": rare}), followed, np.array([30.0, 900.0]))
    assert told(found) == set()


def test_what_tells_the_outcome_by_one_horizon_is_not_asked_about_by_another() -> None:
    days = np.where(RANDOM.random(N) < 0.5, 100.0, 900.0)
    early = OUTCOME & (days < 365)
    known = 9 * early + 1.4 * (OUTCOME & ~early) + RANDOM.normal(size=N)
    assert 0.9 < auroc(OUTCOME, known) < 0.97
    followed = Followed(duration_days=days, event=OUTCOME.astype(np.int64))
    found = diagnose_followed(features({"known": known}), followed, np.array([365.0, 900.0]))
    assert told(found) == {("tells the outcome", True, "known")}


def test_columns_that_say_nothing_of_anybody_are_named_a_handful_of_them() -> None:
    empty = {f"empty{i}": np.full(N, np.nan if i % 2 else 0.0) for i in range(7)}
    some = np.where(np.arange(N) == 5, 1.0, np.nan)
    (concern,) = diagnose(features({**empty, "one": some, "age": np.full(N, np.nan)}), OUTCOME)
    assert (concern.kind, concern.grave) == ("nothing found", False)
    assert "7 of 9 named columns" in concern.said
    assert "'empty4' and 2 more" in concern.said
    assert "'one'" not in concern.said


@pytest.mark.parametrize(
    ("people", "kind", "grave"),
    [(0, "nobody had a cause", True), (7, "few of a cause", False), (100, None, None)],
)
def test_every_cause_needs_people(people: int, kind: str | None, grave: bool | None) -> None:
    event = OUTCOME.astype(np.int64)
    event[np.flatnonzero(~OUTCOME)[:people]] = 2
    followed = Followed(duration_days=np.full(N, 50.0), event=event)
    found = diagnose_followed(features(), followed, np.array([50.0]), causes=["a", "gout"])
    assert told(found) == (set() if kind is None else {(kind, grave, None)})
    assert all("'gout'" in concern.said for concern in found)


@pytest.mark.parametrize("turned", [False, True])
def test_a_forecast_is_pointed_out_but_does_not_stop_the_study(turned: bool) -> None:
    forecast = 1 - RISK if turned else RISK
    assert told(diagnose(features({"surv": forecast}), OUTCOME)) == {("a forecast", False, "surv")}


def test_a_share_that_foretells_nothing_is_no_forecast() -> None:
    assert diagnose(features({"saturation": RANDOM.random(N)}), OUTCOME) == []


@pytest.mark.parametrize(("events", "grave"), [(3, True), (0, True), (60, False)])
def test_too_few_events_stop_and_few_are_told(events: int, grave: bool) -> None:
    outcome = np.zeros(N, dtype=bool)
    outcome[:events] = True
    concerns = [c for c in diagnose(features(), outcome) if c.kind in ("few", "too few")]
    assert [concern.grave for concern in concerns] == [grave]
    assert str(events) in concerns[0].said


def test_rows_that_were_not_followed_are_counted() -> None:
    negatives = int((~OUTCOME).sum())
    unseen = diagnose(features(), OUTCOME, negatives_unseen=negatives // 2)
    assert told(unseen) == {("negatives not followed", False, None)}
    assert diagnose(features(), OUTCOME, negatives_unseen=negatives // 50) == []


def test_being_seen_often_is_pointed_out() -> None:
    often = {f"VISIT//{i}": (RANDOM.random(N) < 0.2) | (OUTCOME & (i % 3 > 0)) for i in range(6)}
    assert ("follows from being seen", False, None) in told(
        diagnose(features(codes=often), OUTCOME)
    )


def test_a_cause_of_death_is_found_whenever_death_comes() -> None:
    """As in FLCHAIN: written down for the dead alone, most of whom die after any one horizon."""
    days = RANDOM.exponential(1 / (RISK / 5000))
    ends = RANDOM.uniform(100, 4000, N)
    followed = Followed(duration_days=np.minimum(days, ends), event=(days <= ends).astype(np.int64))
    chapter = (followed.event == 1) & (RANDOM.random(N) < 0.4)
    concerns = diagnose_followed(
        features(codes={"chapter=heart": chapter}), followed, np.array([365.0])
    )
    assert told(concerns) == {("implies the outcome", True, "chapter=heart")}


def test_a_leaking_task_gives_no_model_but_the_reason() -> None:
    """The outcome's code is billed at the visit that is asked from: the answer is known already."""
    random = np.random.default_rng(2)
    seen = datetime(2020, 1, 1)
    rows: list[tuple[int, datetime, str, float | None]] = []
    for subject in range(1, 801):
        rows.append((subject, seen - timedelta(days=20_000), "MEDS_BIRTH", None))
        rows.append((subject, seen, "VISIT//outpatient", None))
        if random.random() < 0.3:
            rows.append((subject, seen, "ICD10CM//I63.9", None))
            rows.append((subject, seen + timedelta(days=30), "ICD10CM//I63.9", None))
        rows.append((subject, seen + timedelta(days=900), "VISIT//other", None))
    events = pl.DataFrame(
        rows, schema=["subject_id", "time", "code", "numeric_value"], orient="row"
    )
    task = Task.model_validate(
        {
            "name": "stroke_again",
            "trigger": {"codes": ["VISIT//outpatient"], "which": "first"},
            "outcome": {"codes": ["ICD10CM//I63.9"]},
            "outcome_window_days": 365,
            "censoring": "negative",
        }
    )
    recipe = Recipe.model_validate(
        {
            "name": "codes",
            "covariates": [],
            "every_code": {"days": [None], "summaries": ["count"], "min_count": 10},
        }
    )
    result = train(timeline_from_events(events), task, recipe=recipe)
    assert result.model is None
    assert result.abstention is not None
    assert "ICD10CM//I63.9" in result.abstention.reason
    assert "gap" in result.abstention.reason
    assert result.summary()["concerns"][0]["grave"]
