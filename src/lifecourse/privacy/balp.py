"""Entries of the audit log as FHIR R4 AuditEvents, in the patterns of IHE's Basic Audit Log Patterns (BALP 1.1).

The log's own line is short, so that it is written and synchronised for every request; what it says in FHIR is made of
it when somebody asks. A success names the profile that it follows; what was refused or failed has the same shape with
its outcome, for which BALP has no profile.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.privacy.acts import SUBJECT, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.privacy.audit import AuditLog

DCM = "http://dicom.nema.org/resources/ontology/DCM"
TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
REST = "http://hl7.org/fhir/restful-interaction"
LIFECYCLE = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PART = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
SOURCE = "http://terminology.hl7.org/CodeSystem/security-source-type"
PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
ALIAS = "urn:lifecourse:audit-alias"
SERVER = {"display": "lifecourse"}

PURPOSES = {"direct_care": "TREAT", "operations": "HOPERAT", "research": "HRESCH"}
EMERGENCY = "BTG"
OUTCOMES = {
    "success": "0",
    "not found": "4",
    "bad input": "4",
    "refused": "8",
    "not signed in": "8",
    "failed": "12",
}
GIVES, TAKES = "110153", "110152"  # DICOM: Source Role ID, Destination Role ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How an action is told.

    profile : BALP's name of it, without ``Patient`` before it; None where BALP has none
    type, subtype : (system, code)
    action : C, R, U, D or E
    client : whether the program that asks gives (`GIVES`) or takes (`TAKES`)
    part : what the person who asks is to what was asked
    """

    profile: str | None
    type: tuple[str, str]
    subtype: tuple[str, str]
    action: str
    client: str = GIVES
    part: str = "IRCP"


READ = Pattern(
    profile="Read", type=(TYPE, "rest"), subtype=(REST, "read"), action="R", client=TAKES
)
QUERY = Pattern(profile="Query", type=(TYPE, "rest"), subtype=(REST, "search"), action="E")
CREATE = Pattern(
    profile="Create", type=(TYPE, "rest"), subtype=(REST, "create"), action="C", part="AUT"
)
DELETE = Pattern(profile="Delete", type=(TYPE, "rest"), subtype=(REST, "delete"), action="D")
DISCLOSURE = Pattern(
    profile="PrivacyDisclosure.Source",
    type=(DCM, "110106"),
    subtype=(LIFECYCLE, "disclose"),
    action="R",
    client=TAKES,
)
IMPORT = Pattern(profile=None, type=(DCM, "110107"), subtype=(LIFECYCLE, "receive"), action="C")
LOGIN = Pattern(profile=None, type=(DCM, "110114"), subtype=(DCM, "110122"), action="E")
LOGOUT = Pattern(profile=None, type=(DCM, "110114"), subtype=(DCM, "110123"), action="E")
AUDIT = Pattern(profile=None, type=(DCM, "110101"), subtype=(REST, "read"), action="R")
OTHER = Pattern(profile=None, type=(DCM, "110100"), subtype=(REST, "operation"), action="E")

# By the first words of an action; the first that fits decides.
PATTERNS = {
    "look at all": QUERY,
    "look": READ,
    "read": READ,
    "list": QUERY,
    "search": QUERY,
    "predict": READ,
    "export": DISCLOSURE,
    "answer": CREATE,
    "judge": CREATE,
    "review entry": CREATE,
    "ingest": IMPORT,
    "erase": DELETE,
    "sign in": LOGIN,
    "sign out": LOGOUT,
    "audit": AUDIT,
    "account": AUDIT,
}


def audit_events(log: AuditLog) -> Iterator[dict[str, Any]]:
    """The entries as AuditEvents, oldest first; people by the log's alias, as it stands in the file.

    A list that showed several people is as many AuditEvents, one for each, as BALP has it.
    """
    for line in log.lines():
        entry = orjson.loads(line)
        people = entry.get("people", [])
        if entry["target"].startswith(SUBJECT):
            people = [entry["target"].removeprefix(SUBJECT).partition("/")[0]]
        for number, alias in enumerate(people or [None]):
            yield audit_event(entry, alias, f"-{number + 1}" if len(people) > 1 else "")


