"""A model of many outcomes is judged: beside a slow twin, on the right people, and silent about few."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest
from lives import BORN, Row, lives, timeline_of

from lifecourse.base.errors import ModelError
from lifecourse.models.evaluation.groups import count_interval
from lifecourse.models.outcomes import OutcomesModel, evaluate_outcomes, train_outcomes
from lifecourse.models.outcomes.catalogue import NEVER, onsets_of
from lifecourse.models.outcomes.judging import summary_of
from lifecourse.models.outcomes.landmarks import YEAR, followed_persons, spread_landmarks
from lifecourse.models.outcomes.training import EVERY_YEARS

DAYS = (365, 1826)


@pytest.fixture(scope="module")
def model() -> OutcomesModel:
    return train_outcomes(timeline_of(lives(1_200)))


@pytest.fixture(scope="module")
def elsewhere() -> list[Row]:
    """Others, of whom some leave early and some die."""
    random = np.random.default_rng(4)
    rows: list[Row] = []
    for person in range(1, 401):
        leaves = BORN + timedelta(days=365.25 * random.uniform(5, 59))
        mine = [row for row in LIVES[person] if row[1] is None or row[1] <= leaves]
        last: Row = (person, leaves, ("VISIT//outpatient", "MEDS_DEATH")[person % 4 == 0])
        rows += [*mine, last]
    return rows


LIVES: dict[int, list[Row]] = {}
for one in lives(400, seed=9):
    LIVES.setdefault(one[0], []).append(one)


@pytest.fixture(scope="module")
def found(model: OutcomesModel, elsewhere: list[Row]) -> dict[str, Any]:
    return evaluate_outcomes(model, timeline_of(elsewhere))


def test_every_line_equals_the_slow_obvious_twin(
    model: OutcomesModel, elsewhere: list[Row], found: dict[str, Any]
) -> None:
    timeline = timeline_of(elsewhere)
    landmarks = spread_landmarks(followed_persons(timeline.persons()), EVERY_YEARS, 0)
    low, high = (model.card["population"][name] for name in ("age_from", "age_to"))
    asked = [at for at in range(len(landmarks)) if low <= landmarks.age[at] <= high]
    every = onsets_of(timeline)
    logs = model.log_ratios_in(timeline, every)
    lines = []
    ratios = {at: logs(landmarks.rows[at : at + 1])[0] for at in asked}
    risks = {
        at: model.incidence(
            landmarks.age[[at]], landmarks.female[[at]], ratios[at][None], DAYS
        )[0]
        for at in asked
    }  # fmt: skip
    alone = {
        at: model.incidence(landmarks.age[[at]], landmarks.female[[at]], None, DAYS)[0]
        for at in asked
    }
    for (at_days, days), (place, name) in product(enumerate(DAYS), enumerate(model.names)):
        cases, others, who, expected, seen = [], [], {True: set(), False: set()}, 0.0, 0
        for at in asked:
            person, now = int(landmarks.subjects[at]), int(landmarks.time[at])
            onset = onset_of(every, name, person)
            if onset <= now:
                continue
            horizon = now + int(days / 365.25 * YEAR)
            until = int(landmarks.until[at])
            comes = onset <= min(horizon, until)
            end = onset if comes else min(horizon, until)
            spent = (end - now) / YEAR
            one = np.array([landmarks.female[at]]), np.array([landmarks.age[at]])
            expected += float(
                model.rates.expected(place, *one, np.array([spent]))[0] * np.exp(ratios[at][place])
            )
            seen += comes
            if comes or until >= horizon or landmarks.dies[at]:
                stratum = int(landmarks.age[at] // 5), float(landmarks.female[at])
                told = (stratum, risks[at][place, at_days], alone[at][place, at_days])
                (cases if comes else others).append(told)
                who[bool(comes)].add(person)
        if len(who[True]) < 25 or len(who[False]) < 10:
            continue
        lines.append(
            {
                "outcome": name,
                "horizon_days": days,
                "people": len(who[True] | who[False]),
                "events": len(cases),
                "auroc": share_of_pairs(cases, others, 1),
                "auroc_of_age_and_sex": share_of_pairs(cases, others, 2),
                "expected": expected,
                "value": seen / expected,
            }
        )
    assert len(lines) >= 5
    by_name = {(one["outcome"], one["horizon_days"]): one for one in found["outcomes"]}
    assert set(by_name) == {(one["outcome"], one["horizon_days"]) for one in lines}
    for line in lines:
        fast = by_name[line["outcome"], line["horizon_days"]]
        value = line.pop("value")
        assert fast["observed_over_expected"]["value"] == pytest.approx(value, rel=1e-5)
        for key, expects in line.items():
            if isinstance(expects, float):
                assert fast[key] == pytest.approx(expects, rel=1e-5, abs=2e-4), key
            else:
                assert fast[key] == expects, key
        assert fast["gain"] == fast["auroc"] - fast["auroc_of_age_and_sex"]


def onset_of(every: Any, name: str, person: int) -> int:
    if name not in every.names:
        return NEVER
    mine = every.table.filter(
        (pl.col("outcome") == every.names.index(name)) & (pl.col("subject_id") == person)
    )
    return int(mine["time"][0]) if mine.height else NEVER


def share_of_pairs(cases: list[Any], others: list[Any], which: int) -> float:
    won = [
        1.0 if case[which] > other[which] else 0.5 if case[which] == other[which] else 0.0
        for case, other in product(cases, others)
        if case[0] == other[0]
    ]
    return float(np.mean(won))


def test_the_interval_of_a_count_is_that_of_tables(found: dict[str, Any]) -> None:
    # Garwood's interval of 25 events.
    assert count_interval(25) == pytest.approx((16.18, 36.90), abs=0.01)
    for line in found["outcomes"]:
        ratio = line["observed_over_expected"]
        low, high = count_interval(line["events"])
        assert ratio["low"] == pytest.approx(low / line["expected"])
        assert ratio["high"] == pytest.approx(high / line["expected"])


def test_what_was_planted_is_told_better_than_by_age_and_sex(found: dict[str, Any]) -> None:
    gain = {one["outcome"]: one["gain"] for one in found["outcomes"] if one["horizon_days"] == 1826}
    assert gain["ICD10//I63"] > 0.02
    assert abs(gain["ICD10//K21"]) < 0.1


def test_means_are_of_the_lines_and_their_intervals_hold_them(
    model: OutcomesModel, found: dict[str, Any]
) -> None:
    for mean in found["horizons"]:
        mine = [one for one in found["outcomes"] if one["horizon_days"] == mean["horizon_days"]]
        assert mean["outcomes_judged"] == len(mine)
        assert mean["outcomes_judged"] + mean["outcomes_too_few"] == len(model.names)
        for name in ("auroc", "auroc_of_age_and_sex", "gain"):
            assert mean[name]["value"] == pytest.approx(np.mean([one[name] for one in mine]))
            assert mean[name]["low"] <= mean[name]["value"] <= mean[name]["high"]
        ratio = mean["observed_over_expected"]["value"]
        assert ratio == pytest.approx(
            sum(one["events"] for one in mine) / sum(one["expected"] for one in mine)
        )


def test_intervals_of_means_cover_the_mean_of_all_outcomes() -> None:
    random = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        lines = [
            {
                "horizon_days": 365, "auroc": 0.6 + gain, "auroc_of_age_and_sex": 0.6, "gain": gain,
                "events": 30, "expected": 30.0,
            }
            for gain in random.normal(0.05, 0.05, 40)
        ]  # fmt: skip
        mean = summary_of(lines, [365], 40, 0)[0]["gain"]
        held += mean["low"] <= 0.05 <= mean["high"]
    assert 50 <= held <= 60


def test_the_same_again_to_the_last_bit(
    model: OutcomesModel, elsewhere: list[Row], found: dict[str, Any]
) -> None:
    again = evaluate_outcomes(model, timeline_of(elsewhere))
    assert json.dumps(again) == json.dumps(found)


def test_on_its_own_store_the_card_speaks_of_a_fifth_who_did_not_teach(
    model: OutcomesModel,
) -> None:
    told = evaluate_outcomes(model, timeline_of(lives(1_200)))
    assert told["judged"].startswith("on a fifth of the people")
    assert 180 <= told["people"] <= 300
    last = [one for one in told["outcomes"] if one["horizon_days"] == 1826]
    assert {one["outcome"] for one in last} >= {"ICD10//I10", "ICD10//K21"}
    assert 0.8 < told["horizons"][-1]["observed_over_expected"]["value"] < 1.25


def test_of_its_own_store_those_who_taught_do_not_judge() -> None:
    rows = lives(900)
    model = train_outcomes(timeline_of(rows), among="HALF//two")
    told = evaluate_outcomes(model, timeline_of(rows), among="HALF//one")
    assert told["judged"] == "on people of the same store who did not teach"
    assert told["people"] <= 600
    with pytest.raises(ModelError, match="with that fact who did not teach"):
        evaluate_outcomes(model, timeline_of(rows), among="HALF//two")
    other = train_outcomes(timeline_of(rows))
    with pytest.raises(ModelError, match="with that fact who did not teach"):
        evaluate_outcomes(other, timeline_of(rows), among="HALF//one")


def test_a_store_with_nobody_or_nothing_to_judge_on_says_so(model: OutcomesModel) -> None:
    with pytest.raises(ModelError, match="nobody to judge a model on"):
        evaluate_outcomes(model, timeline_of([]))
    with pytest.raises(ModelError, match="nobody to judge a model on"):
        evaluate_outcomes(model, timeline_of(lives(9, seed=2)))
    visits = [row for row in lives(60, seed=2) if not row[2].startswith("ICD10")]
    with pytest.raises(ModelError, match="none of the model's"):
        evaluate_outcomes(model, timeline_of(visits))
    day = timedelta(days=365.25)
    old: list[Row] = []
    for person in range(1, 40):
        code = "ICD10//I10"
        old += [(person, BORN, "MEDS_BIRTH"), (person, BORN + 80 * day, "VISIT//x"), (person, BORN + 95 * day, code)]  # fmt: skip
    with pytest.raises(ModelError, match="followed at ages of"):
        evaluate_outcomes(model, timeline_of(old))


def test_of_few_people_no_outcome_has_a_number(model: OutcomesModel) -> None:
    told = evaluate_outcomes(model, timeline_of(lives(30, seed=5)))
    assert all(one["events"] >= 25 for one in told["outcomes"])
    short = told["horizons"][0]
    assert short["outcomes_judged"] == 0
    assert short["gain"] == {"value": None, "low": None, "high": None}


def test_a_card_of_before_says_that_it_does_not_know(model: OutcomesModel) -> None:
    card = {name: value for name, value in model.card.items() if name != "evaluation"}
    with pytest.raises(ModelError, match="train it again"):
        evaluate_outcomes(replace(model, card=card), timeline_of(lives(1_200)))


def test_outcomes_of_a_model_keep_its_order_whatever_the_store_has() -> None:
    every = onsets_of(timeline_of(lives(40, seed=1)))
    names = ["ICD10//L30", "ICD10//X99", "ICD10//I10"]
    mine = every.named(names, ["a", "b", "c"])
    subjects = np.arange(1, 41)
    for place, name in enumerate(names):
        expected = [onset_of(every, name, int(person)) for person in subjects]
        assert mine.of(place, subjects).tolist() == expected
    nothing = every.named(["ICD10//X99"], ["b"])
    assert (nothing.of(0, subjects) == NEVER).all()
