"""Rules as FHIR R4: a PlanDefinition and a Library with its CQL for each, and the libraries that they include."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from lifecourse.base.files import to_json, write_bytes
from lifecourse.care.exchange.case_bundles import MOMENT, case_bundle
from lifecourse.care.exchange.cql import (
    CONCEPTS_VERSION,
    RECORD,
    RECORD_VERSION,
    library_of,
    shared_libraries,
)
from lifecourse.care.rules.loading import library

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from pathlib import Path

    from lifecourse.care.rules.definition import Evidence, Rule
    from lifecourse.care.rules.loading import Library

RULE = "urn:lifecourse:rule"
LIBRARY = "urn:lifecourse:library"
STRENGTH = "http://hl7.org/fhir/StructureDefinition/cqf-strengthOfRecommendation"
QUALITY = "http://hl7.org/fhir/StructureDefinition/cqf-qualityOfEvidence"


def export_rules(folder: Path, rules: Library | None = None, *, today: date) -> dict[str, Any]:
    """Write every rule to `folder`: ``plan-definitions/``, ``libraries/``, ``cql/`` and the worked ``cases/``.

    Parameters
    ----------
    rules : instead of those of the package
    today : rules whose date of review has passed are exported as ``retired``

    Returns
    -------
    dict
        How many of each were written.
    """
    known = library() if rules is None else rules
    shared = shared_libraries(known.rules)
    written = dict.fromkeys(("plan-definitions", "libraries", "cql", "cases"), 0)

    def write(kind: str, name: str, content: bytes) -> None:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        write_bytes(folder / kind / name, content)
        written[kind] += 1

    for name, text in shared.items():
        version = RECORD_VERSION if name == RECORD else CONCEPTS_VERSION
        write("cql", f"{name}.cql", text.encode())
        write("libraries", f"{name}.json", to_json(library_resource(name, version, text)))
    for rule in known.rules:
        text = library_of(rule)
        write("cql", f"{rule.name}.cql", text.encode())
        resource = library_resource(rule.name, rule.version, text, includes=shared)
        write("libraries", f"{rule.name}.json", to_json(resource))
        write("plan-definitions", f"{rule.name}.json", to_json(plan_definition(rule, today)))
        for number, case in enumerate(rule.cases, start=1):
            told = {
                "library": rule.name, "as_of": MOMENT.isoformat(), "expect": case.expect,
                "bundle": case_bundle(rule, case),
            }  # fmt: skip
            write("cases", f"{rule.name}.{number}.json", to_json(told))
    return {**written, "rules": len(known.rules), "version": known.version, "out": str(folder)}


def plan_definition(rule: Rule, today: date) -> dict[str, Any]:
    """The PlanDefinition of `rule`: one action, proposed where the rule's CQL ``Fires``."""
    citations = [_citation(each) for each in rule.evidence]
    action: dict[str, Any] = {
        "extension": [_coded(STRENGTH, rule.grade.system, rule.grade.code, rule.grade.words)],
        "title": rule.title,
        "description": rule.do.what,
        "textEquivalent": rule.text.summary,
        "code": [{"coding": [{"system": f"{RULE}:action", "code": rule.do.kind}]}],
        "documentation": citations,
        "condition": [
            {
                "kind": "applicability",
                "expression": {
                    "description": "The rule's own answer, of five: fires",
                    "language": "text/cql",
                    "expression": "Fires",
                },
            }
        ],
        "selectionBehavior": "at-most-one",
        "requiredBehavior": "could",
    }
    if rule.grade.level:
        action["extension"].append(
            _coded(QUALITY, rule.grade.system, rule.grade.level, f"level {rule.grade.level}")
        )
    return {
        "resourceType": "PlanDefinition",
        "id": rule.name.replace("_", "-")[:64],
        "url": f"{RULE}:{rule.name}",
        "version": rule.version,
        "name": rule.name,
        "title": rule.title,
        "type": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/plan-definition-type",
                    "code": "eca-rule",
                }
            ]
        },
        "status": "retired" if rule.is_expired(today) else "active",
        "experimental": False,
        "description": rule.text.why,
        "usage": "A proposal to a clinician, never an order. "
        + "Reasons to override it: "
        + ", ".join(rule.override)
        + ".",
        "effectivePeriod": {"end": rule.review_by.isoformat()},
        "topic": [{"text": rule.topic}],
        "relatedArtifact": citations,
        "library": [f"{LIBRARY}:{rule.name}|{rule.version}"],
        "action": [action],
    }


def library_resource(
    name: str, version: str, text: str, *, includes: Iterable[str] = ()
) -> dict[str, Any]:
    """The Library resource that holds a CQL library."""
    resource: dict[str, Any] = {
        "resourceType": "Library",
        "id": name.replace("_", "-")[:64],
        "url": f"{LIBRARY}:{name}",
        "version": version,
        "name": name,
        "status": "active",
        "type": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/library-type",
                    "code": "logic-library",
                }
            ]
        },
        "content": [{"contentType": "text/cql", "data": base64.b64encode(text.encode()).decode()}],
    }
    if includes:
        resource["relatedArtifact"] = [
            {"type": "depends-on", "resource": f"{LIBRARY}:{each}"} for each in includes
        ]
    return resource


def _coded(url: str, system: str, code: str, words: str) -> dict[str, Any]:
    coding = {"system": f"{RULE}:grade:{system}", "code": code.replace(" ", "-")}
    return {"url": url, "valueCodeableConcept": {"coding": [coding], "text": words}}


def _citation(evidence: Evidence) -> dict[str, Any]:
    said = evidence.citation if evidence.note is None else f"{evidence.citation}. {evidence.note}"
    artifact = {"type": "citation", "citation": said}
    address = f"https://doi.org/{evidence.doi}" if evidence.doi else evidence.url
    return artifact if address is None else {**artifact, "url": address}
