"""A care plan as FHIR R4: a Bundle of Patient (a stub), CarePlan, Goals, DetectedIssues, RiskAssessments, Provenance.

Everything is a proposal (``CarePlan.intent``) and a draft: nothing here is an order. Ids follow from the
plan's content, so the same plan is the same Bundle.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from lifecourse.care.duties import goal_of
from lifecourse.care.exchange.facts import risk_code
from lifecourse.care.rules.evaluate import Answer
from lifecourse.care.safety.alerts import severity_of
from lifecourse.care.safety.checks import HARMS
from lifecourse.vocab.codelists import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lifecourse.care.careplan import CarePlan, Recommendation

RULE = "urn:lifecourse:rule"
LITERAL_REFERENCE = re.compile(r"^[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}$")
REASON_TYPES = ("Condition", "Observation", "DiagnosticReport", "DocumentReference")
PROBABILITY_UNITS = ("probability", "fraction", "1")

# v3 ActCode, ActDetectedIssueCode
ISSUE_CODES = {
    "medication safety": ("DRG", "Drug Interaction Alert"),
    "allergy": ("ALGY", "Allergy Alert"),
    "duplicate therapy": ("DUPTHPY", "Duplicate Therapy Alert"),
    "kidney dosing": ("DOSE", "Dosage problem"),
    "pharmacogenomics": ("GEN", "Genetic Alert"),
}

ACTIVITY_KIND = {
    "medication": "MedicationRequest",
    "stop_medication": "MedicationRequest",
    "adjust_medication": "MedicationRequest",
    "immunisation": "MedicationRequest",
    "measurement": "ServiceRequest",
    "procedure": "ServiceRequest",
    "referral": "ServiceRequest",
    "counselling": "ServiceRequest",
}


def bundle(care_plan: CarePlan) -> dict[str, Any]:
    """The plan as a Bundle of type ``collection``, JSON-ready."""
    patient = _patient(care_plan)
    risks = [*_score_risks(care_plan, patient), *_model_risks(care_plan, patient)]
    issues = [_issue(care_plan, patient, line) for line in _fired(care_plan) if is_harm(line)]
    goals = [_goal(care_plan, patient, line) for line in _fired(care_plan) if _aims(line)]
    plan = _care_plan(care_plan, patient, risks, goals, issues)
    made = [plan, *goals, *issues, *risks]
    resources = [patient, *made, _provenance(care_plan, made)]
    return {
        "resourceType": "Bundle",
        "id": _id(care_plan, "bundle"),
        "type": "collection",
        "timestamp": care_plan.as_of,
        "entry": [{"fullUrl": _url(each), "resource": each} for each in resources],
    }


def _patient(care_plan: CarePlan) -> dict[str, Any]:
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "id": _id(care_plan, "patient"),
        "identifier": [{"system": "urn:lifecourse:subject", "value": str(care_plan.subject_id)}],
    }
    if care_plan.sex in ("female", "male", "other", "unknown"):
        patient["gender"] = care_plan.sex
    return patient


def _fired(care_plan: CarePlan) -> list[Recommendation]:
    return [line for line in care_plan.recommendations if line.answer == Answer.FIRES]


def is_harm(line: Recommendation) -> bool:
    """Whether a line is about harm by a drug, which FHIR calls a detected issue."""
    return line.rule.do.kind in HARMS


def _aims(line: Recommendation) -> bool:
    return line.same_as is None and goal_of(line.rule, line.as_of) is not None


def _care_plan(
    care_plan: CarePlan,
    patient: Mapping[str, Any],
    risks: list[dict[str, Any]],
    goals: list[dict[str, Any]],
    issues: list[dict[str, Any]],
) -> dict[str, Any]:
    fires = _fired(care_plan)
    resource: dict[str, Any] = {
        "resourceType": "CarePlan",
        "id": _id(care_plan, "care-plan"),
        "identifier": [{"system": "urn:lifecourse:plan", "value": care_plan.content_hash}],
        "status": "draft",
        "intent": "proposal",
        "category": [{"text": "Evidence-based recommendations"}],
        "title": "Care plan by lifecourse",
        "subject": {"reference": _url(patient)},
        "period": {"start": care_plan.as_of},
        "created": care_plan.as_of,
        "note": [{"text": _note(care_plan)}],
    }
    if fires:
        resource["instantiatesCanonical"] = [_canonical(line) for line in fires]
        resource["activity"] = [_activity(line) for line in fires]
    if goals:
        resource["goal"] = [{"reference": _url(goal)} for goal in goals]
    if risks or issues:
        resource["supportingInfo"] = [{"reference": _url(each)} for each in (*issues, *risks)]
    return resource


def _goal(care_plan: CarePlan, patient: Mapping[str, Any], line: Recommendation) -> dict[str, Any]:
    goal = goal_of(line.rule, line.as_of)
    assert goal is not None  # noqa: S101 -- asked for by the caller
    target: dict[str, Any] = {"dueDate": goal.due.isoformat()}
    if goal.codelist is not None and goal.below is not None:
        target["measure"] = {"text": describe(goal.codelist)["title"]}
        target["detailRange"] = {
            "high": {
                "value": goal.below,
                "unit": goal.unit,
                "system": "http://unitsofmeasure.org",
                "code": goal.unit,
            }
        }
    return {
        "resourceType": "Goal",
        "id": _id(care_plan, f"goal.{line.rule.name}"),
        "lifecycleStatus": "proposed",
        "description": {"text": goal.title},
        "subject": {"reference": _url(patient)},
        "startDate": line.as_of.isoformat(),
        "target": [target],
    }


def _issue(care_plan: CarePlan, patient: Mapping[str, Any], line: Recommendation) -> dict[str, Any]:
    rule = line.rule
    resource: dict[str, Any] = {
        "resourceType": "DetectedIssue",
        "id": _id(care_plan, f"issue.{rule.name}"),
        "identifier": [{"system": RULE, "value": rule.name}],
        "status": "preliminary",
        "code": _issue_code(rule.topic),
        "severity": severity_of(rule.do.kind, rule.grade.strength),
        "patient": {"reference": _url(patient)},
        "identifiedDateTime": care_plan.as_of,
        "detail": f"{rule.title}. {line.reason}",
        "mitigation": [{"action": {"text": rule.do.what}}],
    }
    address = rule.evidence[0].doi
    if address is not None:
        resource["reference"] = f"https://doi.org/{address}"
    implicated = _references(line.events)
    if implicated:
        resource["implicated"] = implicated
    return resource


def _issue_code(topic: str) -> dict[str, Any]:
    code, display = ISSUE_CODES.get(topic, ISSUE_CODES["medication safety"])
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    return {"coding": [{"system": system, "code": code, "display": display}], "text": topic}


def _note(care_plan: CarePlan) -> str:
    if care_plan.reason is not None:
        return care_plan.reason
    said = []
    for answer in Answer:
        names = [r.rule.title for r in care_plan.recommendations if r.answer == answer]
        if names:
            said.append(f"{answer.value.replace('_', ' ')}: {'; '.join(names)}")
    return ". ".join(said) or "No rule is in force."


def _canonical(line: Recommendation) -> str:
    return f"{RULE}:{line.rule.name}|{line.rule.version}"


def _activity(line: Recommendation) -> dict[str, Any]:
    rule = line.rule
    said = [rule.do.what, line.reason, f"Grade: {rule.grade.words}"]
    if line.benefit is not None:
        said.append(line.benefit.text)
    detail: dict[str, Any] = {
        "kind": ACTIVITY_KIND[rule.do.kind],
        "instantiatesCanonical": [_canonical(line)],
        "code": {"coding": [{"system": RULE, "code": rule.name}], "text": rule.title},
        "status": "not-started",
        "description": " ".join(f"{text.rstrip('.')}." for text in said if text),
    }
    reasons = [r for r in _references(line.events) if _type_of(r) in REASON_TYPES]
    if reasons:
        detail["reasonReference"] = reasons
    return {"detail": detail}


def _score_risks(care_plan: CarePlan, patient: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    if care_plan.assessment is None:
        return
    for score in care_plan.assessment.scores:
        if score.value is None or score.unit not in PROBABILITY_UNITS or not score.horizon_years:
            continue
        events = [{"source_id": e.source_id} for item in score.inputs for e in item.events]
        name = f"{score.name}.{score.outcome}.{score.horizon_years:g}"
        yield _risk(
            care_plan,
            patient,
            name=name,
            coding=risk_code(score.name, score.outcome, score.horizon_years),
            method=f"{score.equation} (version {score.version})",
            title=score.title,
            value=score.value,
            years=score.horizon_years,
            basis=_references(events),
            notes=[score.source, score.interval_reason, *score.warnings],
        )


def _model_risks(care_plan: CarePlan, patient: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for place, estimate in enumerate(care_plan.predictions):
        value = estimate.get("value", estimate.get("risk", estimate.get("probability")))
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            continue
        years = estimate.get("horizon_years")
        if years is None and estimate.get("horizon_days") is not None:
            years = float(estimate["horizon_days"]) / 365.25
        name = str(estimate.get("name") or estimate.get("task") or f"model {place + 1}")
        version = estimate.get("model_version") or estimate.get("version")
        yield _risk(
            care_plan,
            patient,
            name=f"prediction.{place}.{name}",
            method=f"{name}, a model of this site" + (f" (version {version})" if version else ""),
            title=str(estimate.get("title") or estimate.get("outcome") or name),
            value=float(value),
            years=years,
            basis=[],
            notes=[estimate.get("note")],
        )


def _risk(
    care_plan: CarePlan,
    patient: Mapping[str, Any],
    *,
    name: str,
    coding: dict[str, Any] | None = None,
    method: str,
    title: str,
    value: float,
    years: float | None,
    basis: list[dict[str, Any]],
    notes: Iterable[str | None],
) -> dict[str, Any]:
    # probabilityDecimal is a percentage (invariant ras-2): 9.2, not 0.092.
    outcome = {"text": title} if coding is None else {"coding": [coding], "text": title}
    prediction: dict[str, Any] = {
        "outcome": outcome,
        "probabilityDecimal": round(value * 100, 6),
    }
    if years is not None and math.isfinite(years):
        prediction["whenRange"] = {"low": _years(0), "high": _years(years)}
    resource: dict[str, Any] = {
        "resourceType": "RiskAssessment",
        "id": _id(care_plan, name),
        "status": "final",
        "method": {"text": method},
        "subject": {"reference": _url(patient)},
        "occurrenceDateTime": care_plan.as_of,
        "prediction": [prediction],
    }
    if basis:
        resource["basis"] = basis
    said = [text for text in notes if text]
    if said:
        resource["note"] = [{"text": text} for text in said]
    return resource


def _years(years: float) -> dict[str, Any]:
    value: float = round(years, 4)
    return {
        "value": int(value) if value == int(value) else value,
        "unit": "years",
        "system": "http://unitsofmeasure.org",
        "code": "a",
    }


def _provenance(care_plan: CarePlan, made: list[dict[str, Any]]) -> dict[str, Any]:
    sources = {
        "urn:lifecourse:inputs": care_plan.content_hash,
        "urn:lifecourse:rules": care_plan.versions["rules"],
    }
    return {
        "resourceType": "Provenance",
        "id": _id(care_plan, "provenance"),
        "target": [{"reference": _url(each)} for each in made],
        # The moment the plan speaks for, not the moment it was computed: the same plan has the same bytes.
        "recorded": care_plan.as_of,
        "agent": [
            {
                "type": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                            "code": "assembler",
                        }
                    ]
                },
                "who": {"display": f"lifecourse {care_plan.versions['lifecourse']}"},
            }
        ],
        "entity": [
            {"role": "source", "what": {"identifier": {"system": system, "value": value}}}
            for system, value in sources.items()
        ],
    }


def _references(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Literal references to the records that decided; a source without FHIR ids gets none."""
    ids = dict.fromkeys(event.get("source_id") for event in events)
    return [{"reference": i} for i in ids if i is not None and LITERAL_REFERENCE.match(i)]


def _type_of(reference: Mapping[str, Any]) -> str:
    return str(reference["reference"]).partition("/")[0]


def _id(care_plan: CarePlan, name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"urn:lifecourse:plan/{care_plan.content_hash}/{name}"))


def _url(resource: Mapping[str, Any]) -> str:
    return f"urn:uuid:{resource['id']}"
