"""AuditEvents are FHIR R4 and keep the rules of the BALP profiles that they name."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from lifecourse.privacy.acts import OUTCOMES
from lifecourse.privacy.audit import AuditLog
from lifecourse.privacy.balp import PROFILE, audit_events
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.serve.auditing import RULES

if TYPE_CHECKING:
    from pathlib import Path

WHO = Actor(name="dr.test", role="clinician")
COMMANDS = (
    "open",
    "look at all",
    "predict",
    "ingest",
    "erase",
    "back up",
    "link",
    "audit export",
    "list names",
)
ACTIONS = sorted(
    {rule.action.replace("{name}", "x") for rule in RULES.values() if rule} | set(COMMANDS)
)
PERSON, CLIENT_GIVES, CLIENT_TAKES = "1", "110153", "110152"
# Of each profile: action, subtype, the client's part and what entity besides the patient there is (BALP 1.1, FSH).
RULES_OF = {
    "Read": ("R", "read", CLIENT_TAKES, "4"),
    "Query": ("E", "search", CLIENT_GIVES, "24"),
    "Create": ("C", "create", CLIENT_GIVES, "4"),
    "Delete": ("D", "delete", CLIENT_GIVES, "4"),
    "PrivacyDisclosure.Source": ("R", "disclose", CLIENT_TAKES, "4"),
}


def events_of(folder: Path, **told: Any) -> list[dict[str, Any]]:
    log = AuditLog(folder)
    log.record(**{"actor": WHO, "purpose": Purpose.DIRECT_CARE, "target": "store", **told})
    return list(audit_events(log))


def code_of(coded: dict[str, Any]) -> str:
    return str(coded["coding"][0]["code"] if "coding" in coded else coded["code"])


def check_profile(event: dict[str, Any]) -> None:
    """The rules of a profile that fhir.resources does not know."""
    profile = event["meta"]["profile"][0].removeprefix(PROFILE)
    is_of_patient = profile.startswith(("Patient", "Privacy"))
    action, subtype, client, role = RULES_OF[profile.removeprefix("Patient")]
    assert (event["action"], event["subtype"][0]["code"], event["outcome"]) == (
        action,
        subtype,
        "0",
    )
    agents = {code_of(agent["type"]): agent for agent in event["agent"]}
    assert len(agents) == len(event["agent"]) == 3
    other = CLIENT_GIVES if client == CLIENT_TAKES else CLIENT_TAKES
    assert agents[other]["who"] == event["source"]["observer"]
    for place in (client, other):
        assert agents[place]["who"]
        assert agents[place]["network"]["address"]
        assert not agents[place]["requestor"]
    person = next(agent for code, agent in agents.items() if code in ("IRCP", "AUT"))
    assert person["requestor"]
    assert "network" not in person
    kinds = [entity["type"]["code"] for entity in event["entity"]]
    assert kinds.count("2") == 1
    assert kinds.count(PERSON) == int(is_of_patient)
    data = next(entity for entity in event["entity"] if entity["type"]["code"] == "2")
    assert data["role"]["code"] == role
    if role == "24":
        assert "what" not in data
        assert "detail" not in data
        assert base64.b64decode(data["query"])
    else:
        assert data["what"]
    if is_of_patient:
        patient = event["entity"][0]
        assert (patient["role"]["code"], patient["what"]["type"]) == ("1", "Patient")


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("target", ["subject/7", "store"])
def test_every_action_is_an_audit_event_of_its_profile(
    tmp_path: Path, action: str, target: str
) -> None:
    for purpose in Purpose:
        for outcome in OUTCOMES:
            events_of(
                tmp_path, action=action, target=target, outcome=outcome, purpose=purpose,
                client="ehr", token="t1", address="10.0.0.7", query=["years"], policies=["own-ward"],
                models=["m@1"], rows=3, emergency=outcome == "success", reason="asleep",
            )  # fmt: skip
    profiled = 0
    for event in audit_events(AuditLog(tmp_path)):
        AuditEvent.model_validate(event)
        if "meta" in event:
            profiled += 1
            check_profile(event)
        else:
            is_of_all = target == "store" and code_of(event["purposeOfEvent"][0]) in (
                "HRESCH",
                "BTG",
            )
            is_rest = action.split()[0] in ("look", "search", "erase")
            assert (
                event["outcome"] != "0" or not is_rest or is_of_all
            )  # a disclosure is of a person
    if action == "look" and target != "store":
        assert profiled == len(Purpose)


def test_a_look_names_patient_person_program_token_policy_and_purpose(tmp_path: Path) -> None:
    told = {
        "client": "ehr",
        "token": "t1",
        "issuer": "https://id.example",
        "policies": ["own-ward"],
    }
    (event,) = events_of(tmp_path, action="look", target="subject/7", **told)
    alias = AuditLog(tmp_path).alias_of(7)
    assert event["meta"]["profile"] == [f"{PROFILE}PatientRead"]
    assert event["entity"][0]["what"]["identifier"]["value"] == alias
    person = event["agent"][2]
    assert person["policy"] == ["urn:lifecourse:policy:own-ward", "urn:ietf:params:oauth:jti:t1"]
    assert person["who"]["identifier"] == {"system": "https://id.example", "value": "dr.test"}
    assert code_of(event["purposeOfEvent"][0]) == "TREAT"
    assert event["agent"][0]["who"] == {"display": "ehr"}
    assert b"subject" not in orjson.dumps(event)


def test_a_list_is_an_event_for_each_person_it_showed(tmp_path: Path) -> None:
    events = events_of(tmp_path, action="search people", target="people", people=[1, 2, 3])
    assert [event["id"] for event in events] == ["audit-1-1", "audit-1-2", "audit-1-3"]
    assert {event["meta"]["profile"][0] for event in events} == {f"{PROFILE}PatientQuery"}
    assert len({event["entity"][0]["what"]["identifier"]["value"] for event in events}) == 3


def test_research_on_a_person_is_a_disclosure_and_an_emergency_says_so(tmp_path: Path) -> None:
    first, second = [
        events_of(tmp_path / name, action="look", target="subject/7", **told)[0]
        for name, told in (
            ("research", {"purpose": Purpose.RESEARCH}),
            ("emergency", {"emergency": True, "reason": "asleep"}),
        )
    ]
    assert first["meta"]["profile"] == [f"{PROFILE}PrivacyDisclosure.Source"]
    assert code_of(first["purposeOfEvent"][0]) == "HRESCH"
    assert code_of(second["purposeOfEvent"][0]) == "BTG"
    assert second["subtype"][-1]["code"] == "110127"
    assert "asleep" not in orjson.dumps(second).decode()
