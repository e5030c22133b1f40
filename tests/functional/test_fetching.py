"""What a hook's call lacks is asked of the FHIR server that the settings name; what a call names is never followed."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from hospital import make_workspace
from issuers import LOOPBACK, claims, signed, write_keys

from lifecourse.serve import create_app
from lifecourse.serve.auth.trust import Trust
from lifecourse.serve.cds_hooks.request import PREFETCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi.testclient import TestClient

US = "http://127.0.0.1:8000"
HOOK = "/cds-services/lifecourse-patient-view"
ISSUER = "https://ehr.hospital.example"
HER = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1960-01-01"}


class Fhir:
    """A FHIR server on the loopback: resources by type, in pages of one; what it was asked, and with which token."""

    def __init__(self) -> None:
        self.address = ""
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()
        self.pages: dict[str, list[dict[str, Any]]] = {}
        self.next: str | None = None

    def answer(self, path: str) -> Any:
        if path.startswith("/fhir/Patient/p1"):
            return HER
        kind = path.removeprefix("/fhir/").partition("?")[0]
        number = int(path.rpartition("page=")[2]) if "page=" in path else 0
        found = self.pages.get(kind, [])
        links = []
        if number + 1 < len(found):
            own = f"{self.address}/{kind}?page={number + 1}"
            url = own if self.next is None else self.next
            links = [{"relation": "next", "url": url}]
        entry = [{"resource": each} for each in found[number : number + 1]]
        return {"resourceType": "Bundle", "entry": entry, "link": links}


@contextmanager
def fhir_server() -> Iterator[Fhir]:
    fhir = Fhir()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fhir.asked.append(self.path)
            fhir.tokens.add(self.headers["authorization"])
            body = json.dumps(fhir.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fhir.address = f"http://127.0.0.1:{server.server_port}/fhir"
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    ).start()
    try:
        yield fhir
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_workspace(tmp_path_factory.mktemp("fetching"), rows=[])
    write_keys(made / "ehr.json", "ec-1")
    return made


@pytest.fixture
def ehr() -> Iterator[Fhir]:
    with fhir_server() as running:
        yield running


@pytest.fixture
def canary() -> Iterator[Fhir]:
    """A server that calls name wherever an address may stand; it must never be asked."""
    with fhir_server() as running:
        yield running
        assert running.asked == []


def client_of(workspace: Path, fhir: str | None) -> TestClient:
    from fastapi.testclient import TestClient

    hooks = [{"issuer": ISSUER, "jwks": "ehr.json", "fhir_server": fhir}]
    trust = Trust.model_validate({"hook_clients": hooks, "networks": LOOPBACK})
    return TestClient(create_app(workspace, trust=trust), base_url=US)


def call(client: TestClient, fhir: str, prefetch: dict[str, Any] | None = None, **more: Any) -> Any:
    body = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "prefetch": prefetch or {},
        "fhirServer": fhir,
        "fhirAuthorization": {
            "access_token": "lent",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "x",
            "subject": "y",
        },
        **more,
    }
    token = signed(claims(ISSUER, US + HOOK))
    return client.post(HOOK, json=body, headers={"authorization": f"Bearer {token}"})


def observation(number: int, subject: str = "Patient/p1") -> dict[str, Any]:
    coding = {"system": "http://loinc.org", "code": "4548-4"}
    return {
        "resourceType": "Observation", "id": f"o{number}", "status": "final", "code": {"coding": [coding]},
        "subject": {"reference": subject}, "effectiveDateTime": f"202{number}-01-01", "valueQuantity": {"value": 7, "code": "%"},
    }  # fmt: skip


def test_what_a_call_lacks_is_fetched_with_the_token_it_lends(workspace: Path, ehr: Fhir) -> None:
    ehr.pages["Observation"] = [observation(number) for number in range(3)]
    answer = call(client_of(workspace, ehr.address), ehr.address)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"cards"}
    assert ehr.tokens == {"Bearer lent"}
    asked = [path.partition("?")[0].removeprefix("/fhir/") for path in ehr.asked]
    assert asked.count("Observation") == 3
    assert len(asked) == len(PREFETCH) + 2
    assert "/fhir/Condition?patient=p1" in ehr.asked


def test_what_a_call_brings_is_not_fetched(workspace: Path, ehr: Fhir) -> None:
    prefetch: dict[str, Any] = {**dict.fromkeys(PREFETCH), "patient": HER}
    del prefetch["conditions"]
    assert call(client_of(workspace, ehr.address), ehr.address, prefetch).status_code == 200
    assert ehr.asked == ["/fhir/Condition?patient=p1"]


def test_what_is_fetched_is_of_the_patient_too(workspace: Path, ehr: Fhir) -> None:
    ehr.pages["Observation"] = [observation(1), observation(2, "Patient/p2")]
    answer = call(client_of(workspace, ehr.address), ehr.address)
    assert (answer.status_code, answer.json()["error"]["number"]) == (400, 142)


def test_a_server_that_the_settings_do_not_name_is_never_asked(
    workspace: Path, canary: Fhir, ehr: Fhir
) -> None:
    for configured in (None, ehr.address):
        client = client_of(workspace, configured)
        for named in (
            canary.address,
            f"{canary.address}/",
            f"{ehr.address}@{canary.address}",
            f"{ehr.address}/../{canary.address}",
        ):
            assert call(client, named).status_code == 412
    assert ehr.asked == []


def test_a_page_that_leads_elsewhere_is_not_followed(
    workspace: Path, canary: Fhir, ehr: Fhir
) -> None:
    ehr.pages["Observation"] = [observation(1), observation(2)]
    origin = ehr.address.removesuffix("/fhir")
    for url in (
        f"{canary.address}/x",
        f"{origin}/admin",
        f"{ehr.address}/../admin",
        f"{ehr.address}.evil",
        "",
    ):
        ehr.next = url
        ehr.asked.clear()
        assert call(client_of(workspace, ehr.address), ehr.address).status_code == 412
        assert not [path for path in ehr.asked if "admin" in path or "evil" in path]


def test_endless_pages_end(workspace: Path, ehr: Fhir) -> None:
    ehr.pages["Observation"] = [observation(1)] * 50
    assert call(client_of(workspace, ehr.address), ehr.address).status_code == 412


@pytest.mark.parametrize("patient", ["p1/../../admin", "p1?x=1", "p1#", "..", "p 1", "%2e%2e"])
def test_an_id_of_a_patient_is_no_path(workspace: Path, ehr: Fhir, patient: str) -> None:
    answer = call(client_of(workspace, ehr.address), ehr.address, context={"patientId": patient})
    assert answer.status_code in (400, 412)
    assert not [path for path in ehr.asked if "admin" in path or "x=1" in path or ".." in path]


def test_no_address_in_a_record_is_fetched(workspace: Path, canary: Fhir) -> None:
    """Attachments, profiles, extensions, links: all words of a record."""
    away = f"{canary.address}/x"
    attachment = {"contentType": "text/plain", "url": away, "size": 1}
    document = {
        "resourceType": "DocumentReference", "id": "d", "status": "current", "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": attachment}], "meta": {"profile": [away]}, "implicitRules": away,
        "extension": [{"url": away, "valueUrl": away}, {"url": away, "valueReference": {"reference": away}}],
    }  # fmt: skip
    her = {
        **HER,
        "photo": [{**attachment, "contentType": "image/png"}],
        "link": [{"other": {"reference": away}, "type": "seealso"}],
    }
    media = {
        "resourceType": "Media",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "content": attachment,
    }
    found = [
        observation(1),
        document,
        media,
        {**observation(2), "derivedFrom": [{"reference": away}]},
    ]
    bundle = {"resourceType": "Bundle", "entry": [{"fullUrl": away, "resource": each} for each in found],
              "link": [{"relation": "self", "url": away}]}  # fmt: skip
    prefetch = {**dict.fromkeys(PREFETCH), "patient": her, "observations": bundle}
    answer = call(client_of(workspace, None), canary.address, prefetch)
    assert answer.status_code == 200, answer.text
