"""What lifecourse works out of a record and hands to an engine of CQL: scores, phenotypes, genes, smoking.

Risks are RiskAssessments in per cent, as the standard has them; other scores and what several records tell together
are Observations, phenotypes Conditions. Systems begin with ``urn:lifecourse:``. A score that gives no number because
the person is not one it is for says so; what is not known has no resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from lifecourse.care.rules.questions import Kind, Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lifecourse.care.rules.questions import Fact, Facts

SCORE, PHENOTYPE, GENE, FACT = (
    f"urn:lifecourse:{each}" for each in ("score", "phenotype", "gene", "fact")
)
HANDED_ON = frozenset({Kind.SCORE, Kind.PHENOTYPE, Kind.GENE, Kind.DERIVED, Kind.SMOKING})
"""Kinds of question that CQL does not answer from the record itself."""


def facts_as_fhir(
    questions: Iterable[Question], facts: Facts, *, subject: str, at: str
) -> Iterator[dict[str, Any]]:
    """A resource for each of `questions` that has an answer and is handed on.

    Parameters
    ----------
    subject : reference to the Patient
    at : ISO 8601, the moment the facts are of
    """
    for question in dict.fromkeys(questions):
        if question.kind in HANDED_ON:
            made = _resource(question, facts[question], subject, at)
            if made is not None:
                name = f"{subject}/{at}/{question.kind}/{question.key}"
                yield {
                    "resourceType": made.pop("resourceType"),
                    "id": str(uuid5(NAMESPACE_URL, name)),
                    **made,
                }


def risk_code(score: str, outcome: str, years: float | None) -> dict[str, Any]:
    """The coding of one output of a score, by which rules find it: ``prevent.ascvd.10y``."""
    horizon = "" if years is None else f".{years:g}y"
    return {"system": SCORE, "code": f"{score}.{outcome}{horizon}"}


def _resource(question: Question, fact: Fact, subject: str, at: str) -> dict[str, Any] | None:
    if question.kind == Kind.PHENOTYPE:
        return _condition(question, subject, at) if fact.value is True else None
    if question.kind == Kind.SCORE:
        return _score(question, fact, subject, at)
    if fact.value is None:
        return None
    if question.kind == Kind.DERIVED:
        value = {"valueQuantity": _number(fact)}
        return _observation(FACT, question.key, subject, at) | value
    system = GENE if question.kind == Kind.GENE else FACT
    return _observation(system, question.key, subject, at) | {"valueString": str(fact.value)}


def _score(question: Question, fact: Fact, subject: str, at: str) -> dict[str, Any] | None:
    if fact.value is None and fact.inapplicable is None:
        return None
    if question.years is not None:
        return _risk(question, fact, subject, at)
    made = _observation(SCORE, question.key, subject, at)
    if fact.inapplicable is None:
        return made | {"valueQuantity": _number(fact)}
    system = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
    return made | {
        "dataAbsentReason": {
            "coding": [{"system": system, "code": "not-applicable"}],
            "text": fact.inapplicable,
        }
    }


def _risk(question: Question, fact: Fact, subject: str, at: str) -> dict[str, Any]:
    coding = risk_code(question.name, question.outcome, question.years)
    prediction: dict[str, Any] = {"outcome": {"coding": [coding]}}
    if fact.value is not None:
        prediction["probabilityDecimal"] = round(float(fact.value) * 100, 9)
    else:
        coding = {"system": "urn:lifecourse:status", "code": "not_applicable"}
        prediction["qualitativeRisk"] = {"coding": [coding], "text": fact.inapplicable}
    return {
        "resourceType": "RiskAssessment",
        "status": "final",
        "subject": {"reference": subject},
        "occurrenceDateTime": at,
        "prediction": [prediction],
    }


def _observation(system: str, code: str, subject: str, at: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": subject},
        "effectiveDateTime": at,
    }


def _condition(question: Question, subject: str, at: str) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/condition-"
    return {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [{"system": f"{system}clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": f"{system}ver-status", "code": "confirmed"}]},
        "code": {"coding": [{"system": PHENOTYPE, "code": question.name}]},
        "subject": {"reference": subject},
        "recordedDate": at,
    }


def _number(fact: Fact) -> dict[str, Any]:
    return {"value": float(fact.value or 0.0)}
