"""A plan as FHIR: valid by the standard's own models, risks in per cent, ids that follow from the content."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import orjson
from fhir.resources.R4B.bundle import Bundle
from people import AT, Entry, measured, person, smoker

from lifecourse.care import plan
from lifecourse.care.exchange.fhir import bundle
from lifecourse.vocab.ingredients import ingredients

TODAY = date(2026, 11, 25)


def of_type(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in document["entry"] if e["resource"]["resourceType"] == kind]


def test_the_bundle_is_valid_by_the_standards_models() -> None:
    made = plan(person(*measured(2022), *measured(2023), smoker()), AT, today=TODAY)
    document = orjson.loads(orjson.dumps(bundle(made)))
    parsed = Bundle.model_validate(document)
    assert parsed.type == "collection"
    assert len(of_type(document, "CarePlan")) == len(of_type(document, "Patient")) == 1
    assert len(of_type(document, "RiskAssessment")) >= 3


def test_probabilities_are_percentages() -> None:
    made = plan(person(*measured(2022), *measured(2023), smoker()), AT, today=TODAY)
    assert made.assessment is not None
    score = made.assessment.score("prevent", "ascvd", 10)
    assert score.value is not None
    risks = of_type(bundle(made), "RiskAssessment")
    found = next(r for r in risks if r["prediction"][0]["outcome"]["text"] == score.title)
    assert abs(found["prediction"][0]["probabilityDecimal"] - score.value * 100) < 1e-5
    assert found["prediction"][0]["whenRange"]["high"]["value"] == 10
    assert all(b["reference"].startswith("Observation/") for b in found["basis"])


def test_what_fires_is_a_proposed_activity_and_nothing_is_an_order() -> None:
    made = plan(person(*measured(2022), *measured(2023), smoker()), AT, today=TODAY)
    care_plan = of_type(bundle(made), "CarePlan")[0]
    assert (care_plan["status"], care_plan["intent"]) == ("draft", "proposal")
    fired = [r.rule.name for r in made.recommendations if r.answer == "fires"]
    codes = [a["detail"]["code"]["coding"][0]["code"] for a in care_plan["activity"]]
    assert codes == fired


def test_the_same_plan_is_the_same_bundle() -> None:
    facts = [*measured(2022), *measured(2023), smoker()]
    first, second = (bundle(plan(person(*facts), AT, today=TODAY)) for _ in range(2))
    assert orjson.dumps(first) == orjson.dumps(second)
    other = bundle(plan(person(*measured(2023)), AT, today=TODAY))
    assert {e["fullUrl"] for e in other["entry"]}.isdisjoint(e["fullUrl"] for e in first["entry"])


def test_every_reference_inside_the_bundle_resolves() -> None:
    document = bundle(plan(person(*measured(2022), *measured(2023), smoker()), AT, today=TODAY))
    urls = {e["fullUrl"] for e in document["entry"]}
    said = orjson.dumps(document).decode()
    assert {f"urn:uuid:{part[:36]}" for part in said.split("urn:uuid:")[1:]} == urls


def test_the_provenance_names_rules_and_inputs() -> None:
    made = plan(person(smoker()), AT, today=TODAY)
    provenance = of_type(bundle(made), "Provenance")[0]
    values = {e["what"]["identifier"]["value"] for e in provenance["entity"]}
    assert values == {made.content_hash, made.versions["rules"]}


def test_a_newborn_has_a_valid_bundle_without_activities() -> None:
    document = bundle(plan(person(born=datetime(2023, 5, 30)), AT, today=TODAY))
    Bundle.model_validate(document)
    assert "activity" not in of_type(document, "CarePlan")[0]


def test_a_models_estimate_becomes_a_risk_assessment() -> None:
    estimate = {"name": "mortality_1y", "value": 0.031, "horizon_days": 365.25}
    made = plan(person(born=datetime(2023, 5, 30)), AT, predictions=[estimate], today=TODAY)
    risk = of_type(bundle(made), "RiskAssessment")[0]
    assert risk["prediction"][0]["probabilityDecimal"] == 3.1
    assert risk["prediction"][0]["whenRange"]["high"]["value"] == 1


def test_goals_and_harm_of_drugs_are_resources_of_their_own() -> None:
    day = datetime(2023, 5, 1)
    drugs: list[Entry] = [
        (day, f"RxNorm//{ingredients()[name].rxnorm}", None, None)
        for name in ("simvastatin", "clarithromycin")
    ]
    made = plan(person(*measured(2022), *measured(2023), smoker(), *drugs), AT, today=TODAY)
    document = orjson.loads(orjson.dumps(bundle(made)))
    Bundle.model_validate(document)
    issue = of_type(document, "DetectedIssue")[0]
    assert issue["severity"] == "high"
    assert issue["code"]["coding"][0]["code"] == "DRG"
    assert {r["reference"].partition("/")[0] for r in issue["implicated"]} == {"Observation"}
    goals = {g["description"]["text"]: g for g in of_type(document, "Goal")}
    pressure = goals["Systolic blood pressure below 130 mm Hg"]
    assert pressure["target"][0]["detailRange"]["high"]["value"] == 130
    assert pressure["target"][0]["dueDate"] == "2023-08-30"
    care_plan = of_type(document, "CarePlan")[0]
    assert len(care_plan["goal"]) == len(goals)
    assert len(of_type(document, "Provenance")[0]["target"]) == len(document["entry"]) - 2
