"""What if: trial effects on a person's own risk, alone and together, and the same equation asked again."""

from __future__ import annotations

import math
from datetime import datetime

import pytest
from people import AT, ATRIAL_FIBRILLATION, NEVER_SMOKER, Entry, measured, person, smoker

from lifecourse.base.errors import UserError
from lifecourse.care import assess
from lifecourse.care.benefit import benefit_between, treated_risk
from lifecourse.care.interventions import interventions
from lifecourse.care.relative_effects import Relative, combined
from lifecourse.care.whatif import Option, WhatIf, reassess, what_if

LDL = "LOINC//13457-7"
STATIN = "RxNorm//83367"


def never(year: int = 2023) -> Entry:
    return (datetime(year, 3, 1), NEVER_SMOKER, None, None)


def option(found: WhatIf, name: str) -> Option:
    return next(o for o in found.options if o.intervention.name == name)


def test_three_trials_are_reproduced_from_their_control_arms() -> None:
    # DAPA-CKD: 14.5 % and 9.2 % in 2.4 years, one event less in 19 people (15 to 27)
    kidney = interventions().named("sglt2_inhibitor_kidney")
    # DAPA-HF: 21.2 % and 16.3 %, difference 4.9
    heart = interventions().named("sglt2_inhibitor_heart")
    # DPP: 11.0 and 4.8 cases in 100 person-years, 6.9 people for three years to prevent one
    programme = interventions().named("diabetes_prevention")
    published = [
        (kidney, 0.145, 0.092, (15, 27)),
        (heart, 0.212, 0.163, (15, 35)),
        (programme, 1 - math.exp(-0.33), 1 - math.exp(-0.144), (5.4, 9.5)),
    ]
    for each, control, treated, needed in published:
        assert each is not None
        assert each.control is not None
        assert each.effect is not None
        assert each.control.probability == pytest.approx(control, abs=5e-4)
        own = treated_risk(each.control.probability, each.effect.measure, each.effect.value)
        assert own == pytest.approx(treated, abs=0.01)
        assert needed[0] <= 1 / (each.control.probability - own) <= needed[1]
    assert treated_risk(0.145, "HR", 0.61) == pytest.approx(0.0911, abs=1e-4)


def test_a_trial_effect_acts_on_the_persons_own_risk() -> None:
    chart = person(*measured(2023), never(), (datetime(2023, 3, 1), LDL, 160.0, "mg/dL"))
    risk = assess(chart, AT).score("prevent", "ascvd", 10).value
    assert risk is not None
    statin = option(what_if(chart, AT, give={"statin": 1.5}), "statin")
    assert statin.status == "possible"
    assert statin.benefit is not None
    assert statin.benefit.baseline == pytest.approx(risk)
    assert statin.benefit.treated == pytest.approx(1 - (1 - risk) ** (0.78**1.5))
    assert statin.benefit.needed_to_treat == math.ceil(1 / statin.benefit.reduction)
    assert statin.benefit.low < statin.benefit.reduction < statin.benefit.high
    assert statin.to_dict()["label"].startswith("trial effect")


def test_an_amount_is_held_at_what_the_person_has_to_lower() -> None:
    low = person(*measured(2023, sbp=126.0), never(), (datetime(2023, 3, 1), LDL, 80.0, "mg/dL"))
    found = what_if(low, AT)
    assert option(found, "blood_pressure").amount == pytest.approx(6.0)
    assert option(found, "statin").amount == pytest.approx(1.0)
    with pytest.raises(UserError, match="up to 6"):
        what_if(low, AT, give={"blood_pressure": 10.0})
    assert (
        option(what_if(person(*measured(2023, sbp=118.0), never()), AT), "blood_pressure").benefit
        is None
    )


def test_what_is_taken_is_in_the_baseline_already() -> None:
    chart = person(*measured(2023), (datetime(2023, 3, 1), STATIN, None, None))
    taken = option(what_if(chart, AT), "statin")
    assert (taken.status, taken.benefit) == ("taken", None)


def test_effects_together_multiply_on_the_log_scale() -> None:
    one, other = (Relative(value=v, low=v * 0.9, high=v / 0.9) for v in (0.8, 0.7))
    both = combined([one, other])
    assert both.value == pytest.approx(0.56)
    assert both.error == pytest.approx(math.hypot(one.error, other.error))
    assert combined([one]).low == pytest.approx(one.low)


def test_a_combination_is_held_at_what_a_trial_of_one_has_shown() -> None:
    chart = person(
        *measured(2023, sbp=160.0), smoker(), (datetime(2023, 3, 1), LDL, 180.0, "mg/dL")
    )
    few = what_if(chart, AT, give={"statin": None, "blood_pressure": 5.0})
    assert few.together is not None
    assert not few.capped
    assert few.of == ("statin", "blood_pressure")
    assert few.together.relative == pytest.approx(0.78 * 0.91)
    all_of_it = what_if(
        chart, AT, give={"statin": 2.0, "blood_pressure": 20.0, "stop_smoking": None}
    )
    assert all_of_it.capped
    assert all_of_it.together is not None
    assert all_of_it.together.relative == interventions().cap.relative
    assert all_of_it.together.relative > 0.78**2 * 0.91**4 * 0.61


def test_a_cohorts_finding_is_labelled_as_association() -> None:
    chart = person(*measured(2023), smoker())
    stop = option(what_if(chart, AT), "stop_smoking")
    assert stop.status == "possible"
    assert "association" in stop.to_dict()["label"]
    assert option(what_if(person(*measured(2023)), AT), "stop_smoking").status == "not_known"


def test_a_rules_effect_and_baseline_are_used_as_they_are() -> None:
    chart = person(*measured(2023), (datetime(2022, 1, 1), ATRIAL_FIBRILLATION, None, None))
    found = option(what_if(chart, AT), "anticoagulant")
    assert found.benefit is not None
    assert (found.benefit.outcome, found.benefit.years) == ("stroke", 1)
    assert found.benefit.treated == pytest.approx(found.benefit.baseline * 0.36)


def test_the_same_equation_asked_again_is_an_association() -> None:
    chart = person(*measured(2023), smoker())
    rows = reassess(chart, AT, "prevent", {"sbp": 125, "smoking": 0})
    ten = next(r for r in rows if (r["outcome"], r["horizon_years"]) == ("ascvd", 10))
    assert ten["before"] == pytest.approx(assess(chart, AT).score("prevent", "ascvd", 10).value)
    assert ten["after"] < ten["before"]
    assert ten["label"].startswith("association")
    with pytest.raises(UserError, match="no input"):
        reassess(chart, AT, "prevent", {"haircut": 1.0})
    with pytest.raises(UserError, match="no score"):
        reassess(chart, AT, "haircut", {})


def test_wrong_questions_are_told_apart() -> None:
    chart = person(*measured(2023))
    with pytest.raises(UserError, match="no intervention"):
        what_if(chart, AT, give={"haircut": None})
    with pytest.raises(UserError, match="no amount"):
        what_if(chart, AT, give={"stop_smoking": 2.0})
    with pytest.raises(UserError, match="above 0"):
        what_if(chart, AT, give={"statin": -1.0})


def test_no_effect_no_benefit() -> None:
    assert benefit_between(
        baseline=0.1, years=10, outcome="x", measure="HR", relative=1.1, interval=(1.0, 1.2),
        per=None, source="", doi=None, baseline_source="",
    ) is None  # fmt: skip
