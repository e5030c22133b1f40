"""A hook's request, read with care: whose it is, whether it is complete, and whether all of it is of one person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

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


class Unanswerable(UserError):
    """The hook's prefetch lacks what the answer needs, and nothing is fetched from here."""

    number = 141


class WrongPatient(UserError):
    """A hook's prefetch is not, or not only, of the patient in its context."""

    number = 142


class Context(BaseModel):
    """The `patient-view` context."""

    model_config = ConfigDict(extra="ignore")

    patientId: str = Field(min_length=1, max_length=200)  # noqa: N815 -- the standard's spelling
    userId: str | None = None  # noqa: N815 -- the standard's spelling


class HookRequest(BaseModel):
    """What a client sends when a hook is triggered; unknown fields are allowed by the standard."""

    model_config = ConfigDict(extra="ignore")

    hook: str
    hookInstance: UUID  # noqa: N815 -- the standard's spelling
    context: Context
    prefetch: dict[str, dict[str, Any] | None] | None = None


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
    found = [resource for key in PREFETCH for resource in _unpacked(key, prefetch[key])]
    patients = [r for r in found if r.get("resourceType") == "Patient"]
    if not patients:
        raise Unanswerable("the prefetch has no Patient. Send the one of the context.")
    for resource in found:
        _check_subject(resource, request.context.patientId.removeprefix("Patient/"))
    return found


def _unpacked(key: str, content: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    if content is None:
        return
    kind = content.get("resourceType")
    if kind == "OperationOutcome":
        raise Unanswerable(f"the prefetch of '{key}' failed at its server. Send it again.")
    if kind != "Bundle":
        yield content
        return
    if any(link.get("relation") == "next" for link in content.get("link", ())):
        raise Unanswerable(f"the prefetch of '{key}' has further pages. Send all of them.")
    for entry in content.get("entry", ()):
        yield from _unpacked(key, entry.get("resource"))


def _check_subject(resource: dict[str, Any], patient_id: str) -> None:
    if resource.get("resourceType") == "Patient":
        subject = resource.get("id")
    else:
        reference = resource.get("subject") or resource.get("patient") or {}
        subject = str(reference.get("reference", "")).rpartition("Patient/")[2].partition("/")[0]
        subject = subject or None
        # Medication, Practitioner and the like are of nobody.
        if subject is None and "subject" not in resource and "patient" not in resource:
            return
    if subject != patient_id:
        raise WrongPatient(
            "the prefetch has a resource of another patient than the context's. Nothing was read from it."
        )