def audit_event(entry: dict[str, Any], alias: str | None, suffix: str = "") -> dict[str, Any]:
    """One entry as an AuditEvent about the person of `alias`, or about nobody."""
    pattern = _pattern(entry)
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": f"audit-{entry['seq']}{suffix}",
        "type": _coding(*pattern.type),
        "subtype": [_coding(*pattern.subtype), {"display": entry["action"]}],
        "action": pattern.action,
        "recorded": entry["time"],
        "outcome": OUTCOMES.get(entry["outcome"], "4"),
        "outcomeDesc": entry["outcome"],
        "purposeOfEvent": [_reason(entry)],
        "agent": [*_programs(entry, pattern), _person(entry, pattern)],
        "source": {"site": "lifecourse", "observer": SERVER, "type": [_coding(SOURCE, "4")]},
        "entity": [*_patient(alias), _what(entry, pattern), _facts(entry)],
    }
    profile = _profile(entry, pattern, alias)
    if profile:
        event = {**event, "meta": {"profile": [PROFILE + profile]}}
    if entry.get("emergency"):
        event["subtype"].append(_coding(DCM, "110127"))
    return event


def _pattern(entry: dict[str, Any]) -> Pattern:
    found = next((p for words, p in PATTERNS.items() if entry["action"].startswith(words)), OTHER)
    is_given_away = entry["purpose"] == "research" and found in (READ, QUERY)
    return DISCLOSURE if is_given_away else found


def _profile(entry: dict[str, Any], pattern: Pattern, alias: str | None) -> str | None:
    if pattern.profile is None or entry["outcome"] != SUCCESS:
        return None
    if pattern is DISCLOSURE:  # which is of a person
        return pattern.profile if alias else None
    return ("Patient" if alias else "") + pattern.profile


def _programs(entry: dict[str, Any], pattern: Pattern) -> list[dict[str, Any]]:
    address = entry.get("address")
    network = {"address": address or "localhost", "type": "2" if address else "1"}
    client = {"display": entry.get("client") or "browser"}
    server = TAKES if pattern.client == GIVES else GIVES
    return [
        {
            "type": _concept(DCM, code),
            "who": who,
            "requestor": False,
            "network": network if who is client else {"address": "localhost", "type": "1"},
        }
        for code, who in ((pattern.client, client), (server, SERVER))
    ]


def _person(entry: dict[str, Any], pattern: Pattern) -> dict[str, Any]:
    who: dict[str, Any] = {"display": entry["actor"]}
    if entry.get("issuer"):
        who["identifier"] = {"system": entry["issuer"], "value": entry["actor"]}
    agent: dict[str, Any] = {
        "type": _concept(PART, pattern.part),
        "who": who,
        "requestor": True,
        "role": [{"text": entry["role"] or "user"}],
        "purposeOfUse": [_reason(entry)],
    }
    policies = [f"urn:lifecourse:policy:{each}" for each in entry.get("policies", ())]
    if entry.get("token"):
        policies.append(f"urn:ietf:params:oauth:jti:{entry['token']}")
    return {**agent, "policy": policies} if policies else agent


def _patient(alias: str | None) -> list[dict[str, Any]]:
    if alias is None:
        return []
    what = {"type": "Patient", "identifier": {"system": ALIAS, "value": alias}}
    return [{"what": what, "type": _coding(ENTITY, "1"), "role": _coding(ROLE, "1")}]


def _what(entry: dict[str, Any], pattern: Pattern) -> dict[str, Any]:
    if pattern is QUERY:
        asked = "&".join(f"{name}=" for name in entry.get("query", ()))
        return {
            "type": _coding(ENTITY, "2"),
            "role": _coding(ROLE, "24"),
            # Never empty: FHIR has no empty content.
            "query": base64.b64encode(f"?{asked}".encode()).decode(),
        }
    of_person = entry["target"].startswith(SUBJECT)
    return {
        "what": {"display": "record" if of_person else entry["target"]},
        "type": _coding(ENTITY, "2"),
        "role": _coding(ROLE, "4"),
    }


def _facts(entry: dict[str, Any]) -> dict[str, Any]:
    """What FHIR has no place for: number and hash of the entry, rows, models, the size of a cohort."""
    facts = {
        "entry": entry["seq"],
        "hash": entry["hash"],
        "rows": entry.get("rows"),
        "models": " ".join(entry.get("models", ())),
        "cohort": entry.get("cohort", {}).get("size"),
        "cohort-hash": entry.get("cohort", {}).get("hash"),
        "reviews": entry.get("reviews"),
        "verdict": entry.get("verdict"),
    }
    told = [
        {"type": name, "valueString": str(value)}
        for name, value in facts.items()
        if value not in (None, "")
    ]
    return {"type": _coding(ENTITY, "4"), "detail": told}


def _reason(entry: dict[str, Any]) -> dict[str, Any]:
    code = EMERGENCY if entry.get("emergency") else PURPOSES.get(entry["purpose"], "HOPERAT")
    return _concept(REASON, code)


def _coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [_coding(system, code)]}
