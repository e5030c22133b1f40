"""CDS Hooks 2.0, called as an EHR calls it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hospital import make_workspace

from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor
from lifecourse.serve.auth import local_issuer
from lifecourse.serve.feedback import REASONS
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

SERVICE = "/cds-services/lifecourse-patient-view"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
INJECTED = "[click](https://evil.example) <img src=x>"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("hooks"), rows=[])


@pytest.fixture
def ehr(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    from fastapi.testclient import TestClient

    from lifecourse.serve import create_app

    def fires(*_: Any) -> dict[str, Any]:
        long = {"name": "long", "title": "x" * 300, "answer": "fires", "reason": INJECTED}
        others = [{"name": f"r{n}", "title": "Do", "answer": "fires"} for n in range(5)]
        return {"recommendations": [long, *others]}

    monkeypatch.setattr("lifecourse.serve.patient.plan_of", fires)
    client = TestClient(create_app(workspace), base_url="http://127.0.0.1:8000")
    token = local_issuer(workspace).service_token(Actor(name="ehr", role="service"))
    client.headers["authorization"] = f"Bearer {token}"
    return client


def request_for(patient_id: str = "p1", **prefetch: Any) -> dict[str, Any]:
    empty = ("conditions", "observations", "medications", "encounters", "procedures", "allergies")
    sent = {
        "patient": {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1960-01-01"},
        **dict.fromkeys(empty),
        **prefetch,
    }  # fmt: skip
    return {
        "hook": "patient-view",
        "hookInstance": INSTANCE,
        "context": {"userId": "Practitioner/1", "patientId": patient_id},
        "prefetch": {key: value for key, value in sent.items() if value != "absent"},
    }


def condition(subject: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": subject},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]},
        "recordedDate": "2020-01-01T00:00:00Z",
    }


def bundle(*resources: dict[str, Any], link: str = "self") -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": link, "url": "https://ehr.example/page"}],
        "entry": [{"resource": resource} for resource in resources],
    }


def test_discovery_names_the_service_and_its_prefetch(ehr: TestClient) -> None:
    (service,) = ehr.get("/cds-services").json()["services"]
    assert service["hook"] == "patient-view"
    assert SERVICE.endswith(service["id"])
    assert all("{{context.patientId}}" in query for query in service["prefetch"].values())
    assert service["title"]
    assert service["description"]


@pytest.mark.parametrize("path", ["/cds-services", SERVICE, f"{SERVICE}/feedback"])
def test_a_client_without_a_token_is_refused_without_detail(ehr: TestClient, path: str) -> None:
    del ehr.headers["authorization"]
    answer = ehr.get(path) if path == "/cds-services" else ehr.post(path, json=request_for())
    assert answer.status_code == 401
    assert set(answer.json()) == {"error"}


def test_cards_are_few_short_sourced_and_the_same_each_time(ehr: TestClient) -> None:
    answer = ehr.post(SERVICE, json=request_for(conditions=bundle(condition("Patient/p1"))))
    assert answer.status_code == 200
    cards = answer.json()["cards"]
    assert len(cards) == 3
    for card in cards:
        assert len(card["summary"]) < 140
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"]
        assert {reason["code"] for reason in card["overrideReasons"]} == set(REASONS)
    assert len({card["uuid"] for card in cards}) == 3
    again = ehr.post(SERVICE, json=request_for(conditions=bundle(condition("Patient/p1"))))
    assert again.json() == answer.json()


def test_words_of_a_record_are_not_markdown_in_a_card(ehr: TestClient) -> None:
    detail = ehr.post(SERVICE, json=request_for()).json()["cards"][0]["detail"]
    assert "\\[click\\]\\(https" in detail
    assert "<img" not in detail.replace("\\<", "")


@pytest.mark.parametrize(
    "resource",
    [condition("Patient/p2"), condition("https://ehr.example/Patient/p2"), {"resourceType": "Patient", "id": "p2"},
     {**condition("Patient/p1"), "subject": {"display": "somebody"}}],
)  # fmt: skip
def test_a_resource_of_another_patient_is_refused(
    ehr: TestClient, resource: dict[str, Any]
) -> None:
    answer = ehr.post(SERVICE, json=request_for(conditions=bundle(resource)))
    assert answer.status_code == 400
    assert answer.json()["error"]["number"] == 142
    assert "p2" not in answer.text


def test_a_context_of_another_patient_is_refused(ehr: TestClient) -> None:
    assert ehr.post(SERVICE, json=request_for("p9")).status_code == 400


@pytest.mark.parametrize(
    "prefetch",
    [
        {"patient": "absent"},
        {"patient": None},
        {"observations": "absent"},
        {"observations": {"resourceType": "OperationOutcome", "issue": []}},
        {"observations": bundle(link="next")},
    ],
)
def test_what_was_not_or_not_all_sent_is_412(ehr: TestClient, prefetch: dict[str, Any]) -> None:
    answer = ehr.post(SERVICE, json=request_for(**prefetch))
    assert answer.status_code == 412
    assert answer.json()["error"]["message"]


def test_no_prefetch_at_all_is_412(ehr: TestClient) -> None:
    body = request_for()
    del body["prefetch"]
    assert ehr.post(SERVICE, json=body).status_code == 412


@pytest.mark.parametrize(
    "change", [{"hookInstance": "no uuid"}, {"context": {}}, {"hook": None}, {"prefetch": "text"}]
)
def test_a_malformed_request_is_refused_without_quoting_it(
    ehr: TestClient, change: dict[str, Any]
) -> None:
    answer = ehr.post(SERVICE, json={**request_for(), **change})
    assert answer.status_code == 422
    assert "no uuid" not in answer.text


def test_nobody_gets_cards_after_death(ehr: TestClient) -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "gender": "female",
        "birthDate": "1940-01-01",
        "deceasedDateTime": "2020-01-01T00:00:00Z",
    }
    assert ehr.post(SERVICE, json=request_for(patient=patient)).json() == {"cards": []}


def test_a_hook_is_audited_and_nothing_of_it_is_stored(ehr: TestClient, workspace: Path) -> None:
    ehr.post(SERVICE, json=request_for(conditions=bundle(condition("Patient/p1"))))
    last = list(AuditLog(workspace / "audit").entries())[-1]
    assert (last["actor"], last["purpose"], last["action"]) == ("ehr", "direct_care", "look")
    files = [path for path in workspace.rglob("*") if path.is_file()]
    assert not [path for path in files if b"44054006" in path.read_bytes()]


def test_feedback_is_kept(ehr: TestClient, workspace: Path) -> None:
    item = {
        "card": INSTANCE,
        "outcome": "overridden",
        "overrideReason": {"reason": {"code": "patient-declined", "system": "x"}, "userComment": "no"},
        "outcomeTimestamp": "2026-11-25T04:00:00Z",
    }  # fmt: skip
    answer = ehr.post(f"{SERVICE}/feedback", json={"feedback": [item, item]})
    assert answer.status_code == 200
    path = workspace / "audit" / "answers.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["reason"] for line in lines[-2:]] == ["patient-declined"] * 2
    assert path.stat().st_mode & 0o777 == 0o600
    bad = {"feedback": [{**item, "outcome": "ignored"}]}
    assert ehr.post(f"{SERVICE}/feedback", json=bad).status_code == 422


def test_an_empty_chart_has_a_view() -> None:
    from lifecourse.serve.patient import view_of

    rows = pl.DataFrame({"subject_id": [1], "code": ["SEX//female"]})
    view = view_of(timeline_from_events(rows).chart(1), risks=[])
    assert view["as_of"] is None
    assert view["plan"]["fires"] == []
