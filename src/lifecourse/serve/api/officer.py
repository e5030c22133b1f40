"""The JSON twins of the privacy officer's pages."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from lifecourse.serve import officer
from lifecourse.serve.envelope import success
from lifecourse.serve.identity import Officer, Served
from lifecourse.serve.web.officer import Accounted, Asked

router = APIRouter(prefix="/api/audit")


@router.get("")
def audit_log(actor: Officer, site: Served, question: Asked) -> Response:
    """All that the privacy officer's page shows."""
    return success(officer.log_page(officer.opened(site, actor), question), purpose="operations")


@router.get("/people/{subject_id}")
def one_person(accounting: Accounted) -> Response:
    """The accounting of disclosures of one person."""
    return success(accounting.told, purpose="operations")
