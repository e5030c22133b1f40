"""Whatever is sent to any route, by whoever: no answer is our mistake, and nobody gets what is not theirs."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hospital import DORA, make_workspace
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from issuers import claims, key, signed, write_keys
from schemathesis import GenerationMode

from lifecourse.base.clock import now
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.serve import create_app
from lifecourse.serve.auditing import NOTHING, RULES
from lifecourse.serve.auth import COOKIE, local_issuer
from lifecourse.serve.auth.trust import Trust
from lifecourse.tasks.review import draw_charts
from lifecourse.tasks.verdicts import Reviews
from lifecourse.timeline.access import open_timeline

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI
    from httpx import Response
    from schemathesis import Case

A_FEW, MANY = 4, int(os.environ.get("LIFECOURSE_REQUESTS", "30"))
"""Requests to each route in each state; the proof makes many."""
STATES = (
    "anonymous",
    "expired",
    "clinician",
    "privacy_officer",
    "service",
    "bound to a patient",
    "forged",
    "nonsense",
)
UNKNOWN = ("anonymous", "expired", "forged", "nonsense")
US, ISSUER = "http://127.0.0.1:8000", "https://id.hospital.example"
OPEN = {route for route, rule in RULES.items() if rule is NOTHING} | {
    ("GET", "/sign-in"),
    ("POST", "/sign-out"),
}
# What is said of people here and nowhere else.
PEOPLE = (str(DORA), "Metformin", "Essential hypertension")
PRIVATE = (*PEOPLE, "mortality_1y", "Cataract")
REAL = {
    "subject_id": DORA,
    "name": "type_2_diabetes",
    "number": 1,
    "sequence": 1,
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_workspace(tmp_path_factory.mktemp("openapi"))
    timeline = open_timeline(made, actor=Actor(name="ada"), purpose=Purpose.OPERATIONS)
    Reviews(made).keep(draw_charts(timeline, "type_2_diabetes", each=3, seed=1))
    write_keys(made / "keys.json", "ec-1")
    return made


@pytest.fixture(scope="module")
def app(workspace: Path) -> FastAPI:
    return create_app(
        workspace,
        trust=Trust.model_validate({"issuers": [{"issuer": ISSUER, "jwks": "keys.json"}]}),
    )


def signed_in_as(state: str, app: FastAPI, workspace: Path) -> TestClient:
    client = TestClient(app, base_url=US, follow_redirects=False, raise_server_exceptions=False)
    client.headers["origin"] = US
    issuer = local_issuer(workspace)
    if state in ("clinician", "privacy_officer"):
        client.cookies.set(COOKIE, issuer.session_token(Actor(name="ada", role=state)))
    elif state == "service":
        token = issuer.service_token(Actor(name="ehr", role="service"))
        client.headers["authorization"] = f"Bearer {token}"
    elif state == "expired":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"{type(issuer).__module__}.now", lambda: now() - timedelta(days=99))
            client.cookies.set(COOKIE, issuer.session_token(Actor(name="ada", role="clinician")))
    elif state in ("bound to a patient", "forged"):
        told = claims(ISSUER, US, scope="patient/*.rs", patient="somebody", exp=2_000_000_000)
        told["exp"] = told["iat"] + 3000
        token = signed(told, with_key=key("ec-2") if state == "forged" else None)
        client.headers["authorization"] = f"Bearer {token}"
    elif state == "nonsense":
        client.headers["authorization"] = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."
    return client


def operations(app: FastAPI) -> list[Any]:
    schema = schemathesis.openapi.from_dict(app.openapi())
    return [found.ok() for found in schema.get_all_operations()]


def requests_to(operation: Any) -> st.SearchStrategy[Case]:
    """Requests as the description has them and as it does not, to what is there and to what is not."""
    there = {name: REAL[name] for name in REAL if f"{{{name}}}" in operation.path}
    kinds = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
    if there:
        kinds.append(operation.as_strategy(path_parameters=there))
    return st.one_of(kinds)


def sent(client: TestClient, case: Case) -> Response | None:
    given = case.as_transport_kwargs(base_url=str(client.base_url).rstrip("/"))
    headers = {
        name: value for name, value in (given.get("headers") or {}).items() if value.isascii()
    }
    content = given.get("data")
    try:
        return client.request(
            given["method"],
            given["url"],
            params=given.get("params"),
            headers={**headers, **dict(client.headers)},
            json=given.get("json"),
            **({"data": content} if isinstance(content, dict) else {"content": content}),
        )
    except (UnicodeError, ValueError, TypeError):  # what no client can send
        return None


def check(answer: Response, state: str, route: tuple[str, str], case: Case) -> None:
    assert answer.status_code < 500, case.as_curl_command()
    if state in UNKNOWN and route not in OPEN:
        assert answer.status_code in (400, 401, 403, 404, 405, 413, 415, 422)
        assert told_in(answer, case, PRIVATE) == [], case.as_curl_command()
    if state == "bound to a patient":
        assert told_in(answer, case, PEOPLE) == [], case.as_curl_command()
    if state in ("clinician", "service", "bound to a patient") and "/audit" in route[1]:
        assert answer.status_code >= 400
        assert "entries" not in answer.text


def told_in(answer: Response, case: Case, words: tuple[str, ...]) -> list[str]:
    """Those of `words` that an answer has, and that were not in what was asked."""
    asked = case.as_curl_command()
    return [word for word in words if word in answer.text and word not in asked]


def routes() -> list[tuple[str, str]]:
    return sorted(RULES)


def test_a_token_bound_to_a_patient_lets_in_and_a_forged_one_does_not(
    app: FastAPI, workspace: Path
) -> None:
    assert signed_in_as("bound to a patient", app, workspace).get("/api/tasks").status_code == 200
    assert signed_in_as("forged", app, workspace).get("/api/tasks").status_code == 401


def test_every_route_is_described(app: FastAPI) -> None:
    described = {(each.method.upper(), each.path) for each in operations(app)}
    assert described == set(RULES)


@pytest.mark.parametrize("requests", [A_FEW, pytest.param(MANY, marks=pytest.mark.prove)])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("route", routes(), ids=lambda route: " ".join(route))
def test_nothing_breaks_and_nobody_gets_what_is_not_theirs(
    app: FastAPI, workspace: Path, state: str, route: tuple[str, str], requests: int
) -> None:
    operation = next(each for each in operations(app) if (each.method.upper(), each.path) == route)
    client = signed_in_as(state, app, workspace)
    session = client.cookies.get(COOKIE)
    reached: list[int] = []

    @settings(
        max_examples=requests,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests_to(operation))
    def law(case: Case) -> None:
        if session and not client.cookies.get(COOKIE):  # signed out by what was tried
            client.cookies.set(COOKIE, session)
        answer = sent(client, case)
        if answer is not None:
            reached.append(answer.status_code)
            check(answer, state, route, case)

    law()
    assert reached


def test_the_log_of_all_of_it_is_whole(workspace: Path) -> None:
    log = AuditLog(workspace / "audit")
    assert log.verify() == len(list(log.lines()))
