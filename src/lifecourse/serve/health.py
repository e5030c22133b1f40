"""Whether the process lives, and whether it can answer. Neither says anything of people."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from lifecourse.serve.envelope import failure, success

router = APIRouter()


@router.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return success({"status": "alive"})


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """The workspace has a store that pages can be made of; opening it is left to someone signed in."""
    if not (request.app.state.site.workspace / "store").is_dir():
        return failure(120, "there is no store yet. Make one: lifecourse run", 503)
    return success({"status": "ready"})
