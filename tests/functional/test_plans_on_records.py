"""Plans of everyone in `synthea-r4`, and the three of docs/explanation/three-plans-checked.md line by line."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter

import orjson
import pytest
from fhir.resources.R4B.bundle import Bundle

from lifecourse.care import plan
from lifecourse.care.careplan import CarePlan, Recommendation
from lifecourse.care.exchange.fhir import bundle
from lifecourse.care.rules.evaluate import Answer
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.chart import Chart
from lifecourse.timeline.ingestion import ingest

TODAY = date(2026, 11, 25)
STATIN_MAN = "5214a564-9117-4ffc-a88c-25f90239240b"
DIABETIC_MAN = "948e608d-e408-4788-8cf2-8157c49c2940"
PREGNANT_WOMAN = "43400618-8533-406d-8303-af7cc5714549"


@pytest.fixture(scope="module")
def charts(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Chart]:
    """Everyone's chart, by the id of the source's Patient."""
    store = tmp_path_factory.mktemp("plans") / "store"
    ingest(shared_data / "synthea-r4", store)
    timeline = open_timeline(store, actor=Actor(name="ada"), purpose=Purpose.DIRECT_CARE)
    found = {}
    for chart in timeline.charts():
        ids = [s for s in chart.events["source_id"].drop_nulls() if s.startswith("Patient/")]
        found[ids[0].removeprefix("Patient/")] = chart
    return found


@pytest.fixture(scope="module")
def plans(charts: dict[str, Chart]) -> dict[str, CarePlan]:
    return {name: plan_of(chart) for name, chart in charts.items()}


def plan_of(chart: Chart) -> CarePlan:
    assert chart.last_time is not None
    return plan(chart, chart.last_time, today=TODAY)


def line(made: CarePlan, name: str) -> Recommendation:
    return next(each for each in made.recommendations if each.rule.name == name)


def answers(made: CarePlan) -> dict[str, str]:
    return {each.rule.name: str(each.decision) for each in made.recommendations}


def sources(recommendation: Recommendation) -> set[str]:
    return {event["source_id"] for event in recommendation.events}


def test_a_rule_fires_for_ten_people_and_all_five_answers_occur(plans: dict[str, CarePlan]) -> None:
    assert len(plans) == 65
    counts: dict[Answer, Counter[str]] = defaultdict(Counter)
    for made in plans.values():
        for each in made.recommendations:
            counts[each.answer][each.rule.name] += 1
    assert set(counts) == set(Answer)
    fires = counts[Answer.FIRES]
    assert max(fires.values()) >= 10
    assert fires["breast_cancer_screening"] >= 10
    assert fires["obesity_counselling"] >= 10


def test_children_and_the_dead_have_a_plan_that_says_why_it_is_empty(
    plans: dict[str, CarePlan],
) -> None:
    empty = [made for made in plans.values() if made.reason is not None]
    assert Counter(made.reason and made.reason[:10] for made in empty) == {
        "Recommenda": 6,
        "The record": 8,
    }
    assert all(made.recommendations == () for made in empty)


def test_every_line_that_fires_can_be_traced_to_the_source(plans: dict[str, CarePlan]) -> None:
    for made in plans.values():
        for each in made.recommendations:
            if each.answer == Answer.FIRES:
                assert each.events, each.rule.name
                assert all(event["source_id"] for event in each.events)


def test_every_plan_is_valid_fhir(plans: dict[str, CarePlan]) -> None:
    for made in plans.values():
        Bundle.model_validate(orjson.loads(orjson.dumps(bundle(made))))


def test_a_plan_made_again_has_the_same_bytes(
    charts: dict[str, Chart], plans: dict[str, CarePlan]
) -> None:
    for name in (STATIN_MAN, DIABETIC_MAN, PREGNANT_WOMAN):
        again = plan_of(charts[name])
        assert orjson.dumps(again.to_dict()) == orjson.dumps(plans[name].to_dict())


def test_the_first_plan_of_the_docs(plans: dict[str, CarePlan]) -> None:
    made = plans[STATIN_MAN]
    assert (made.age, made.sex, made.as_of[:10]) == (73, "male", "2021-01-25")
    said = answers(made)
    assert said["statin_primary_prevention"] == "fires"
    assert said["blood_pressure_treatment"] == "missing_data:antihypertensive"
    assert said["diabetes_screening"] == said["smoking_cessation"] == "not_applicable"
    assert said["anticoagulation_atrial_fibrillation"] == "not_applicable"
    pressure = line(made, "blood_pressure_treatment")
    assert "156.7 mm[Hg]" in pressure.reason
    assert "103.8 mm[Hg]" in pressure.reason
    assert "MedicationRequest/83b29744-5ab7-4ff0-bcad-ebfdde613c06" in sources(pressure)
    statin = line(made, "statin_primary_prevention")
    assert "Condition/d1f7dfb4-fde0-4c7f-865f-3aa1757d5b98" in sources(statin)
    assert statin.benefit is not None
    assert statin.benefit.baseline == pytest.approx(0.104900, abs=2e-6)
    assert statin.benefit.needed_to_treat == 35
    assert made.assessment is not None
    total = made.assessment.score("prevent", "total_cvd", 10).value
    assert total == pytest.approx(0.187803, abs=2e-6)


def test_the_second_plan_of_the_docs(plans: dict[str, CarePlan]) -> None:
    made = plans[DIABETIC_MAN]
    assert (made.age, made.sex, made.as_of[:10]) == (49, "male", "2021-03-02")
    said = answers(made)
    assert said["sglt2_inhibitor_ckd"] == said["statin_diabetes"] == "fires"
    assert said["blood_pressure_treatment"] == "already_done"
    assert said["diabetes_screening"] == "excluded:diabetes"
    assert said["statin_primary_prevention"] == "not_applicable"
    inhibitor = line(made, "sglt2_inhibitor_ckd")
    assert "CKD-EPI 2021 eGFR 56.2" in inhibitor.reason
    assert sources(inhibitor) >= {
        "Condition/50b50008-4047-4329-8244-7fc3a5737101",
        "Condition/792c8847-975e-435d-bdff-0a22a0228fe8",
        "Observation/a1b7311b-89e8-49d4-b06b-43826df23e71",
    }
    assert made.assessment is not None
    risk = made.assessment.score("prevent", "ascvd", 10).value
    assert risk == pytest.approx(0.062630, abs=2e-6)


def test_the_third_plan_of_the_docs(plans: dict[str, CarePlan]) -> None:
    made = plans[PREGNANT_WOMAN]
    assert (made.age, made.sex, made.as_of[:10]) == (41, "female", "2021-03-20")
    said = answers(made)
    assert said["blood_pressure_treatment"] == "excluded:pregnancy"
    assert said["diabetes_screening"] == "excluded:prediabetes"
    assert said["statin_primary_prevention"] == "not_applicable"
    assert said["breast_cancer_screening"] == "fires"
    assert said["sglt2_inhibitor_ckd"] == "not_applicable"
    assert "Condition/8b2cafd3-09ff-49c1-8cb4-b2a0e0047557" in sources(
        line(made, "blood_pressure_treatment")
    )


def test_plans_are_made_in_milliseconds(charts: dict[str, Chart]) -> None:
    seconds = []
    for chart in charts.values():
        start = perf_counter()
        plan_of(chart)
        seconds.append(perf_counter() - start)
    assert median(seconds) < 0.1  # 25 ms on a quiet machine
