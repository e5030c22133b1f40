"""The application: routes, who may use them, and what an error looks like to a person and to a program."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from lifecourse.base.errors import LifecourseError, PolicyRefused, StoreError
from lifecourse.serve import health
from lifecourse.serve.api import officer as api_officer
from lifecourse.serve.api import programs
from lifecourse.serve.api import routes as api
from lifecourse.serve.auditing import Audited
from lifecourse.serve.auth import Issuer, NotSignedIn, local_issuer
from lifecourse.serve.auth.door import Door
from lifecourse.serve.auth.trust import Trust
from lifecourse.serve.cds_hooks import routes as hooks
from lifecourse.serve.cds_hooks.request import Unanswerable
from lifecourse.serve.envelope import failure, message_of
from lifecourse.serve.feedback import Answers
from lifecourse.serve.limits import Limits, Turnstile
from lifecourse.serve.middleware import Guard
from lifecourse.serve.outbound import Unreachable
from lifecourse.serve.site import Absent, Site
from lifecourse.serve.web import officer, reviews, sign_in
from lifecourse.serve.web import routes as web
from lifecourse.serve.web.pages import error_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
FOR_PROGRAMS = ("/healthz", "/readyz", "/token")
STATIC = Path(__file__).parent / "web" / "static"

log = logging.getLogger("lifecourse.serve")


def create_app(
    workspace: Path,
    *,
    issuer: Issuer | None = None,
    trust: Trust | None = None,
    address: str | None = None,
    units: str = "us",
    hosts: Sequence[str] = LOOPBACK,
    limits: Limits | None = None,
) -> FastAPI:
    """The pages, JSON twins and CDS Hooks of `workspace`.

    Parameters
    ----------
    issuer : signs links and sessions; by default the workspace's own
    trust : whom else this server believes; by default nobody
    address : this server's own as others know it, such as ``https://lifecourse.hospital.example``
    units : ``us`` or ``si``, which is shown first; both are always shown
    hosts : names this server answers to; another name in a request is refused (DNS rebinding)
    limits : how many requests in a while are answered; any number by default, for who asks in process
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.site = Site(workspace=workspace, units=units)
    app.state.issuer = issuer or local_issuer(workspace)
    app.state.door = Door(
        local=app.state.issuer, trust=trust or Trust(), workspace=workspace, address=address
    )
    app.state.provider = sign_in.provider_of(app.state.door)
    app.state.answers = Answers(workspace)
    app.include_router(health.router)
    app.include_router(sign_in.router)
    app.include_router(programs.router)
    app.include_router(web.router)
    app.include_router(reviews.router)
    app.include_router(officer.router)
    app.include_router(api.router)
    app.include_router(api_officer.router)
    app.include_router(hooks.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(LifecourseError, _ours)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(
        Guard,
        broken=_unexpected,
        is_secure=(address or "").startswith("https:"),
        turnstile=None if limits is None else Turnstile(limits),
    )
    app.add_middleware(Audited, workspace=workspace)
    return app


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, LifecourseError)  # noqa: S101 -- registered for nothing else
    return _answer(request, error.number, message_of(error), _status(error))


def _status(error: LifecourseError) -> int:
    if isinstance(error, NotSignedIn):
        return 401
    if isinstance(error, PolicyRefused):
        return 403
    if isinstance(error, Absent):
        return 404
    if isinstance(error, Unanswerable):
        return 412
    return 503 if isinstance(error, StoreError | Unreachable) else 400


def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for nothing else
    # Where it is wrong, never what was sent: that may be a record.
    places = sorted({".".join(str(part) for part in detail["loc"]) for detail in error.errors()})
    return _answer(request, 422, f"the request is malformed at: {', '.join(places)}.", 422)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for nothing else
    words = {404: "there is no such page.", 405: "this address does not take that method."}
    message = words.get(error.status_code, "the request cannot be answered.")
    return _answer(request, error.status_code, message, error.status_code)


def _unexpected(request: Request, error: Exception) -> Response:
    # The type and place, not the message: messages of libraries may quote records.
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_name}:{frame.tb_lineno}" if frame else "unknown"
    log.error("%s in %s", type(error).__name__, where)
    return _answer(
        request, 500, "something went wrong here; the log of the server says where.", 500
    )


def _answer(request: Request, number: int, message: str, status: int) -> Response:
    path: Any = request.url.path
    if path.startswith(("/api/", "/cds-services", "/.well-known/")) or path in FOR_PROGRAMS:
        answer = failure(number, message, status)
        if status == 401:
            answer.headers["www-authenticate"] = "Bearer"
        return answer
    return error_page(request, number=number, message=message, status=status)
