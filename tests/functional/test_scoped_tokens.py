"""What an access token was given for is all that it opens, through every route that a program may call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from hospital import DORA, NEWBORN, make_workspace
from issuers import claims, signed, write_keys

from lifecourse.schema.actor import Identifiability
from lifecourse.serve import create_app
from lifecourse.serve.auth.trust import Trust
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

US = "http://127.0.0.1:8000"
ISSUER = "https://id.hospital.example"


def client_of(workspace: Path, **settings: Any) -> TestClient:
    named = write_keys(workspace / "keys.json", "ec-1")
    trust = Trust.model_validate({"issuers": [{"issuer": ISSUER, "jwks": named, **settings}]})
    return TestClient(create_app(workspace, trust=trust), base_url=US)


def asked(client: TestClient, path: str, **more: Any) -> Any:
    token = signed(claims(ISSUER, US, **more))
    return client.get(path, headers={"authorization": f"Bearer {token}"})


def people(client: TestClient, **more: Any) -> set[int]:
    answer = asked(client, "/api/patients", **more)
    assert answer.status_code == 200, answer.text
    return {row["subject_id"] for row in answer.json()["data"]["patients"]}


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    return client_of(make_workspace(tmp_path_factory.mktemp("scoped")))


def test_a_token_for_one_patient_opens_one_record(hospital: TestClient) -> None:
    hers = {"patient": str(DORA), "scope": "patient/*.rs"}
    assert people(hospital, **hers) == {DORA}
    assert asked(hospital, f"/api/patients/{DORA}", **hers).status_code == 200
    other, nobody = (asked(hospital, f"/api/patients/{n}", **hers) for n in (NEWBORN, 999))
    assert (other.status_code, other.content) == (nobody.status_code, nobody.content)
    assert other.status_code == 404


def test_a_token_without_scopes_that_can_be_read_opens_nothing(hospital: TestClient) -> None:
    for scope in (
        "",
        "openid fhirUser",
        "user/*.read",
        "user/*.c",
        "patient/*.rs",
        "user/Observation.rs?category=laboratory",
    ):
        assert people(hospital, scope=scope) == set()
        assert asked(hospital, f"/api/patients/{DORA}", scope=scope).status_code == 404


def test_a_token_for_everything_that_its_user_may_see_opens_everybody(hospital: TestClient) -> None:
    assert {DORA, NEWBORN} <= people(hospital, scope="user/*.rs")


def test_more_scopes_never_open_less(hospital: TestClient) -> None:
    order = (
        "user/Condition.rs",
        "user/Observation.rs",
        "user/Patient.rs user/Encounter.rs",
        "user/*.rs",
    )
    seen: set[int] = set()
    events = -1
    for number in range(1, len(order) + 1):
        scope = " ".join(order[:number])
        assert seen <= people(hospital, scope=scope)
        seen = people(hospital, scope=scope)
        answer = asked(hospital, f"/api/patients/{DORA}", scope=scope)
        found = answer.json()["data"]["n_events"] if answer.status_code == 200 else 0
        assert found >= events
        events = found
    assert events > 0


def test_the_same_id_of_another_source_is_another_person(tmp_path: Path) -> None:
    """A token's patient is whom the issuer's own source calls so (`people`), not whoever is called so."""
    workspace = make_fhir_workspace(tmp_path, {"north": ["a", "b"], "south": ["b", "c"]})
    north, south = (client_of(workspace, people=name) for name in ("north", "south"))
    seen = {
        (name, patient): people(client, patient=patient, scope="patient/*.rs")
        for name, client in (("north", north), ("south", south))
        for patient in ("a", "b", "c")
    }
    assert {key: len(found) for key, found in seen.items()} == {
        ("north", "a"): 1, ("north", "b"): 1, ("north", "c"): 0,
        ("south", "a"): 0, ("south", "b"): 1, ("south", "c"): 1,
    }  # fmt: skip
    assert seen["north", "b"] != seen["south", "b"]


def make_fhir_workspace(folder: Path, sources: dict[str, list[str]]) -> Path:
    for issuer, ids in sources.items():
        source = folder / issuer
        source.mkdir()
        patients = [
            {"resourceType": "Patient", "id": i, "gender": "female", "birthDate": "1960-01-01"}
            for i in ids
        ]
        (source / "Patient.ndjson").write_text("\n".join(map(json.dumps, patients)))
        ingest(
            source,
            folder / "workspace" / "store",
            kind="fhir",
            issuer=issuer,
            identifiability=Identifiability.IDENTIFIED,
        )
    return folder / "workspace"
