"""Every FHIR resource of a plan passes a validator that is not ours, beside the standard's own models."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from engines import fhir_errors
from fhir.resources.R4B.bundle import Bundle
from people import APIXABAN, AT, ATRIAL_FIBRILLATION, Entry, measured, person, smoker

from lifecourse.care import assess, plan
from lifecourse.care.exchange.facts import facts_as_fhir
from lifecourse.care.exchange.fhir import bundle
from lifecourse.care.rules.gathering import ChartFacts
from lifecourse.care.rules.loading import library
from lifecourse.care.rules.scores import score_facts

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.timeline.chart import Chart

TODAY = date(2026, 11, 25)
DAY = datetime(2023, 5, 1)


def charts() -> list[Chart]:
    """People with risks, interactions, little and nothing on record."""
    drugs: list[Entry] = [(DAY, code, None, None) for code in ("RxNorm//36567", "RxNorm//21212")]
    return [
        person(*measured(2022), *measured(2023), smoker(), *drugs),
        person((DAY, ATRIAL_FIBRILLATION, None, None), (DAY, APIXABAN, None, None), sex="female"),
        person(),
        person(born=datetime(2023, 5, 30)),
    ]


def handed_on(chart: Chart) -> list[dict[str, Any]]:
    """What an engine of CQL is given beside the record."""
    questions = library().questions
    facts = ChartFacts(
        chart=chart, at=AT, questions=questions, scores=score_facts(assess(chart, AT))
    )
    moment = "2023-06-01T00:00:00+00:00"
    return list(facts_as_fhir(questions, facts, subject="Patient/1", at=moment))


def test_plans_are_valid(tmp_path: Path) -> None:
    bundles = [bundle(plan(chart, AT, today=TODAY)) for chart in charts()]
    for each in bundles:
        Bundle.model_validate(orjson.loads(orjson.dumps(each)))
    resources = [entry["resource"] for each in bundles for entry in each["entry"]]
    assert fhir_errors([*bundles, *resources], tmp_path) == []


def test_what_engines_are_handed_is_valid(tmp_path: Path) -> None:
    resources = [each for chart in charts() for each in handed_on(chart)]
    assert {each["resourceType"] for each in resources} == {"RiskAssessment", "Observation"}
    assert fhir_errors(resources, tmp_path) == []


def test_the_validator_finds_what_is_wrong(tmp_path: Path) -> None:
    wrong = {"resourceType": "Observation", "id": "1", "status": "done", "code": {"text": "x"}}
    assert fhir_errors([wrong], tmp_path)


def test_a_plans_risks_are_the_ones_that_rules_ask_for() -> None:
    chart = charts()[0]
    planned = {
        coding["code"]: resource["prediction"][0]["probabilityDecimal"]
        for entry in bundle(plan(chart, AT, today=TODAY))["entry"]
        if (resource := entry["resource"])["resourceType"] == "RiskAssessment"
        for coding in resource["prediction"][0]["outcome"]["coding"]
    }
    asked = {
        each["prediction"][0]["outcome"]["coding"][0]["code"]: each["prediction"][0]
        for each in handed_on(chart)
        if each["resourceType"] == "RiskAssessment"
    }
    computed = {name: each for name, each in asked.items() if "probabilityDecimal" in each}
    assert "prevent.ascvd.10y" in computed
    for name, each in computed.items():
        assert planned[name] == pytest.approx(each["probabilityDecimal"], abs=1e-5)
