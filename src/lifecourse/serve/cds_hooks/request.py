"""A hook's request, read with care: whose it is, whether it is complete, and whether all of it is of one person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from lifecourse.base.errors import UserError

PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "observations": "Observation?patient={{context.patientId}}",
    "medications": "MedicationRequest?patient={{context.patientId}}",
    "encounters": "Encounter?patient={{context.patientId}}",
    "procedures": "Procedure?patient={{context.patientId}}",
    "allergies": "AllergyIntolerance?patient={{context.patientId}}",
}


PATIENT = re.compile(
    r"(?:(?P<server>https?://\S+)/)?Patient/(?P<id>[^/\s#?]+)(?:/_history/[^/\s#?]+)?"
)
OF_NOBODY = frozenset(
    [
        "Medication",
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "Location",
        "HealthcareService",
        "Substance",
    ]
)
OTHER = (
    "the prefetch has a resource of another patient than the context's. Nothing was read from it."
)


class Unanswerable(UserError):
    """The hook's prefetch lacks what the answer needs, and it could not be had."""

    number = 141


class WrongPatient(UserError):
    """A hook's prefetch is not, or not only, of the patient in its context."""

    number = 142


class Context(BaseModel):
    """The `patient-view` context."""

    model_config = ConfigDict(extra="ignore")

    patientId: str = Field(min_length=1, max_length=200)  # noqa: N815 -- the standard's spelling
    userId: str | None = None  # noqa: N815 -- the standard's spelling


class FhirAuthorization(BaseModel):
    """What the client lets us ask its FHIR server with."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: SecretStr = Field(max_length=16_384)
    token_type: Literal["Bearer", "bearer"]
    patient: str | None = Field(default=None, max_length=200)


class HookRequest(BaseModel):
    """What a client sends when a hook is triggered; unknown fields are allowed by the standard."""

    model_config = ConfigDict(extra="ignore")

    hook: str
    hookInstance: UUID  # noqa: N815 -- the standard's spelling
    context: Context
    prefetch: dict[str, dict[str, Any] | None] | None = None
    fhirServer: str | None = Field(default=None, max_length=1000)  # noqa: N815 -- the standard's spelling
    fhirAuthorization: FhirAuthorization | None = None  # noqa: N815 -- the standard's spelling

    @property
    def patient_id(self) -> str:
        """The id of the patient in the context, without its type."""
        return self.context.patientId.removeprefix("Patient/")


def check_patient(request: HookRequest, token_patient: str | None) -> None:
    """Refuse a context that is not of the patient of the caller's token, or of the token that it lends.

    Raises
    ------
    WrongPatient
        One of the tokens is of somebody else.
    """
    lent = request.fhirAuthorization.patient if request.fhirAuthorization else None
    for stated in (token_patient, lent):
        if stated is not None and stated.removeprefix("Patient/") != request.patient_id:
            raise WrongPatient(
                "the context names another patient than the token that came with it. Nothing was read."
            )


def resources_of(request: HookRequest) -> list[dict[str, Any]]:
    """The resources in the prefetch, all of the patient in the context.

    A key that is null was asked for and found empty; a key that is absent was not asked for, so nothing can
    be concluded from it.

    Raises
    ------
    Unanswerable
        A key is absent, failed (an OperationOutcome), or has further pages.
    WrongPatient
        A resource is of somebody else.
    """
    if request.hook != "patient-view":
        raise UserError("this service answers the hook 'patient-view' alone.")
    prefetch = request.prefetch or {}
    absent = sorted(set(PREFETCH) - set(prefetch))
    if absent:
        raise Unanswerable(
            f"the prefetch lacks: {', '.join(absent)}. Send each, null where there is nothing."
        )
    found = [resource for key in PREFETCH for resource in unpacked(key, prefetch[key])]
    patients = [r for r in found if r.get("resourceType") == "Patient"]
    if not patients:
        raise Unanswerable("the prefetch has no Patient. Send the one of the context.")
    places = {_place_of(resource, request.patient_id) for resource in found} - {""}
    here = (request.fhirServer or "").rstrip("/")
    if len(places) > 1 or (here and places - {here}):
        raise WrongPatient(OTHER)
    return found


def unpacked(key: str, content: Any) -> Iterator[dict[str, Any]]:
    """The resources that a key of the prefetch brought, those in Bundles one by one.

    Raises
    ------
    Unanswerable
        It is no resource, failed, or has further pages.
    """
    if content is None:
        return
    if not isinstance(content, dict) or not isinstance(content.get("resourceType"), str):
        raise Unanswerable(f"the prefetch of '{key}' is no FHIR resource. Send it again.")
    kind = content["resourceType"]
    if kind == "OperationOutcome":
        raise Unanswerable(f"the prefetch of '{key}' failed at its server. Send it again.")
    if kind != "Bundle":
        yield content
        return
    if next_page(key, content) is not None:
        raise Unanswerable(f"the prefetch of '{key}' has further pages. Send all of them.")
    for entry in _objects(key, content, "entry"):
        yield from unpacked(key, entry.get("resource"))


def next_page(key: str, bundle: dict[str, Any]) -> Any:
    """The address of a Bundle's next page; None where this is the last."""
    links = _objects(key, bundle, "link")
    return next((link.get("url", "") for link in links if link.get("relation") == "next"), None)


def _objects(key: str, bundle: dict[str, Any], name: str) -> list[dict[str, Any]]:
    listed = bundle.get(name)
    listed = [] if listed is None else listed
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise Unanswerable(f"the prefetch of '{key}' is no FHIR Bundle. Send it again.")
    return listed


def _place_of(resource: dict[str, Any], patient_id: str) -> str:
    """The server that a resource's reference to the patient of the context names, empty where it names none.

    Raises
    ------
    WrongPatient
        The resource is of somebody else, or does not say in a way that can be compared.
    """
    if resource.get("resourceType") == "Patient":
        if resource.get("id") != patient_id:
            raise WrongPatient(OTHER)
        return ""
    stated = [resource[name] for name in ("subject", "patient") if name in resource]
    if not stated and resource.get("resourceType") in OF_NOBODY:
        return ""
    places = {_server_in(reference, patient_id) for reference in stated}
    if len(places) != 1 or None in places:
        raise WrongPatient(OTHER)
    return places.pop() or ""


def _server_in(reference: Any, patient_id: str) -> str | None:
    """The server before ``Patient/<patient_id>`` in a reference; None where it is no reference to that patient."""
    text = reference.get("reference") if isinstance(reference, dict) else None
    match = PATIENT.fullmatch(text) if isinstance(text, str) else None
    if match is None or match["id"] != patient_id:
        return None
    return match["server"] or ""
