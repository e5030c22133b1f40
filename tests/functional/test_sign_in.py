"""Signing in at a hospital's sign-in server, from the first page to the last; and all the ways it is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from hospital import make_workspace
from issuers import LOOPBACK, TestIssuer, serving
from pages import signed_in

from lifecourse.privacy.pseudonyms import subject_id
from lifecourse.serve import create_app
from lifecourse.serve.auth import COOKIE
from lifecourse.serve.auth.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi.testclient import TestClient

US = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("sign-in"), rows=[])


@pytest.fixture
def issuer() -> Iterator[TestIssuer]:
    with serving() as running:
        yield running


@pytest.fixture
def client(workspace: Path, issuer: TestIssuer) -> TestClient:
    return client_of(workspace, issuer)


def client_of(
    workspace: Path, issuer: TestIssuer, *, address: str | None = None, **more: Any
) -> TestClient:
    from fastapi.testclient import TestClient

    trust = Trust.model_validate({"sign_in": issuer.settings(**more), "networks": LOOPBACK})
    app = create_app(
        workspace, trust=trust, address=address, hosts=("127.0.0.1", "lifecourse.example")
    )
    return TestClient(app, base_url=address or US, follow_redirects=False)


def sent_away(client: TestClient) -> str:
    """Where the browser is sent to sign in."""
    answer = client.get("/sign-in/begin")
    assert answer.status_code == 303
    return str(answer.headers["location"])


def came_back(away: str) -> str:
    """Where the issuer sends the browser after somebody signed in."""
    answer = httpx.post(away.replace("/authorize", "/authorize", 1))
    assert answer.status_code == 302
    back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


def test_somebody_signs_in_at_the_hospitals_own_server(
    client: TestClient, issuer: TestIssuer
) -> None:
    refused = client.get("/")
    assert refused.status_code == 401
    assert 'href="/sign-in/begin"' in refused.text
    away = sent_away(client)
    query = dict(parse_qsl(urlsplit(away).query))
    assert away.startswith(f"{issuer.address}/authorize?")
    assert query["redirect_uri"] == f"{US}/sign-in/return"
    assert (query["code_challenge_method"], query["scope"]) == ("S256", "openid profile")
    answer = client.get(came_back(away))
    assert answer.status_code == 200
    assert "Signed in as Dr Ada" in answer.text
    assert client.get("/").status_code == 200
    out = client.post("/sign-out", headers={"origin": US})
    assert 'href="/sign-in/begin"' in out.text
    assert client.get("/").status_code == 401


def test_the_identity_has_the_roles_that_the_settings_give(
    workspace: Path, issuer: TestIssuer
) -> None:
    issuer.person = {"sub": "7", "realm": {"roles": ["physicians", "privacy", "cleaners"]}}
    client = client_of(workspace, issuer, role_claim="realm.roles")
    client.get(came_back(sent_away(client)))
    identity = client.app.state.door.session(client.cookies[COOKIE])  # type: ignore[attr-defined]  # the client knows any app
    assert (identity.actor.name, identity.actor.role) == ("7", "clinician")
    assert identity.roles == {"clinician", "privacy_officer"}
    assert identity.issuer == issuer.address
    assert identity.scopes is None


def test_a_record_system_opens_the_page_of_its_patient(workspace: Path, issuer: TestIssuer) -> None:
    ehr = "https://ehr.hospital.example/fhir"
    client, issuer.patient = client_of(workspace, issuer, fhir_server=ehr, people="hospital"), "p1"
    away = client.get("/launch", params={"iss": f"{ehr}/", "launch": "a&b"}).headers["location"]
    query = dict(parse_qsl(urlsplit(away).query))
    assert (query["launch"], query["aud"], query["scope"]) == ("a&b", ehr, "launch openid profile")
    page = client.get(came_back(away)).text
    person = subject_id("hospital", "p1")
    assert f'content="0; url=/patients/{person}"' in page
    identity = client.app.state.door.session(client.cookies[COOKIE])  # type: ignore[attr-defined]  # the client knows any app
    assert (identity.patient, identity.subject_id) == ("p1", person)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?iss=https://evil.example/fhir&launch=x",
        "?launch=x",
        "?iss=https://ehr.hospital.example/fhir.evil&launch=x",
    ],
)
def test_another_record_system_opens_nothing(
    workspace: Path, issuer: TestIssuer, query: str
) -> None:
    for server in ("https://ehr.hospital.example/fhir", None):
        client = client_of(workspace, issuer, fhir_server=server)
        assert client.get(f"/launch{query}").status_code == 401
    assert issuer.asked == []


def test_who_has_no_role_here_is_refused(client: TestClient, issuer: TestIssuer) -> None:
    issuer.person = {"sub": "9", "groups": ["cleaners"]}
    answer = client.get(came_back(sent_away(client)))
    assert answer.status_code == 403
    assert "no role here" in answer.text
    assert client.get("/").status_code == 401


@pytest.mark.parametrize(
    "spoilt",
    [
        {"nonce": "another"}, {"nonce": None}, {"aud": "another"}, {"aud": ["lifecourse", "another"]},
        {"azp": "another"}, {"iss": "https://evil.example"}, {"exp": 1}, {"exp": None}, {"iat": None},
        {"sub": None}, {"sub": ""},
    ],
    ids=str,
)  # fmt: skip
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    client: TestClient, issuer: TestIssuer, spoilt: dict[str, Any]
) -> None:
    issuer.spoil = spoilt
    answer = client.get(came_back(sent_away(client)))
    assert answer.status_code == 401
    assert client.get("/").status_code == 401


def test_an_id_token_signed_by_a_key_that_is_not_published_is_refused(
    client: TestClient, issuer: TestIssuer
) -> None:
    issuer.by = "ec-9"
    assert client.get(came_back(sent_away(client))).status_code == 401


def test_a_key_of_rsa_signs_id_tokens_too(client: TestClient, issuer: TestIssuer) -> None:
    issuer.by = "rsa-1"
    assert client.get(came_back(sent_away(client))).status_code == 200


def test_another_browser_cannot_finish_what_this_one_began(
    workspace: Path, client: TestClient, issuer: TestIssuer
) -> None:
    back = came_back(sent_away(client))
    other = client_of(workspace, issuer)
    assert other.get(back).status_code == 401
    sent_away(other)
    assert other.get(back).status_code == 401  # its own cookie, another's state
    assert client.get(back).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        "state=",
        "state=guessed",
        "code=",
        "code=guessed",
        "iss=https://evil.example",
        "error=access_denied",
    ],
)
def test_an_answer_that_was_tampered_with_is_refused(client: TestClient, change: str) -> None:
    path, _, query = came_back(sent_away(client)).partition("?")
    fields = dict(parse_qsl(query)) | dict(parse_qsl(change, keep_blank_values=True))
    assert client.get(path, params=fields).status_code == 401


def test_a_sign_in_is_finished_once(client: TestClient) -> None:
    away = sent_away(client)
    flow = client.cookies["lifecourse_signing_in"]
    back = came_back(away)
    assert client.get(back).status_code == 200
    client.cookies.set("lifecourse_signing_in", flow)
    assert client.get(back).status_code == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "https://evil.example/token"},
        {"jwks_uri": "http://10.0.0.1/jwks"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
        {"jwks_uri": 7},
    ],
    ids=str,
)
def test_a_discovery_document_that_leads_elsewhere_is_not_followed(
    client: TestClient, issuer: TestIssuer, changed: dict[str, Any]
) -> None:
    issuer.discovery = changed
    answer = client.get("/sign-in/begin")
    assert answer.status_code == 503
    assert issuer.asked == ["/.well-known/openid-configuration"]


def test_a_server_that_does_not_answer_is_said_to(workspace: Path) -> None:
    with serving() as gone:
        pass
    answer = client_of(workspace, gone).get("/sign-in/begin")
    assert answer.status_code == 503
    assert "another server" in answer.text.lower()


def test_a_silent_server_is_not_asked_again_at_once(client: TestClient, issuer: TestIssuer) -> None:
    issuer.discovery = {"issuer": "https://another.example"}
    for _ in range(5):
        assert client.get("/sign-in/begin").status_code == 503
    assert len(issuer.asked) == 1


def test_over_tls_cookies_are_for_this_host_alone(workspace: Path, issuer: TestIssuer) -> None:
    client = client_of(workspace, issuer, address="https://lifecourse.example")
    answer = client.get("/sign-in/begin")
    flow = answer.headers["set-cookie"]
    assert flow.startswith("__Host-lifecourse_signing_in=")
    assert parse_qs(urlsplit(answer.headers["location"]).query)["redirect_uri"] == [
        "https://lifecourse.example/sign-in/return"
    ]
    session = next(
        line for line in client.get(came_back(answer.headers["location"])).headers.get_list("set-cookie")
        if "lifecourse_session" in line
    )  # fmt: skip
    assert session.startswith("__Host-lifecourse_session=")
    for part in ("HttpOnly", "Secure", "Path=/", "SameSite=strict"):
        assert part in session
    assert "Domain" not in session
    assert "SameSite=lax" in flow


def test_without_a_sign_in_server_there_are_links_alone(workspace: Path) -> None:
    from fastapi.testclient import TestClient

    client = TestClient(create_app(workspace), base_url=US)
    assert client.get("/sign-in/begin").status_code == 401
    assert client.get("/sign-in/return?code=x&state=y").status_code == 401
    assert client.get("/.well-known/smart-configuration").status_code == 404
    assert client.post("/token", data={}).status_code == 401


def test_a_session_that_nobody_used_for_an_hour_has_ended(workspace: Path) -> None:
    client = signed_in(workspace)
    clock = Clock()
    client.app.state.door._last_use.clock = clock  # type: ignore[attr-defined]  # the client knows any app
    for minutes, status in ((0, 200), (59, 200), (59, 200), (61, 401), (1, 401)):
        clock.now += 60 * minutes
        assert client.get("/").status_code == status
    again = signed_in(workspace)  # another process: it was ended for good, not forgotten here
    again.cookies = client.cookies
    assert again.get("/").status_code == 401


def test_a_server_started_by_its_settings_signs_people_in(
    tmp_path: Path, issuer: TestIssuer
) -> None:
    workspace = make_workspace(tmp_path, rows=[])
    trust = {"sign_in": issuer.settings(), "networks": list(LOOPBACK)}
    settings = {"serve": {"port": 0, "trust": trust, "limits": {"tries_per_minute": 4}}}
    (workspace / "lifecourse.yaml").write_text(json.dumps(settings))
    words = [sys.executable, "-m", "lifecourse.cli", "serve", str(workspace), "--actor", "ada"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr is not None
            (address,) = re.findall(r"http://\S+(?=/sign-in)", running.stderr.readline())
            with httpx.Client(base_url=address, timeout=60) as client:
                away = client.get("/sign-in/begin").headers["location"]
                back = httpx.post(away).headers["location"]
                assert "Signed in as Dr Ada" in client.get(back).text
                assert client.get("/api/patients").json()["data"]["of"] == 0
                assert client.get("/sign-in").status_code == 429
        finally:
            running.terminate()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now
