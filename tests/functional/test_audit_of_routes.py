"""Every route, whatever becomes of the request, leaves one audit entry, on the disk before its answer leaves."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from hospital import DORA, make_workspace, write_meds
from pages import US

from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.serve import create_app
from lifecourse.serve.auditing import NOTHING, RULES
from lifecourse.serve.auth import COOKIE, local_issuer
from lifecourse.serve.cds_hooks.request import PREFETCH
from lifecourse.tasks.review import draw_charts
from lifecourse.tasks.verdicts import Reviews
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Message, Receive, Scope, Send

HOOK = "/cds-services/lifecourse-patient-view"
T2D = "/reviews/type_2_diabetes"
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1962-05-01"}
CARD = {
    "card": "9b1f0f3e-0000-4000-8000-000000000000",
    "outcome": "accepted",
    "outcomeTimestamp": "2026-11-25T04:00:00Z",
}
DRAW = {"each": "3", "purpose": "operations"}


def hook(patient: str = "p1") -> dict[str, Any]:
    prefetch = dict.fromkeys(PREFETCH)
    return {
        "hook": "patient-view",
        "hookInstance": CARD["card"],
        "context": {"userId": "Practitioner/1", "patientId": patient},
        "prefetch": {**prefetch, "patient": PATIENT},
    }


def role_of(route: tuple[str, str]) -> str:
    return "privacy_officer" if "/audit" in route[1] else "clinician"


def get(path: str) -> tuple[str, str, dict[str, Any]]:
    return ("GET", path, {})


def post(path: str, **given: Any) -> tuple[str, str, dict[str, Any]]:
    return ("POST", path, given)


LARGE = {"content": b"x" * (9 * 1024 * 1024)}
# What becomes of a request beyond "not signed in", which every route with a rule has: asked so, of a route.
REQUESTS: dict[tuple[str, str], dict[str, tuple[str, str, dict[str, Any]]]] = {
    ("GET", "/sign-in"): {"not signed in": get("/sign-in?token=made.up")},
    ("GET", "/sign-in/return"): {"not signed in": get("/sign-in/return?code=made&state=up")},
    ("POST", "/token"): {"not signed in": post("/token", data={"client_assertion": "made.up."})},
    ("POST", "/sign-out"): {"success": post("/sign-out")},
    ("GET", "/"): {"success": get("/?q=7310&page=1"), "bad input": get("/?page=one")},
    ("GET", "/api/patients"): {
        "success": get("/api/patients"),
        "bad input": get("/api/patients?page=1.5"),
    },
    ("GET", "/patients/{subject_id}"): {
        "success": get(f"/patients/{DORA}?years=5"),
        "not found": get("/patients/999"),
        "bad input": get("/patients/Zebulon"),
    },
    ("GET", "/api/patients/{subject_id}"): {
        "success": get(f"/api/patients/{DORA}"),
        "not found": get("/api/patients/999"),
        "bad input": get("/api/patients/Zebulon"),
    },
    ("GET", "/api/patients/{subject_id}/fhir"): {
        "success": get(f"/api/patients/{DORA}/fhir"),
        "not found": get("/api/patients/999/fhir"),
        "bad input": get("/api/patients/Zebulon/fhir"),
    },
    ("POST", "/patients/{subject_id}/break-glass"): {
        "success": post(
            f"/patients/{DORA}/break-glass", data={"reason": "unconscious, unknown drugs"}
        ),
        "bad input": post(f"/patients/{DORA}/break-glass", data={"reason": "hm"}),
    },
    ("POST", "/api/patients/{subject_id}/break-glass"): {
        "success": post(
            f"/api/patients/{DORA}/break-glass", json={"reason": "unconscious, unknown drugs"}
        ),
        "bad input": post(f"/api/patients/{DORA}/break-glass", json={"reason": 1}),
    },
    ("POST", "/patients/{subject_id}/answers"): {
        "not found": post(
            "/patients/999/answers", data={"recommendation": "x", "outcome": "accepted"}
        ),
        "bad input": post(
            f"/patients/{DORA}/answers", data={"recommendation": "x", "outcome": "y"}
        ),
    },
    ("GET", "/models"): {"success": get("/models")},
    ("GET", "/api/models"): {"success": get("/api/models")},
    ("GET", "/models/{name}"): {
        "success": get("/models/mortality_1y"),
        "not found": get("/models/Zebulon"),
    },
    ("GET", "/api/models/{name}"): {
        "success": get("/api/models/mortality_1y"),
        "not found": get("/api/models/Zebulon"),
    },
    ("GET", "/findings"): {"success": get("/findings")},
    ("GET", "/api/findings"): {"success": get("/api/findings")},
    ("GET", "/tasks"): {"success": get("/tasks")},
    ("GET", "/api/tasks"): {"success": get("/api/tasks")},
    ("GET", "/reviews"): {"success": get("/reviews")},
    ("GET", "/api/reviews"): {"success": get("/api/reviews")},
    ("GET", "/reviews/{name}"): {"success": get(T2D), "not found": get("/reviews/Zebulon")},
    ("GET", "/api/reviews/{name}"): {
        "success": get(f"/api{T2D}"),
        "not found": get("/api/reviews/Zebulon"),
    },
    ("POST", "/reviews/{name}"): {
        "success": post("/reviews/hypertension", data=DRAW),
        "not found": post("/reviews/Zebulon", data=DRAW),
        "bad input": post(T2D, data={"each": "many"}),
    },
    ("GET", "/reviews/{name}/charts/{number}"): {
        "success": get(f"{T2D}/charts/1"),
        "not found": get(f"{T2D}/charts/4000"),
        "bad input": get(f"{T2D}/charts/Zebulon"),
    },
    ("GET", "/api/reviews/{name}/charts/{number}"): {
        "success": get(f"/api{T2D}/charts/1"),
        "not found": get(f"/api{T2D}/charts/4000"),
        "bad input": get(f"/api{T2D}/charts/Zebulon"),
    },
    ("POST", "/reviews/{name}/charts/{number}"): {
        "success": post(f"{T2D}/charts/1", data={"answer": "yes"}),
        "not found": post(f"{T2D}/charts/4000", data={"answer": "yes"}),
        "bad input": post(f"{T2D}/charts/1", data={"answer": "perhaps"}),
    },
    ("GET", "/audit"): {"success": get("/audit"), "bad input": get("/audit?page=Zebulon")},
    ("GET", "/api/audit"): {
        "success": get("/api/audit?who=ada&outcome=success"),
        "bad input": get("/api/audit?what=Zebulon"),
    },
    ("POST", "/audit/verify"): {"success": post("/audit/verify")},
    ("POST", "/audit/{sequence}/review"): {
        "not found": post("/audit/1/review", data={"verdict": "justified"}),
        "bad input": post("/audit/1/review", data={"verdict": "Zebulon"}),
    },
    ("GET", "/audit/people/{subject_id}"): {
        "success": get(f"/audit/people/{DORA}?everything=true"),
        "bad input": get(f"/audit/people/{DORA}?since=Zebulon"),
    },
    ("GET", "/api/audit/people/{subject_id}"): {
        "success": get(f"/api/audit/people/{DORA}"),
        "bad input": get("/api/audit/people/Zebulon"),
    },
    ("GET", "/cds-services"): {"success": get("/cds-services")},
    ("POST", HOOK): {
        "success": post(HOOK, json=hook()),
        "bad input": post(HOOK, json=hook("p2")),
    },
    ("POST", f"{HOOK}/feedback"): {
        "success": post(f"{HOOK}/feedback", json={"feedback": [CARD]}),
        "bad input": post(f"{HOOK}/feedback", **LARGE),
    },
}
CASES = [
    (route, outcome, request) for route, by in REQUESTS.items() for outcome, request in by.items()
]


class Watched:
    """An application, and how many entries the log had when each answer began to leave."""

    def __init__(self, workspace: Path) -> None:
        self.app = create_app(workspace)
        self.log = AuditLog(workspace / "audit")
        self.at_start: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.at_start.append(len(list(self.log.lines())))
            await send(message)

        await self.app(scope, receive, watched)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_workspace(tmp_path_factory.mktemp("audited"))
    timeline = open_timeline(made, actor=Actor(name="ada"), purpose=Purpose.OPERATIONS)
    Reviews(made).keep(draw_charts(timeline, "type_2_diabetes", each=3, seed=1))
    return made


@pytest.fixture(scope="module")
def watched(workspace: Path) -> Watched:
    return Watched(workspace)


def client_of(
    watched: Watched, workspace: Path, *, signed_in: bool = True, role: str = "clinician"
) -> TestClient:
    client = TestClient(watched, base_url=US, headers={"origin": US}, follow_redirects=False)
    if signed_in:
        token = local_issuer(workspace).session_token(Actor(name="ada", role=role))
        client.cookies.set(COOKIE, token)
    return client


def only_entry(
    watched: Watched, client: TestClient, request: tuple[str, str, dict[str, Any]]
) -> tuple[dict[str, Any], int]:
    """The one entry that a request leaves before its answer, and the status of the answer."""
    before = len(list(watched.log.lines()))
    method, path, given = request
    status = client.request(method, path, **given).status_code
    entries = list(watched.log.entries())[before:]
    assert len(entries) == 1, (path, status, [entry["action"] for entry in entries])
    assert watched.at_start[-1] == before + 1, (
        "the answer began to leave before its entry was there"
    )
    return entries[0], status


def test_every_route_has_a_rule_and_is_asked_here() -> None:
    made = create_app_anywhere()
    routes = {
        (method, context.path)
        for context in iter_route_contexts(made.routes)
        for method in (getattr(context, "methods", None) or ())
    }
    assert len(routes) >= 27
    without = routes - set(RULES)
    assert not without, f"say in serve/auditing.py what the audit entry of {without} says"
    audited = {route for route, rule in RULES.items() if rule is not NOTHING}
    assert routes >= set(RULES), "a rule without a route"
    assert audited <= set(REQUESTS), f"ask {audited - set(REQUESTS)} here too"


def create_app_anywhere() -> Any:
    import tempfile
    from pathlib import Path

    return create_app(Path(tempfile.mkdtemp()))


@pytest.mark.parametrize(("route", "outcome", "request_"), CASES, ids=lambda each: str(each)[:60])
def test_what_becomes_of_a_request_is_one_entry_before_its_answer(
    watched: Watched,
    workspace: Path,
    route: tuple[str, str],
    outcome: str,
    request_: tuple[str, str, dict[str, Any]],
) -> None:
    rule = RULES[route]
    assert rule is not None
    role = role_of(route)
    entry, status = only_entry(watched, client_of(watched, workspace, role=role), request_)
    assert entry["outcome"] == outcome, status
    assert entry["action"].split()[0] == rule.action.split()[0]
    if (
        outcome != "not signed in" and status != 413
    ):  # too large a body is not read, nor who sends it
        assert (entry["actor"], entry["role"]) == ("ada", role)
        assert entry["token"]
    assert "Zebulon" not in json.dumps(entry)
    if "subject_id" in route[1] and outcome in ("success", "not found"):
        assert entry["target"] == f"subject/{999 if outcome == 'not found' else DORA}"


@pytest.mark.parametrize("route", [route for route, rule in RULES.items() if rule])
def test_who_is_not_signed_in_leaves_an_entry_and_gets_nothing(
    watched: Watched, workspace: Path, route: tuple[str, str]
) -> None:
    first = next(iter(REQUESTS[route].values()))
    client = client_of(watched, workspace, signed_in=False)
    entry, status = only_entry(watched, client, first)
    assert entry["actor"] == "not signed in"
    if route != ("POST", "/sign-out"):
        assert status == 401
        assert entry["outcome"] == "not signed in"
    if route[1] == "/patients/{subject_id}":
        assert entry["target"] == f"subject/{DORA}"


@pytest.mark.parametrize(
    "route", [route for route, rule in RULES.items() if rule and route[0] == "POST"]
)
def test_a_form_of_another_site_is_refused_with_an_entry(
    watched: Watched, workspace: Path, route: tuple[str, str]
) -> None:
    method, path, given = next(iter(REQUESTS[route].values()))
    foreign = (method, path, {**given, "headers": {"origin": "http://evil.example"}})
    entry, status = only_entry(watched, client_of(watched, workspace), foreign)
    assert (status, entry["outcome"]) == (403, "refused")


@pytest.mark.parametrize("route", [route for route in REQUESTS if role_of(route) != "clinician"])
def test_who_does_not_look_after_privacy_is_refused_the_log(
    watched: Watched, workspace: Path, route: tuple[str, str]
) -> None:
    asked = next(iter(REQUESTS[route].values()))
    entry, status = only_entry(watched, client_of(watched, workspace), asked)
    assert (status, entry["outcome"], entry["actor"]) == (403, "refused", "ada")


def test_what_goes_wrong_here_is_entered_too(
    watched: Watched, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecourse.serve.patient.plan_of", broken)
    entry, status = only_entry(watched, client_of(watched, workspace), get(f"/patients/{DORA}"))
    assert (status, entry["outcome"], entry["target"]) == (500, "failed", f"subject/{DORA}")


def broken(*given: Any) -> Any:
    raise ValueError("Zebulon")


def test_a_link_signs_in_with_an_entry(watched: Watched, workspace: Path) -> None:
    link = local_issuer(workspace).link_token(Actor(name="grace", role="clinician"))
    client = client_of(watched, workspace, signed_in=False)
    entry, status = only_entry(watched, client, get(f"/sign-in?token={link}"))
    assert (status, entry["actor"], entry["action"]) == (200, "grace", "sign in")
    assert link not in json.dumps(entry)
    entry, _ = only_entry(watched, client, get(f"/sign-in?token={link}"))
    assert entry["outcome"] == "not signed in"


def test_a_list_says_whom_it_showed_and_by_what_it_was_asked(
    watched: Watched, workspace: Path
) -> None:
    entry, _ = only_entry(watched, client_of(watched, workspace), get("/?q=7310144901&fires="))
    assert (entry["people"], entry["rows"], entry["query"]) == ([DORA], 1, ["fires", "q"])
    raw = watched.log.path.read_bytes().splitlines()[-1]
    assert str(DORA).encode() not in raw


def test_a_look_says_which_policies_decided(
    watched: Watched, workspace: Path, repository: Path
) -> None:
    entry, _ = only_entry(watched, client_of(watched, workspace), get(f"/patients/{DORA}"))
    shipped = (repository / "src/lifecourse/privacy/access/policies").glob("*.cedar")
    named = {name for path in shipped for name in re.findall(r'@id\("(.+?)"\)', path.read_text())}
    assert entry["policies"]
    assert set(entry["policies"]) <= named


def test_an_advice_that_is_answered_is_entered(
    watched: Watched, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hospital import made_up_plan

    monkeypatch.setattr("lifecourse.serve.patient.plan_of", made_up_plan)
    asked = post(
        f"/patients/{DORA}/answers", data={"recommendation": "statin", "outcome": "accepted"}
    )
    entry, status = only_entry(watched, client_of(watched, workspace), asked)
    assert (status, entry["outcome"], entry["action"]) == (303, "success", "answer advice")


@pytest.mark.parametrize(
    "path", ["/", "/api/patients", f"/patients/{DORA}", f"/api/patients/{DORA}/fhir"]
)
def test_a_purpose_that_the_store_refuses_is_entered_as_refused(tmp_path: Path, path: str) -> None:
    source = write_meds(tmp_path / "source", [])
    (tmp_path / "lifecourse.yaml").write_text("timezone: UTC\n")
    ingest(source, tmp_path / "store", kind="meds", identifiability=Identifiability.PSEUDONYMOUS)
    watched = Watched(tmp_path)
    entry, status = only_entry(watched, client_of(watched, tmp_path), get(path))
    assert (status, entry["outcome"]) == (403, "refused")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/static/page.css", "/no-such-page"])
def test_what_is_the_same_for_everybody_leaves_no_entry(
    watched: Watched, workspace: Path, path: str
) -> None:
    before = len(list(watched.log.lines()))
    client_of(watched, workspace, signed_in=False).get(path)
    assert len(list(watched.log.lines())) == before


def test_without_a_log_there_is_no_answer(
    watched: Watched, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(watched, workspace)
    assert "Dora" not in client.get("/healthz").text

    def full(*given: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AuditLog, "write", full)
    answer = client.get(f"/patients/{DORA}")
    assert answer.status_code == 503
    assert str(DORA) not in answer.text
    assert answer.headers["content-security-policy"]
    assert client.get("/healthz").status_code == 200


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    for name in ("fsync", "fdatasync"):
        real = getattr(os, name)

        def counted(descriptor: int, real: Any = real) -> None:
            calls.append(descriptor)
            real(descriptor)

        monkeypatch.setattr(os, name, counted)
    return calls


def test_a_request_synchronises_the_disk_once(
    watched: Watched, workspace: Path, synced: list[int]
) -> None:
    client = client_of(watched, workspace)
    client.get(f"/patients/{DORA}")
    synced.clear()
    client.get(f"/patients/{DORA}")
    assert len(synced) == 1


def test_the_log_of_all_of_this_is_whole(watched: Watched) -> None:
    assert watched.log.verify() == len(list(watched.log.lines())) > 0
