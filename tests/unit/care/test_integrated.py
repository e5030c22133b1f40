"""Integrated risk: steps that add up, nothing twice, intervals carried along."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.base.errors import UserError
from lifecourse.care.integrated import Base, base_of_score, integrate, modifiers


def base(outcome: str = "ascvd", risk: float = 0.08) -> Base:
    return base_of_score("prevent", outcome, 10, risk)


@given(
    risk=st.floats(0.001, 0.9), score=st.floats(-3, 3), dust=st.floats(2, 35), swapped=st.booleans()
)
def test_the_steps_add_up_to_the_result(
    risk: float, score: float, dust: float, swapped: bool
) -> None:
    values = {"polygenic_score": score, "pm25": dust}
    found = integrate(base(risk=risk), values)
    assert found.base.risk + sum(step.added for step in found.steps) == pytest.approx(found.risk)
    hazard = -math.log1p(-risk) * 1.71**score * 1.13 ** ((dust - 8) / 5)
    assert found.risk == pytest.approx(-math.expm1(-hazard))
    assert found.interval[0] <= found.risk <= found.interval[1]
    if swapped:
        other = integrate(base(risk=risk), dict(reversed(values.items())))
        assert other.risk == pytest.approx(found.risk)


def test_the_interval_of_one_ratio_is_carried_to_the_risk() -> None:
    found = integrate(base("total_cvd"), {"family_history": 1.0})
    low, high = (1 - 0.92**ratio for ratio in (1.33, 2.21))
    assert found.interval == (pytest.approx(low, rel=0.01), pytest.approx(high, rel=0.01))
    unsure = dataclasses.replace(base("total_cvd"), interval=(0.06, 0.11))
    wider = integrate(unsure, {"family_history": 1.0}).interval
    assert wider[0] < found.interval[0]
    assert wider[1] > found.interval[1]
    assert integrate(unsure, {}).interval == (
        pytest.approx(0.06, abs=0.002),
        pytest.approx(0.11, abs=0.002),
    )


@pytest.mark.parametrize(
    ("outcome", "values", "said"),
    [
        ("total_cvd", {"smoking": 1.0}, "count twice"),
        ("heart_failure", {"pm25": 12.0}, "measured for"),
        ("ascvd", {"polygenic_score": 1.0, "family_history": 1.0}, "in part the same"),
        ("ascvd", {"polygenic_score": 9.0}, "studied from"),
        ("ascvd", {"horoscope": 1.0}, "no modifier"),
    ],
)
def test_what_may_not_be_added_is_refused(
    outcome: str, values: dict[str, float], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        integrate(base(outcome), values)


def test_a_base_must_be_a_risk_and_known() -> None:
    with pytest.raises(UserError, match="probability"):
        integrate(base(risk=1.0), {})
    with pytest.raises(UserError, match="contains"):
        base_of_score("horoscope", "ascvd", 10, 0.1)


def test_a_model_may_be_the_base_and_says_what_it_contains() -> None:
    own = Base(
        name="our_model", outcome="ascvd", years=5, risk=0.05, contains=frozenset({"pm25"}), interval=(0.04, 0.06)
    )  # fmt: skip
    assert integrate(own, {"polygenic_score": 1.0}).to_dict()["steps"][0][
        "hazard_ratio"
    ] == pytest.approx(1.71)
    with pytest.raises(UserError, match="count twice"):
        integrate(own, {"pm25": 20.0})


def test_every_modifier_has_a_source_and_overlaps_name_modifiers() -> None:
    names = {each.name for each in modifiers().modifiers}
    assert all(each.doi.startswith("10.") for each in modifiers().modifiers)
    assert all(set(each.overlaps) <= names for each in modifiers().modifiers)
