"""Safety of drugs: what is taken, what is wrong with it, and what would be wrong with one more."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest
from people import AT, CREATININE, SCHEMA, Entry, measured, person, smoker

from lifecourse.base.errors import UserError
from lifecourse.care import plan
from lifecourse.care.rules.loading import library
from lifecourse.care.safety import Override, check_planned, check_safety, medication_list
from lifecourse.care.safety.alerts import MOST_ALERTS, SEVERITIES, information
from lifecourse.timeline.unstored import timeline_from_events
from lifecourse.vocab.ingredients import ingredients

TODAY = date(2026, 11, 25)
DAY = datetime(2023, 5, 1)
WEIGHT = "LOINC//29463-7"


def drug(name: str, when: datetime = DAY) -> Entry:
    return (when, f"RxNorm//{ingredients()[name].rxnorm}", None, None)


def kidneys(creatinine: float, weight: float = 70.0) -> list[Entry]:
    return [(DAY, CREATININE, creatinine, "mg/dL"), (DAY, WEIGHT, weight, "kg")]


def found(*entries: Entry) -> list[str]:
    return [a.rule.name for a in check_safety(person(*entries), AT, today=TODAY, limit=99).alerts]


def test_a_medication_list_infers_what_is_taken() -> None:
    rows = [
        (1, None, "SEX//male", None, None),
        (1, datetime(1960, 5, 1), "MEDS_BIRTH", None, None),
        (1, datetime(2023, 4, 1), f"RxNorm//{ingredients()['metformin'].rxnorm}", None, "m/1"),
        (1, datetime(2023, 4, 1), f"RxNorm//{ingredients()['naproxen'].rxnorm}", datetime(2023, 4, 8), "m/2"),
        (1, datetime(2019, 4, 1), f"RxNorm//{ingredients()['warfarin'].rxnorm}", None, "m/3"),
        (1, datetime(2023, 5, 20), f"RxNorm//{ingredients()['apixaban'].rxnorm}", datetime(2023, 8, 20), "m/4"),
        (1, datetime(2023, 7, 1), f"RxNorm//{ingredients()['digoxin'].rxnorm}", None, "m/5"),
    ]  # fmt: skip
    schema = {name: SCHEMA[name] for name in ("subject_id", "time", "code")}
    schema |= {"end_time": pl.Datetime("us"), "source_id": pl.String}
    chart = timeline_from_events(pl.DataFrame(rows, schema=schema, orient="row")).chart(1)
    states = {m.ingredient: (str(m.state), m.source_ids) for m in medication_list(chart, AT)}
    assert states == {
        "apixaban": ("active", ("m/4",)),
        "metformin": ("active", ("m/1",)),
        "warfarin": ("unclear", ("m/3",)),
        "naproxen": ("stopped", ("m/2",)),
    }


def test_a_product_is_known_by_its_ingredients() -> None:
    # Hydrochlorothiazide 12.5 mg with lisinopril 10 mg, RxNorm 197885
    chart = person((DAY, "RxNorm//197885", None, None))
    assert {m.ingredient for m in medication_list(chart, AT)} == {
        "hydrochlorothiazide",
        "lisinopril",
    }


def test_a_drug_that_was_not_given_is_not_taken() -> None:
    code = f"NOT_DONE//RxNorm//{ingredients()['warfarin'].rxnorm}"
    assert medication_list(person((DAY, code, None, None)), AT) == ()


def test_simvastatin_with_clarithromycin_is_the_first_alert_and_has_the_ten_items() -> None:
    chart = person(drug("simvastatin"), drug("clarithromycin"), drug("atorvastatin"))
    alert = check_safety(chart, AT, today=TODAY).alerts[0]
    assert alert.rule.name == "interaction_statin_cyp3a4_inhibitor"
    assert alert.severity == "high"
    assert alert.drugs == ("clarithromycin", "simvastatin")
    assert len(information(alert.rule)) == 10
    assert all(information(alert.rule).values())
    assert {event["source_id"] for event in alert.events} >= {"Observation/1", "Observation/2"}


def test_every_interaction_has_the_ten_items() -> None:
    pairs = [rule for rule in library().rules if rule.name.startswith("interaction_")]
    assert len(pairs) == 15
    for rule in pairs:
        assert rule.interaction is not None, rule.name
        assert {rule.interaction.object, rule.interaction.precipitant} <= {
            question.name for question in rule.questions
        }, rule.name


def test_two_statins_are_one_too_many() -> None:
    assert "duplicate_statin" in found(drug("simvastatin"), drug("atorvastatin"))
    assert "duplicate_statin" not in found(drug("simvastatin"), drug("simvastatin"))


def test_an_allergy_is_read_from_its_substance_and_from_the_problem_list() -> None:
    # Amoxicillin 250 mg capsule, RxNorm 308182
    taken = (DAY, "RxNorm//308182", None, None)
    recorded = (datetime(2001, 1, 1), "ALLERGY//RxNorm//7984", None, None)
    problem = (datetime(2001, 1, 1), "SNOMED//91936005", None, None)
    assert "allergy_penicillin" in found(taken, recorded)
    assert "allergy_penicillin" in found(taken, problem)
    assert "allergy_penicillin" not in found(recorded, problem)
    assert "allergy_penicillin" not in found(taken)


def test_gabapentin_follows_creatinine_clearance_not_egfr() -> None:
    # 63 years, 70 kg: 1.5 mg/dL is 50 mL/min by Cockcroft-Gault
    assert "renal_gabapentin_reduce" in found(drug("gabapentin"), *kidneys(1.5))
    assert "renal_gabapentin_low" in found(drug("gabapentin"), *kidneys(3.0))
    assert not [n for n in found(drug("gabapentin"), *kidneys(1.0)) if n.startswith("renal_")]


def test_without_a_weight_the_report_says_what_to_measure() -> None:
    chart = person(drug("gabapentin"), (DAY, CREATININE, 1.5, "mg/dL"))
    assert check_safety(chart, AT, today=TODAY).missing == {"body_weight": "Measure weight"}


def test_the_list_is_capped_and_says_how_many_more() -> None:
    many = ["simvastatin", "clarithromycin", "ibuprofen", "naproxen", "warfarin", "apixaban"]
    many += ["sertraline", "fluoxetine", "omeprazole", "lansoprazole", "metoprolol", "atenolol"]
    chart = person(*map(drug, many), *kidneys(2.6))
    report = check_safety(chart, AT, today=TODAY)
    assert len(report.alerts) == MOST_ALERTS
    whole = check_safety(chart, AT, today=TODAY, limit=99)
    assert report.more == len(whole.alerts) - MOST_ALERTS > 0
    order = [SEVERITIES.index(alert.severity) for alert in whole.alerts]
    assert order == sorted(order)


def test_what_was_overridden_for_good_is_not_repeated_until_the_drugs_change() -> None:
    chart = person(drug("ibuprofen"), drug("naproxen"))
    drugs = frozenset({"ibuprofen", "naproxen"})
    lasting = Override(rule="duplicate_nsaid", drugs=drugs, reason="intended")
    passing = Override(rule="duplicate_nsaid", drugs=drugs, reason="being-switched")
    report = check_safety(chart, AT, today=TODAY, overrides=[lasting])
    assert report.suppressed == 1
    assert "duplicate_nsaid" not in [a.rule.name for a in report.alerts]
    assert check_safety(chart, AT, today=TODAY, overrides=[passing]).suppressed == 0
    third = person(drug("ibuprofen"), drug("naproxen"), drug("diclofenac"))
    assert check_safety(third, AT, today=TODAY, overrides=[lasting]).suppressed == 0


def test_a_planned_drug_is_checked_before_it_is_taken() -> None:
    chart = person(drug("clarithromycin"))
    alerts = {a.rule.name: a for a in check_planned(chart, "statin", AT, today=TODAY)}
    pair = alerts["interaction_statin_cyp3a4_inhibitor"]
    assert (pair.concerns, set(pair.drugs)) == ("some", {"simvastatin", "lovastatin"})
    alone = {a.rule.name: a for a in check_planned(chart, "simvastatin", AT, today=TODAY)}
    assert alone["interaction_statin_cyp3a4_inhibitor"].concerns == "all"
    assert not check_planned(chart, "pravastatin", AT, today=TODAY)


def test_a_planned_drug_is_checked_against_allergies_kidneys_and_what_is_taken() -> None:
    chart = person(
        (datetime(2001, 1, 1), "ALLERGY//RxNorm//7984", None, None), drug("warfarin"), *kidneys(4.5)
    )
    assert [a.rule.name for a in check_planned(chart, "amoxicillin", AT)] == ["allergy_penicillin"]
    names = {a.rule.name for a in check_planned(chart, "dabigatran", AT, today=TODAY)}
    assert names == {"duplicate_anticoagulant", "renal_dabigatran_reduce"}


def test_a_plan_of_something_that_is_no_drug_is_refused() -> None:
    with pytest.raises(UserError, match="no drug"):
        check_planned(person(), "colonoscopy", AT)


def test_a_rule_past_its_review_raises_no_alert() -> None:
    chart = person(drug("simvastatin"), drug("clarithromycin"))
    late = max(rule.review_by for rule in library().rules) + timedelta(days=1)
    assert check_safety(chart, AT, today=late).alerts == ()
    assert check_planned(chart, "simvastatin", AT, today=late) == ()


def test_simvastatin_with_a_strong_inhibitor_stands_first_in_the_plan() -> None:
    chart = person(
        drug("simvastatin"), drug("clarithromycin"), *measured(2022), *measured(2023), smoker()
    )
    first = plan(chart, AT, today=TODAY).recommendations[0]
    assert first.rule.name == "interaction_statin_cyp3a4_inhibitor"
    assert first.answer == "fires"
