"""Every rule as CQL, compiled and run by engines that are not ours: the same five answers, on cases and on people."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest
from engines import cql_answers, fhir_errors
from fhir.resources.R4B.library import Library
from fhir.resources.R4B.plandefinition import PlanDefinition

from lifecourse.base.clock import from_microseconds
from lifecourse.care import assess
from lifecourse.care.exchange.case_bundles import MOMENT, case_bundle
from lifecourse.care.exchange.facts import facts_as_fhir
from lifecourse.care.exchange.plan_definition import export_rules
from lifecourse.care.rules.evaluate import Answer, Decision, decide
from lifecourse.care.rules.gathering import ChartFacts
from lifecourse.care.rules.loading import library
from lifecourse.care.rules.scores import score_facts
from lifecourse.cli import main
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from lifecourse.care.rules.definition import Rule
    from lifecourse.timeline.chart import Chart

TODAY = date(2026, 11, 25)
SOME = 24
"""Rules of an ordinary run, always the same; ``LIFECOURSE_EVERY_RULE=1`` (the proof) takes them all, which is long."""
PEOPLE = 50


def rules() -> list[Rule]:
    """All rules; or some, with one of each family."""
    every = list(library().rules)
    if os.environ.get("LIFECOURSE_EVERY_RULE"):
        return every
    families = {rule.name.split("_")[0]: rule for rule in every}
    drawn = np.random.default_rng(SOME).permutation(len(every))
    chosen = [*families.values(), *(every[place] for place in drawn)]
    return list({rule.name: rule for rule in chosen}.values())[:SOME]


def said(answer: dict[str, Any]) -> str:
    """An answer of the engine as cases write it, what is missing in no order."""
    if answer["Answer"] == "excluded":
        return f"excluded:{answer['Excluded By']}"
    if answer["Answer"] == "missing_data":
        return f"missing_data:{','.join(sorted(answer['Missing']))}"
    return str(answer["Answer"])


def in_order(expected: str) -> str:
    kind, colon, names = expected.partition(":")
    return kind + colon + ",".join(sorted(names.split(",")))


def test_cases_have_the_same_answers_in_a_foreign_engine(tmp_path: Path) -> None:
    chosen = rules()
    expected, people = {}, []
    for rule in chosen:
        for number, case in enumerate(rule.cases, start=1):
            name = f"{rule.name} {number}"
            expected[name] = in_order(case.expect)
            moment = MOMENT.isoformat(timespec="milliseconds")
            bundle = case_bundle(rule, case)
            people.append({"id": name, "at": moment, "bundle": bundle, "rules": [rule.name]})
    found = cql_answers(chosen, people, tmp_path)
    answers = {name: said(found[name][name.split(" ")[0]]) for name in expected}
    assert answers == expected


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated hospital as FHIR, with more people than are asked about."""
    folder = tmp_path_factory.mktemp("hospital")
    given = ["simulate", "--subjects", str(PEOPLE + 15), "--seed", "8", "--format", "fhir"]
    assert main([*given, "--out", str(folder / "source")]) == 0
    ingest(folder / "source", folder / "store", identifiability="synthetic")
    return folder


def records_of(source: Path) -> dict[str, list[dict[str, Any]]]:
    """Each patient's resources, as the simulated hospital wrote them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(source.glob("*.ndjson")):
        for line in path.read_bytes().splitlines():
            resource = orjson.loads(line)
            subject = resource.get("subject", {}).get("reference", "").removeprefix("Patient/")
            own = resource["id"] if resource["resourceType"] == "Patient" else subject
            found.setdefault(own, []).append(resource)
    return found


def patient_of(chart: Chart) -> str:
    """The id of the chart's Patient resource, from the events that it gave."""
    ids = chart.events["source_id"].drop_nulls().to_list()
    return next(i for i in ids if i.startswith("Patient/")).removeprefix("Patient/")


def as_engine_says(decision: Decision) -> tuple[str, str | None]:
    return str(decision.answer), decision.excluded_by


def test_simulated_people_have_the_same_answers_in_a_foreign_engine(
    hospital: Path, tmp_path: Path
) -> None:
    chosen = rules()
    actor = Actor(name="test")
    timeline = open_timeline(hospital / "store", actor=actor, purpose=Purpose.DIRECT_CARE)
    records = records_of(hospital / "source")
    expected: dict[str, dict[str, tuple[str, str | None]]] = {}
    people = []
    for chart in timeline.charts():
        at = chart.as_of
        if at is None or len(people) == PEOPLE:
            continue
        assert at is not None
        questions = library().questions
        facts = ChartFacts(
            chart=chart, at=at, questions=questions, scores=score_facts(assess(chart, at))
        )
        moment = from_microseconds(at).isoformat(timespec="milliseconds")
        patient = patient_of(chart)
        known = facts_as_fhir(questions, facts, subject=f"Patient/{patient}", at=moment)
        entries = [{"resource": each} for each in (*records[patient], *known)]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        names = [rule.name for rule in chosen]
        people.append({"id": patient, "at": moment, "bundle": bundle, "rules": names})
        expected[patient] = {rule.name: as_engine_says(decide(rule, facts)) for rule in chosen}
    assert len(people) == PEOPLE
    found = cql_answers(chosen, people, tmp_path)
    answers = {
        patient: {
            name: (each["Answer"], each["Excluded By"] if each["Answer"] == "excluded" else None)
            for name, each in found[patient].items()
        }
        for patient in expected
    }
    differing = {
        (patient, name): (answers[patient][name], wanted)
        for patient, each in expected.items()
        for name, wanted in each.items()
        if answers[patient][name] != wanted
    }
    assert differing == {}
    told = {answer for each in expected.values() for answer, _ in each.values()}
    assert {Answer.FIRES, Answer.NOT_APPLICABLE, Answer.MISSING_DATA} <= told


def test_what_is_exported_is_valid_by_validators_that_are_not_ours(tmp_path: Path) -> None:
    report = export_rules(tmp_path / "rules", today=TODAY)
    assert report["plan-definitions"] == report["rules"] == len(library().rules)
    assert report["cql"] == report["libraries"] == report["rules"] + 2
    assert report["cases"] == sum(len(rule.cases) for rule in library().rules)
    made = [
        orjson.loads(path.read_bytes())
        for kind in ("plan-definitions", "libraries")
        for path in sorted((tmp_path / "rules" / kind).glob("*.json"))
    ]
    for resource in made:
        model = PlanDefinition if resource["resourceType"] == "PlanDefinition" else Library
        model.model_validate(resource)
    cases = [
        entry["resource"]
        for path in sorted((tmp_path / "rules" / "cases").glob("*.1.json"))
        for entry in orjson.loads(path.read_bytes())["bundle"]["entry"]
    ]
    assert fhir_errors([*made, *cases], tmp_path) == []


def test_a_rule_past_its_review_is_exported_as_retired(tmp_path: Path) -> None:
    export_rules(tmp_path, today=date(2035, 1, 1))
    told = orjson.loads((tmp_path / "plan-definitions" / "smoking_cessation.json").read_bytes())
    assert told["status"] == "retired"


def test_the_command_exports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "export", "--out", str(tmp_path), "--json"]) == 0
    report = orjson.loads(capsys.readouterr().out)
    assert report["rules"] == len(library().rules)
    assert main(["rules", "export"]) == 2
    capsys.readouterr()
    assert main(["rules", "list", "--json"]) == 0
    listed = orjson.loads(capsys.readouterr().out)
    assert {rule["name"] for rule in listed} == {rule.name for rule in library().rules}
