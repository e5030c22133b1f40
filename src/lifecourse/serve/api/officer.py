"""The JSON twins of the privacy officer's pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from lifecourse.serve import officer
from lifecourse.serve.envelope import success
from lifecourse.serve.identity import Officer, Served
from lifecourse.serve.web.officer import Asked

router = APIRouter(prefix="/api/audit")


@router.get("")
def audit_log(actor: Officer, site: Served, question: Asked) -> Response:
    """All that the privacy officer's page shows."""
    return success(officer.log_page(officer.opened(site, actor), question), purpose="operations")


@router.get("/people/{subject_id}")
def one_person(
    subject_id: int,
    actor: Officer,
    site: Served,
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
    everything: Annotated[bool, Query()] = False,
) -> Response:
    """The accounting of disclosures of one person."""
    found = officer.person_page(
        officer.opened(site, actor), subject_id, since, until, exempt_too=everything
    )
    return success(found, purpose="operations")
