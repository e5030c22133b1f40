"""What a privacy officer reads and does: find, review, account, check; nobody else does."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from hospital import DORA, MALICIOUS, NEWBORN, SCRIPT, make_workspace
from pages import outline, signed_in

from lifecourse.privacy.access.cedar import SHIPPED
from lifecourse.privacy.audit import AuditLog
from lifecourse.privacy.browsing import Sought, newest
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.serve import create_app, officer
from lifecourse.serve.auth import COOKIE, local_issuer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


@pytest.fixture
def log(workspace: Path) -> AuditLog:
    return AuditLog(workspace / "audit")


@pytest.fixture
def odo(workspace: Path) -> TestClient:
    return client_of(workspace, "odo")


def client_of(workspace: Path, name: str) -> TestClient:
    client = TestClient(
        create_app(workspace), base_url="http://127.0.0.1:8000", follow_redirects=False
    )
    token = local_issuer(workspace).session_token(Actor(name=name, role="privacy_officer"))
    client.cookies.set(COOKIE, token)
    client.headers["origin"] = str(client.base_url)
    return client


def did(log: AuditLog, who: str, action: str, target: str, **told: Any) -> None:
    purpose = told.pop("purpose", Purpose.DIRECT_CARE)
    log.record(actor=Actor(name=who, role="clinician"), purpose=purpose, action=action, target=target, **told)  # fmt: skip


def broken_glass(log: AuditLog, who: str = "ben", whom: int = DORA) -> int:
    did(log, who, "break the glass", f"subject/{whom}", emergency=True, reason=f"asleep {SCRIPT}")
    number = len(list(log.lines()))
    did(log, who, "look", f"subject/{whom}", emergency=True)
    did(log, who, "look", f"subject/{whom}", emergency=True)
    return number


def told(client: TestClient, **query: Any) -> dict[str, Any]:
    answer = client.get("/api/audit", params=query)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def test_the_page_says_who_looked_at_whom_and_what_was_refused(
    workspace: Path, odo: TestClient
) -> None:
    ada = signed_in(workspace)
    ada.get(f"/patients/{DORA}?years=5")
    ada.get("/audit")
    ada.get("/?q=73")
    rows = told(odo)["entries"]
    assert [(r["actor"], r["action"], r["outcome"]) for r in rows[:3]] == [
        ("ada", "search people", "success"),
        ("ada", "audit look", "refused"),
        ("ada", "look", "success"),
    ]
    assert rows[0]["whom"]["people"] == [DORA]
    assert rows[2]["whom"]["subject_id"] == DORA
    assert rows[2]["query"] == ["years"]
    html = odo.get("/audit").text
    page = outline(html)
    assert page.handlers == []
    assert f"/audit/people/{DORA}" in page.links
    assert "<strong>Whole.</strong>" in html


def test_an_emergency_is_reviewed_once_and_the_review_is_an_entry(
    log: AuditLog, odo: TestClient
) -> None:
    number = broken_glass(log)
    (open_,) = told(odo)["to_review"]
    assert (open_["seq"], open_["actor"], open_["looks"]) == (number, "ben", 2)
    html = odo.get("/audit").text
    assert SCRIPT not in html
    outline(html)
    answer = odo.post(f"/audit/{number}/review", data={"verdict": "justified", "note": "seen"})
    assert answer.status_code == 303
    found = told(odo)
    assert found["to_review"] == []
    (done,) = found["reviewed"]
    assert (done["review"]["actor"], done["review"]["verdict"], done["review"]["reason"]) == (
        "odo", "justified", "seen",
    )  # fmt: skip
    entry = next(newest(log, Sought(action="review")))
    assert (entry["target"], entry["reviews"]) == (f"subject/{DORA}", number)
    assert "seen" not in log.path.read_text()
    log.verify()


def test_a_failed_review_reviews_nothing(log: AuditLog, odo: TestClient) -> None:
    number = broken_glass(log)
    assert odo.post(f"/audit/{number}/review", data={"verdict": "fine"}).status_code == 400
    assert odo.post(f"/audit/{number + 1}/review", data={"verdict": "justified"}).status_code == 404
    assert odo.post("/audit/99999/review", data={"verdict": "justified"}).status_code == 404
    assert odo.post("/audit/0/review", data={"verdict": "justified"}).status_code == 404
    assert len(told(odo)["to_review"]) == 1


def test_nobody_reviews_their_own_emergency(log: AuditLog, odo: TestClient) -> None:
    number = broken_glass(log, who="odo")
    assert odo.post(f"/audit/{number}/review", data={"verdict": "justified"}).status_code == 403
    assert "another officer reviews it" in odo.get("/audit").text
    assert len(told(odo)["to_review"]) == 1


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ({"who": "ada"}, {"look", "search people"}),
        ({"whom": str(NEWBORN)}, {"look", "search people"}),
        ({"what": "search"}, {"search people"}),
        ({"outcome": "refused"}, {"export plan"}),
        ({"purpose": "research"}, {"predict"}),
        ({"who": "eva", "whom": str(NEWBORN)}, set()),
        ({"whom": "555"}, set()),
        ({"since": "2031-01-01"}, set()),
        ({"until": "2019-01-01"}, set()),
        ({"who": "ada", "since": "2020-01-01", "until": "2100-01-01"}, {"look", "search people"}),
        ({"who": 'ad"a'}, set()),
    ],
)
def test_the_list_is_narrowed(
    log: AuditLog, odo: TestClient, query: dict[str, str], actions: set[str]
) -> None:
    did(log, "ada", "look", f"subject/{NEWBORN}")
    did(log, "ada", "search people", "people", people=[NEWBORN, MALICIOUS])
    did(log, "ben", "export plan", f"subject/{DORA}", outcome="refused")
    did(log, "eva", "predict", "store", purpose=Purpose.RESEARCH, people=range(60), rows=60)
    assert {row["action"] for row in told(odo, **query)["entries"]} == actions


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"whom": "Zebulon"},
        {"what": "x"},
        {"outcome": "x"},
        {"purpose": "x"},
        {"page": 0},
    ],
)
def test_what_the_page_does_not_offer_is_refused(odo: TestClient, query: dict[str, Any]) -> None:
    assert odo.get("/api/audit", params=query).status_code in (400, 422)


def test_pages_of_entries_are_all_of_them_once(log: AuditLog, odo: TestClient) -> None:
    for number in range(120):
        did(log, "ada", "look", f"subject/{number}")
    first, second, third = (told(odo, who="ada", page=n) for n in (1, 2, 3))
    shown = [row["seq"] for page in (first, second, third) for row in page["entries"]]
    assert len(shown) == len(set(shown)) == 120
    assert shown == sorted(shown, reverse=True)
    assert (first["more"], third["more"]) == (True, False)
    assert "page=3" in odo.get("/audit?who=ada&page=2").text


def test_the_accounting_of_a_person_lists_what_is_not_exempt(
    log: AuditLog, odo: TestClient
) -> None:
    did(log, "ada", "look", f"subject/{DORA}")
    did(log, "eva", "look", f"subject/{DORA}", purpose=Purpose.RESEARCH)
    path = f"/api/audit/people/{DORA}"
    found = odo.get(path).json()["data"]
    assert [row["recipient"] for row in found["disclosures"]] == ["eva"]
    everything = odo.get(path, params={"everything": "true"}).json()["data"]["disclosures"]
    assert {"ada", "eva", "odo"} == {row["recipient"] for row in everything}
    html = odo.get(f"/audit/people/{DORA}").text
    outline(html)
    assert "eva" in html
    assert "need no accounting" in html
    assert odo.get(path, params={"since": "2026-02-31"}).status_code == 400


def test_a_changed_log_is_said_to_be_changed(log: AuditLog, odo: TestClient) -> None:
    did(log, "ada", "look", f"subject/{DORA}")
    log.path.write_text(log.path.read_text().replace('"ada"', '"eve"'))
    assert told(odo)["integrity"]["state"] == "damaged"
    assert "Not whole" in odo.post("/audit/verify").text


def test_a_long_log_is_checked_when_asked_and_drawn_from_where_it_was_read(
    log: AuditLog, odo: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        did(log, "ada", "look", f"subject/{number}")
    monkeypatch.setattr(officer, "CHECKED_BYTES", 100)
    monkeypatch.setattr(officer, "DRAWN_BYTES", 2000)
    found = told(odo)
    assert found["integrity"]["state"] == "not checked"
    assert found["activity"]["rows"] == []
    answer = odo.post("/audit/verify")
    assert "<strong>Whole.</strong>" in answer.text
    assert next(newest(log, Sought(action="audit verify")))["verdict"] == "whole"


def test_who_was_erased_is_named_nowhere(log: AuditLog, odo: TestClient) -> None:
    broken_glass(log, whom=555000111)
    did(log, "ada", "search people", "people", people=[555000111, DORA])
    log.forget(555000111)
    text = odo.get("/audit").text
    assert "555000111" not in text
    assert "asleep" not in text
    assert "somebody who was erased since" in text
    number = told(odo)["to_review"][0]["seq"]
    assert odo.post(f"/audit/{number}/review", data={"verdict": "justified"}).status_code == 303
    assert told(odo)["to_review"] == []


def test_a_policy_of_the_house_closes_the_log_to_an_officer(workspace: Path) -> None:
    folder = workspace / "policies"
    shutil.copytree(SHIPPED, folder)
    (folder / "no-audit.cedar").write_text(
        '@id("not-here") forbid (principal, action == Action::"audit", resource);\n'
    )
    with (workspace / "lifecourse.yaml").open("a") as settings:
        settings.write("access:\n  policies: policies\n")
    odo = client_of(workspace, "odo")
    assert odo.get("/audit").status_code == 403
    assert odo.get(f"/api/audit/people/{DORA}").status_code == 403
