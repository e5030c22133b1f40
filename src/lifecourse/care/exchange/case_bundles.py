"""The worked cases of a rule as FHIR Bundles, so that any engine can be asked whether it answers as the rule does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import KnowledgeError
from lifecourse.care.exchange.concepts import coding_of, has_substances
from lifecourse.care.exchange.facts import facts_as_fhir
from lifecourse.care.rules.questions import CLOSED_WORLD, Kind, Question, facts_of_case
from lifecourse.vocab.codelists import describe
from lifecourse.vocab.units import quantities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.care.rules.definition import Case, Rule
    from lifecourse.care.rules.questions import Fact

MOMENT = datetime(2026, 6, 15, 12, tzinfo=UTC)
"""When the made-up people of cases are looked at."""
PATIENT = "Patient/case"


def case_bundle(rule: Rule, case: Case) -> dict[str, Any]:
    """The facts of `case` as a Bundle of type ``collection`` that is looked at at `MOMENT`.

    Raises
    ------
    KnowledgeError
        No record can have the facts: a drug is taken and the class it is of is not.
    """
    facts = facts_of_case(rule.questions_by_key, case.given)
    resources = [
        _patient(facts),
        *_records(rule, facts),
        *facts_as_fhir(rule.questions, facts, subject=PATIENT, at=MOMENT.isoformat()),
    ]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": f"urn:lifecourse:case:{n}", "resource": each}
            for n, each in enumerate(resources)
        ],
    }


def _patient(facts: dict[Question, Fact]) -> dict[str, Any]:
    patient: dict[str, Any] = {"resourceType": "Patient", "id": "case"}
    for question, fact in facts.items():
        if fact.value is not None and question.kind == Kind.SEX:
            patient["gender"] = fact.value
        if isinstance(fact.value, float) and question.kind == Kind.AGE:
            patient["birthDate"] = f"{MOMENT.year - int(fact.value):04d}-01-15"
    return patient


def _records(rule: Rule, facts: dict[Question, Fact]) -> Iterator[dict[str, Any]]:
    absent = [q for q, fact in facts.items() if q.kind in CLOSED_WORLD and fact.value is False]
    for n, (question, fact) in enumerate(facts.items()):
        if question.kind == Kind.LAB and isinstance(fact.value, float):
            yield from _measurements(question, fact.value, f"fact-{n}")
        elif question.kind == Kind.DRUG and fact.value is not False:
            days = 1 if fact.value is True else 3 * (question.within_days or 365)
            yield _prescription(_coding(rule, question, absent), days, f"fact-{n}")
        elif question.kind == Kind.CONDITION and fact.value and has_substances(question.name):
            yield _allergy(question, f"fact-{n}")
        elif question.kind in (Kind.CONDITION, Kind.EVENT) and fact.value is True:
            yield _recorded(_coding(rule, question, absent), f"fact-{n}")


def _coding(rule: Rule, question: Question, absent: list[Question]) -> dict[str, str]:
    others = [each.name for each in absent if each.kind != Kind.PHENOTYPE]
    found = coding_of(question.name, not_in=others)
    if found is None:
        raise KnowledgeError(
            f"rule '{rule.name}': no record has '{question.name}' and none of {', '.join(others)}. "
            "State in the case what else is true then."
        )
    return found | {"display": describe(question.name)["title"]}


def _ago(days: float) -> str:
    return (MOMENT - timedelta(days=days)).isoformat()


def _measurements(question: Question, value: float, name: str) -> Iterator[dict[str, Any]]:
    unit = quantities()[question.name].unit
    coding = coding_of(question.name)
    assert coding is not None  # noqa: S101 -- every quantity has a code
    for time in range(1, question.times + 1):
        yield {
            "resourceType": "Observation",
            "id": f"{name}-{time}",
            "status": "final",
            "code": {"coding": [coding]},
            "subject": {"reference": PATIENT},
            "effectiveDateTime": _ago(time),
            "valueQuantity": {
                "value": value,
                "unit": unit,
                "system": "http://unitsofmeasure.org",
                "code": unit,
            },
        }


def _prescription(coding: dict[str, str], days: float, name: str) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"coding": [coding]},
        "subject": {"reference": PATIENT},
        "authoredOn": _ago(days),
    }


def _allergy(question: Question, name: str) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance",
        "id": name,
        "code": {"coding": [coding_of(question.name, substance=True)]},
        "patient": {"reference": PATIENT},
        "recordedDate": _ago(1),
    }


def _recorded(coding: dict[str, str], name: str) -> dict[str, Any]:
    system = coding["system"]
    about = {"code": {"coding": [coding]}, "subject": {"reference": PATIENT}}
    if system.endswith("/cvx"):
        return {
            "resourceType": "Immunization",
            "id": name,
            "status": "completed",
            "vaccineCode": {"coding": [coding]},
            "patient": {"reference": PATIENT},
            "occurrenceDateTime": _ago(1),
        }
    if system == "http://loinc.org":
        return {
            "resourceType": "Observation", "id": name, "status": "final", **about,
            "effectiveDateTime": _ago(1), "valueString": "done",
        }  # fmt: skip
    if "cpt" in system or "hcpcs" in system.lower():
        return {
            "resourceType": "Procedure", "id": name, "status": "completed", **about,
            "performedDateTime": _ago(1),
        }  # fmt: skip
    return {
        "resourceType": "Condition", "id": name, **about, "recordedDate": _ago(1),
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
        },
        "verificationStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]
        },
    }  # fmt: skip
