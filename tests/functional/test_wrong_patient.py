"""A hook is answered for one patient: of the context, of each token, and of every resource. Or it is not answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from hospital import make_workspace
from hypothesis import example, given
from hypothesis import strategies as st

from lifecourse.base.errors import UserError
from lifecourse.schema.actor import Actor
from lifecourse.serve import create_app
from lifecourse.serve.auth import local_issuer
from lifecourse.serve.cds_hooks.request import (
    PREFETCH,
    HookRequest,
    WrongPatient,
    check_patient,
    resources_of,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

EHR = "https://ehr.example/fhir"
OURS = st.sampled_from(["Patient/p1", "Patient/p1/_history/3", f"{EHR}/Patient/p1"])
OTHERS = st.sampled_from(
    [
        "Patient/p2", "Patient/p1x", "Patient/P1", "patient/p1", "NotPatient/p1", "Patient/p1/p2", "Group/p1", "#p1", "p1",
        "urn:uuid:p1", "", "Patient/", f"{EHR}/Patient/p2", "https://other.example/fhir/Patient/p1", "Patient/p1?x=Patient/p2",
        "Patient/p2/Patient/p1", f"{EHR}/Patient/p2#/Patient/p1", " Patient/p1", "Patient/p1\n",
    ]
)  # fmt: skip
NO_REFERENCE = st.sampled_from([None, 7, [], "Patient/p1", {}, {"display": "her"}, {"reference": ["Patient/p1"]},
                                {"identifier": {"value": "p1"}}, [{"reference": "Patient/p1"}]])  # fmt: skip
KINDS = st.sampled_from(["Observation", "Condition", "MedicationRequest", "AllergyIntolerance"])
FIELDS = st.sampled_from(["subject", "patient"])


def resources(references: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    def build(kind: str, field: str, reference: Any) -> dict[str, Any]:
        return {"resourceType": kind, field: reference}

    return st.builds(build, KINDS, FIELDS, references)


def of(texts: SearchStrategy[str]) -> SearchStrategy[dict[str, str]]:
    return texts.map(lambda text: {"reference": text})


FOREIGN = st.one_of(
    resources(of(OTHERS)),
    resources(NO_REFERENCE),
    KINDS.map(lambda kind: {"resourceType": kind}),
    st.just({"resourceType": "Observation", "subject": {"reference": "Patient/p1"}, "patient": {"reference": "Patient/p2"}}),
    st.sampled_from([{"resourceType": "Patient", "id": "p2"}, {"resourceType": "Patient"}]),
)  # fmt: skip


def wrapped(resource: dict[str, Any], depth: int) -> dict[str, Any]:
    for _ in range(depth):
        resource = {"resourceType": "Bundle", "entry": [{"resource": resource}]}
    return resource


def asked(found: list[dict[str, Any]], **more: Any) -> HookRequest:
    prefetch: dict[str, Any] = dict.fromkeys(PREFETCH)
    prefetch["patient"] = {"resourceType": "Patient", "id": "p1"}
    prefetch["observations"] = {
        "resourceType": "Bundle",
        "entry": [{"resource": each} for each in found],
    }
    return HookRequest.model_validate(
        {
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"patientId": "p1"},
            "prefetch": prefetch,
            "fhirServer": EHR,
            **more,
        }
    )


@given(st.lists(resources(of(OURS)), max_size=6))
def test_what_is_all_of_the_patient_is_read(found: list[dict[str, Any]]) -> None:
    assert resources_of(asked(found))[1:] == found


@given(st.lists(resources(of(OURS)), max_size=6), FOREIGN, st.integers(0, 6), st.integers(0, 3))
def test_one_resource_of_another_anywhere_refuses_all(
    found: list[dict[str, Any]], foreign: dict[str, Any], place: int, depth: int
) -> None:
    found.insert(place, wrapped(foreign, depth))
    with pytest.raises(WrongPatient):
        resources_of(asked(found))


@given(
    st.sampled_from(["p1", "Patient/p1"]),
    st.sampled_from([None, "p1", "Patient/p1", "p2", "", "P1"]),
    st.sampled_from([None, "p1", "Patient/p1", "p2", "", "P1"]),
)
def test_the_tokens_are_of_the_patient_of_the_context(
    context: str, token: str | None, lent: str | None
) -> None:
    lending = {"access_token": "x", "token_type": "Bearer", "patient": lent}
    request = asked([], context={"patientId": context}, fhirAuthorization=lending)
    if {token, lent} <= {None, "p1", "Patient/p1"}:
        check_patient(request, token)
    else:
        with pytest.raises(WrongPatient):
            check_patient(request, token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["resourceType", "entry", "resource", "link", "relation", "subject", "reference", "id"]),
        inner | st.sampled_from(["Bundle", "Patient", "Observation", "next", "Patient/p1"]),
        max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip


@given(JSON)
def test_no_prefetch_breaks_the_reader(content: Any) -> None:
    if not isinstance(content, dict | None):
        return
    prefetch: dict[str, Any] = dict.fromkeys(PREFETCH)
    prefetch["patient"] = {"resourceType": "Patient", "id": "p1"}
    prefetch["conditions"] = content
    try:
        found = resources_of(asked([], prefetch=prefetch))
    except UserError:
        return
    assert all(isinstance(each, dict) for each in found)


HOOK = "/cds-services/lifecourse-patient-view"
FIELDS_OF_RECORDS = (
    "code", "coding", "system", "display", "text", "valueQuantity", "value", "unit", "effectiveDateTime", "recordedDate",
    "status", "clinicalStatus", "medicationCodeableConcept", "authoredOn", "dosageInstruction", "period", "start", "end",
    "component", "performedDateTime", "category", "type", "class", "extension", "url",
)  # fmt: skip
WORDS = st.sampled_from(["Patient/p1", "2020-01-01", "http://loinc.org", "4548-4", "final", ""])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(FIELDS_OF_RECORDS), inner, max_size=5),
    max_leaves=25,
)  # fmt: skip
ODD = st.dictionaries(st.sampled_from(FIELDS_OF_RECORDS), ANYTHING, max_size=8)
OF_HER = st.sampled_from(
    ["gender", "birthDate", "name", "identifier", "deceasedDateTime", "address", "extension"]
)


@pytest.fixture(scope="module")
def ehr(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    workspace = make_workspace(tmp_path_factory.mktemp("odd"), rows=[])
    client = TestClient(create_app(workspace), base_url="http://127.0.0.1:8000")
    token = local_issuer(workspace).service_token(Actor(name="ehr", role="service"))
    client.headers["authorization"] = f"Bearer {token}"
    return client


@example("Observation", {}, {"gender": -(2**63) - 1})
@given(KINDS, ODD, st.dictionaries(OF_HER, ANYTHING, max_size=4))
def test_no_record_however_odd_breaks_the_hook(
    ehr: TestClient, kind: str, odd: dict[str, Any], her: dict[str, Any]
) -> None:
    resource = {**odd, "resourceType": kind, "subject": {"reference": "Patient/p1"}}
    body = asked([resource]).model_dump(mode="json", exclude={"fhirAuthorization"})
    body["prefetch"]["patient"] = {
        "birthDate": "1960-01-01",
        **her,
        "resourceType": "Patient",
        "id": "p1",
    }
    answer = ehr.post(HOOK, content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 412)
