"""A hospital with rules: who treats whom, protected labels, consents; in two worlds that differ in closed rows alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fhirs import LOINC, RXNORM, SNOMED, concept, write_ndjson

from lifecourse.base.files import write_json
from lifecourse.cli.plan import write_plans
from lifecourse.privacy.pseudonyms import subject_id
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.consenting import keep_consents
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
ADA = Actor(name="ada", role="clinician")
KEEPER = Actor(name="keeper")
RULES = """\
access:
  treatment_relationship: required
  protected: [substance_use, hiv]
"""
PEOPLE = ("dora", "carl", "nils", "gina", "eve", "fred")
TREATED = ("dora", "carl", "nils", "gina")
"""By Ada; Gina denied everything, Eve and Fred are others' patients."""
ID = {name: subject_id("fhir", name) for name in PEOPLE}
CANARY = "Zwetschgenknödel"
"""Is in every closed row, and nowhere else."""


def _patient(name: str, family: str, born: str, sex: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": name, "gender": sex, "birthDate": born,
        "name": [{"family": family, "given": [name.title()]}],
        "identifier": [{"system": "urn:mrn", "value": f"mrn-{name}"}],
    }  # fmt: skip


def _condition(
    who: str, code: str, when: str, system: str = ICD, words: str | None = None
) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": f"{who}-{code.replace('.', '-')}", "subject": {"reference": f"Patient/{who}"},
        "code": concept(system, code, words), "recordedDate": when,
    }  # fmt: skip


def _measured(
    who: str, code: str, when: str, value: float, unit: str, words: str | None = None
) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": f"{who}-{code}-{when[:10]}", "status": "final",
        "subject": {"reference": f"Patient/{who}"}, "code": concept(LOINC, code, words), "effectiveDateTime": when,
        "issued": when, "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }  # fmt: skip


def _medicine(who: str, code: str, when: str, words: str | None = None) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest", "id": f"{who}-{code}", "status": "active", "intent": "order",
        "subject": {"reference": f"Patient/{who}"}, "medicationCodeableConcept": concept(RXNORM, code, words),
        "authoredOn": when,
    }  # fmt: skip


def open_rows() -> Iterator[dict[str, Any]]:
    """What Ada may see."""
    yield _patient("dora", "Diabelli", "1962-05-01", "female")
    yield _patient("carl", "Czerny", "1970-02-03", "male")
    yield _patient("nils", "Newborn", "2025-11-20", "male")
    yield _condition("dora", "44054006", "2016-03-01T09:00:00Z", SNOMED, "Diabetes mellitus type 2")
    yield _condition("dora", "I10", "2018-06-01T09:00:00Z")
    yield _medicine("dora", "860975", "2016-03-02T09:00:00Z")
    yield _condition("carl", "I10", "2015-06-01T09:00:00Z")
    for year in range(2016, 2026):
        yield _measured("dora", "4548-4", f"{year}-03-01T09:00:00Z", 6.4 + 0.2 * (year - 2016), "%")
        yield _measured("dora", "2089-1", f"{year}-03-01T10:00:00Z", 131.0, "mg/dL")
        yield _measured("dora", "8480-6", f"{year}-03-01T09:00:00Z", 142.0, "mm[Hg]")
        yield _measured("carl", "8480-6", f"{year}-05-01T09:00:00Z", 151.0, "mm[Hg]")


def closed_rows() -> Iterator[dict[str, Any]]:
    """What Ada may not: protected codes of Dora and Carl, Gina whole (she denied it), Eve and Fred whole."""
    yield _condition("dora", "F10.20", "2026-01-01T09:00:00Z", words=CANARY)
    yield _condition("dora", "F11.20", "2014-01-01T09:00:00Z", words=CANARY)
    yield _medicine("dora", "6813", "2026-02-01T09:00:00Z", CANARY)
    yield _measured("dora", "20447-9", "2026-03-01T09:00:00Z", 40, "{copies}/mL", CANARY)
    yield _condition("carl", "B20", "2026-04-01T09:00:00Z", words=CANARY)
    yield _measured("carl", "75626-2", "2026-04-02T09:00:00Z", 9, "{score}", CANARY)
    for name, family in (("gina", CANARY), ("eve", CANARY), ("fred", f"{CANARY}son")):
        yield _patient(name, family, "1950-01-01", "female")
        yield _condition(name, "I48.0", "2026-06-01T09:00:00Z", words=CANARY)
        yield _condition(name, "E11.9", "2011-06-01T09:00:00Z", words=CANARY)
        yield _measured(name, "8480-6", "2026-09-01T09:00:00Z", 171.0, "mm[Hg]")
        yield _measured(name, "2160-0", "2026-09-01T09:00:00Z", 1.9, "mg/dL", CANARY)


CONSENTS = (
    {"resourceType": "Consent", "id": "gina-denies", "status": "active", "patient": {"reference": "Patient/gina"},
     "policyRule": {"coding": [{"code": "OPTOUT"}]}},
    {"resourceType": "Consent", "id": "carl-mostly", "status": "active", "patient": {"reference": "Patient/carl"},
     "policyRule": {"coding": [{"code": "OPTIN"}]},
     "provision": {"provision": [{"type": "deny", "securityLabel": [{"code": "HIV"}]}]}},
)  # fmt: skip


def make_house(root: Path, *, closed: bool, rules: str = RULES) -> Path:
    """A workspace with rules, plans that a run made before it had any, and a consent or two; `closed` adds closed rows."""
    workspace, source = root / "workspace", root / "source"
    source.mkdir(parents=True)
    workspace.mkdir()
    rows = [
        *open_rows(),
        *(closed_rows() if closed else [_patient("gina", "x", "1950-01-01", "female")]),
    ]
    write_ndjson(
        source / "records.ndjson", sorted(rows, key=lambda row: row["resourceType"] != "Patient")
    )
    (workspace / "lifecourse.yaml").write_text("timezone: UTC\n")
    ingest(source, workspace / "store", kind="fhir", identifiability=Identifiability.IDENTIFIED)
    timeline = open_timeline(workspace, actor=KEEPER, purpose=Purpose.DIRECT_CARE)
    write_plans(timeline, workspace / "plans")
    write_json(
        workspace / "models" / "mortality_1y" / "outcome.json",
        {"task": "mortality_1y", "outcome": "abstention", "n_events": 3, "n_needed": 100},
    )
    consents = source / "consents.json"
    consents.write_text(
        json.dumps({"resourceType": "Bundle", "entry": [{"resource": c} for c in CONSENTS]})
    )
    report = keep_consents(workspace, consents, actor=KEEPER, purpose=Purpose.OPERATIONS)
    assert report["of_nobody"] == 0
    team = workspace / "access" / "care_team.csv"
    team.write_text(
        "\n".join(["actor,subject_id,from,until", *(f"ada,{ID[n]},," for n in TREATED)]) + "\n"
    )
    (workspace / "lifecourse.yaml").write_text(f"timezone: UTC\n{rules}")
    return workspace
