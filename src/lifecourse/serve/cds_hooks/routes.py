"""Discovery, the `patient-view` service and its feedback (CDS Hooks 2.0)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from lifecourse.schema.actor import Actor, Purpose
from lifecourse.schema.identity import Identity
from lifecourse.serve.auth.door import Door
from lifecourse.serve.cds_hooks.cards import cards_of
from lifecourse.serve.cds_hooks.fetching import completed
from lifecourse.serve.cds_hooks.request import (
    PREFETCH,
    HookRequest,
    check_patient,
    resources_of,
)
from lifecourse.serve.envelope import Json, success
from lifecourse.serve.identity import Given, Identified, Served, SignedIn, Trusted

SERVICE = "lifecourse-patient-view"

router = APIRouter(prefix="/cds-services")


@router.get("")
def services(actor: SignedIn) -> Response:
    """What there is to call, in the standard's own shape."""
    del actor
    service = {
        "hook": "patient-view",
        "id": SERVICE,
        "title": "lifecourse: what to do for this patient, and why",
        "description": (
            "Recommendations of published guidelines that apply now, with the entries of the record "
            "that decide. Answered from prefetch alone; nothing is kept."
        ),
        "prefetch": PREFETCH,
        "usageRequirements": "Send every prefetch key; null where there is nothing.",
    }
    return Json({"services": [service]})


@router.post(f"/{SERVICE}")
def patient_view(
    request: HookRequest, identity: Identified, site: Served, door: Trusted
) -> Response:
    """At most three cards for the patient of the context."""
    check_patient(request, identity.patient)
    resources = resources_of(_completed(request, identity, door))
    return Json({"cards": _cards(resources, request, identity.actor, site)})


def _completed(request: HookRequest, identity: Identity, door: Door) -> HookRequest:
    """`request` with what its prefetch lacks, where the settings name the caller's FHIR server."""
    client = next((c for c in door.trust.hook_clients if c.issuer == identity.issuer), None)
    if client is None or client.fhir_server is None:
        return request
    server = client.fhir_server
    return completed(request, server=server, outbound=door.outbound(server))


def _cards(
    resources: list[dict[str, Any]], request: HookRequest, actor: Actor, site: Served
) -> list[dict[str, Any]]:
    from lifecourse.serve.patient import view_of
    from lifecourse.timeline.resources import chart_from_resources

    chart = chart_from_resources(
        resources,
        actor=actor,
        purpose=Purpose.DIRECT_CARE,
        audit=site.audit,
        house=site.workspace,
        identity=site.identity,
    )
    if chart is None or chart.death is not None:
        return []
    return cards_of(view_of(chart, risks=[]), request.hookInstance)


class Reason(BaseModel):
    """A coding of REASONS."""

    model_config = ConfigDict(extra="ignore")

    code: str = Field(max_length=100)
    system: str | None = Field(default=None, max_length=200)


class OverrideReason(BaseModel):
    """Why a card was overridden."""

    model_config = ConfigDict(extra="ignore")

    reason: Reason | None = None
    userComment: str | None = Field(default=None, max_length=2000)  # noqa: N815 -- the standard's


class CardFeedback(BaseModel):
    """What became of one card."""

    model_config = ConfigDict(extra="ignore")

    card: UUID
    outcome: Literal["accepted", "overridden"]
    overrideReason: OverrideReason | None = None  # noqa: N815 -- the standard's spelling
    outcomeTimestamp: datetime  # noqa: N815 -- the standard's spelling


class Feedback(BaseModel):
    """What became of some cards; the same card may come again."""

    model_config = ConfigDict(extra="ignore")

    feedback: list[CardFeedback] = Field(max_length=100)


@router.post(f"/{SERVICE}/feedback")
def feedback(request: Feedback, actor: SignedIn, given: Given) -> Response:
    """Keep what became of cards."""
    for item in request.feedback:
        reason = item.overrideReason
        given.add(
            actor,
            {
                "card": str(item.card),
                "outcome": item.outcome,
                "reason": reason.reason.code if reason and reason.reason else None,
                "comment": reason.userComment if reason else None,
                "at": item.outcomeTimestamp.isoformat(),
            },
        )
    return success({"kept": len(request.feedback)})
