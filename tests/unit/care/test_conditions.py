"""Every operator of rules answers yes, no or not known, and combines by Kleene's logic."""

from __future__ import annotations

from itertools import product

import pytest
from pydantic import ValidationError

from lifecourse.care.rules.conditions import Condition, Judgement
from lifecourse.care.rules.questions import facts_of_case

LDL = {"codelist": "ldl_cholesterol", "unit": "mg/dL", "within_days": 365}
RISK = {"model": "prevent", "outcome": "ascvd", "years": 10}


def judged(condition: dict[str, object], **given: object) -> Judgement:
    parsed = Condition.model_validate(condition)
    asked = {question.key: question for question in parsed.questions()}
    facts = {name.replace("__", "."): value for name, value in given.items()}
    return parsed.judge(facts_of_case(asked, facts), {})


def truth(condition: dict[str, object], **given: object) -> bool | None:
    return judged(condition, **given).truth


def test_age_counts_completed_years_and_both_ends() -> None:
    assert truth({"age": "40..75"}, age=40) is True
    assert truth({"age": "40..75"}, age=75.99) is True
    assert truth({"age": "40..75"}, age=76) is False
    assert truth({"age": "40..75"}, age=39.99) is False
    assert truth({"age": "65.."}, age=90) is True
    assert truth({"age": "40..75"}) is None


def test_sex_and_smoking_are_not_known_without_a_record() -> None:
    assert truth({"sex": "female"}, sex="female") is True
    assert truth({"sex": "female"}, sex="male") is False
    assert truth({"sex": "female"}) is None
    assert truth({"smoking": "current"}, smoking="current") is True
    assert truth({"smoking": "current"}, smoking="former") is False
    assert truth({"smoking": "current"}) is None


@pytest.mark.parametrize(
    ("operator", "name"),
    [("condition", "ascvd"), ("phenotype", "diabetes"), ("drug", "statin"), ("event", "hba1c")],
)
def test_what_is_not_recorded_is_absent(operator: str, name: str) -> None:
    assert truth({operator: name}, **{name: True}) is True
    assert truth({operator: name}) is False


def test_a_measurement_is_compared_at_its_limits() -> None:
    assert truth({"lab": {**LDL, "at_least": 190}}, ldl_cholesterol=190) is True
    assert truth({"lab": {**LDL, "above": 190}}, ldl_cholesterol=190) is False
    assert truth({"lab": {**LDL, "below": 190}}, ldl_cholesterol=190) is False
    assert truth({"lab": {**LDL, "at_most": 190}}, ldl_cholesterol=190) is True
    assert truth({"lab": {**LDL, "at_least": 190}}) is None
    assert truth({"lab": LDL}, ldl_cholesterol=100) is True


def test_a_value_that_was_float32_is_at_least_itself() -> None:
    hba1c = {"codelist": "hba1c", "unit": "%", "within_days": 365}
    assert truth({"lab": {**hba1c, "at_least": 5.7}}, hba1c=5.699999809265137) is True
    assert truth({"lab": {**hba1c, "above": 5.7}}, hba1c=5.700000000001) is False


def test_a_score_outside_its_range_is_no_and_a_missing_one_not_known() -> None:
    condition: dict[str, object] = {"score": {**RISK, "at_least": 0.1}}
    assert truth(condition, prevent__ascvd__10y=0.1) is True
    assert truth(condition, prevent__ascvd__10y=0.0999) is False
    assert truth(condition, prevent__ascvd__10y="not_applicable") is False
    assert truth(condition) is None
    assert judged(condition).missing == ("prevent.ascvd.10y",)


LEAF = {True: {"sex": "female"}, False: {"sex": "male"}, None: {"smoking": "current"}}


@pytest.mark.parametrize(("a", "b"), list(product([True, False, None], repeat=2)))
def test_all_any_and_not_follow_kleene(a: bool | None, b: bool | None) -> None:
    parts = [LEAF[a], LEAF[b]]
    order = {False: 0, None: 1, True: 2}
    assert truth({"all": parts}, sex="female") is min((a, b), key=lambda x: order[x])
    assert truth({"any": parts}, sex="female") is max((a, b), key=lambda x: order[x])
    assert truth({"not": LEAF[a]}, sex="female") is (None if a is None else not a)


def test_only_what_could_change_the_answer_is_missing() -> None:
    condition = {"all": [{"age": "18.."}, {"any": [{"sex": "female"}, {"smoking": "current"}]}]}
    assert judged(condition, age=30, sex="male").missing == ("smoking",)
    assert judged(condition, age=30, sex="female").missing == ()
    assert judged(condition, age=17).truth is False


def test_points_are_not_known_only_where_it_matters() -> None:
    from lifecourse.care.rules.conditions import Item

    items = [
        Item.model_validate({"add": 2, "when": {"condition": "tia"}}),
        Item.model_validate({"add": 1, "when": {"sex": "female"}}),
    ]
    wanted = Condition.model_validate({"points": {"name": "stroke", "at_least": 2}})
    asked = {q.key: q for item in items for q in item.when.questions()}

    def answer(**given: object) -> bool | None:
        return wanted.judge(facts_of_case(asked, given), {"stroke": items}).truth

    assert answer(tia=True) is True
    assert answer() is False
    higher = Condition.model_validate({"points": {"name": "stroke", "at_least": 3}})
    judged = higher.judge(facts_of_case(asked, {"tia": True}), {"stroke": items})
    assert judged.truth is None
    assert judged.missing == ("sex",)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ({"age": "18..", "sex": "male"}, "exactly one operator"),
        ({}, "exactly one operator"),
        ({"weather": "rain"}, "Extra inputs"),
        ({"not": {"score": {**RISK, "at_least": 0.1}}}, "may not stand under not"),
        ({"lab": {**LDL, "unit": "mmol/L", "at_least": 5}}, "mg/dL"),
        ({"lab": {**LDL, "at_least": 5, "above": 5}}, "not both"),
        ({"lab": {"codelist": "zeal", "unit": "mg/dL", "within_days": 3}}, "no quantity"),
    ],
)
def test_a_condition_that_is_not_one_of_the_operators_is_refused(
    condition: dict[str, object], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        Condition.model_validate(condition)
