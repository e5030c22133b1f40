"""Signing in and out: by a link of this server, or at the hospital's own sign-in server."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from lifecourse.serve.auth import NotSignedIn
from lifecourse.serve.auth.cookies import drop_cookie, read_cookie, set_cookie
from lifecourse.serve.identity import as_asker, base_of, check_origin
from lifecourse.serve.web.pages import Links, page

if TYPE_CHECKING:
    from lifecourse.schema.identity import Identity
    from lifecourse.serve.auth.door import Door
    from lifecourse.serve.auth.oidc import Begun, Provider

router = APIRouter()


def provider_of(door: Door) -> Provider | None:
    """The sign-in server that the settings name."""
    if door.trust.sign_in is None:
        return None
    from lifecourse.serve.auth.oidc import Provider

    return Provider(settings=door.trust.sign_in, door=door)


@router.get("/sign-in")
def sign_in(request: Request, token: str = "") -> Response:
    """Use a sign-in link up and open a session."""
    return _signed_in(request, request.app.state.issuer.use_link(token))


@router.get("/sign-in/begin")
def begin(request: Request) -> Response:
    """Go to the hospital's sign-in server."""
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotSignedIn
    return _sent_away(request, provider.begin(base=base_of(request)))


@router.get("/launch")
def launch(
    request: Request,
    iss: Annotated[str, Query(max_length=1000)] = "",
    launch: Annotated[str, Query(min_length=1, max_length=4000)] = "none",
) -> Response:
    """Open the page of the patient whom a record system has open (SMART launch), by way of the sign-in server."""
    provider: Provider | None = request.app.state.provider
    if provider is None or not provider.takes_launch(iss):
        raise NotSignedIn
    return _sent_away(request, provider.begin(base=base_of(request), launch=launch))


def _sent_away(request: Request, begun: Begun) -> Response:
    response = RedirectResponse(begun.url, status_code=303)
    set_cookie(response, request, "flow", begun.token)
    return response


@router.get("/sign-in/return")
def come_back(request: Request) -> Response:
    """Come back from the hospital's sign-in server, and open a session for whom it vouches."""
    provider: Provider | None = request.app.state.provider
    token = read_cookie(request, "flow")
    if provider is None or token is None:
        raise NotSignedIn
    answer = dict(request.query_params)
    identity = provider.finish(token=token, answer=answer, base=base_of(request))
    response = _signed_in(request, identity)
    drop_cookie(response, request, "flow")
    return response


def _signed_in(request: Request, identity: Identity) -> Response:
    """A page and not a redirect: a browser that came from elsewhere would not send a strict cookie along one."""
    person = identity.subject_id
    then = Links().patients() if person is None else Links().patient(person)
    response = page("signed_in.html", actor=as_asker(identity).actor, then=then)
    set_cookie(response, request, "session", request.app.state.issuer.open_session(identity))
    return response


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session everywhere."""
    check_origin(request)
    issuer, session = request.app.state.issuer, read_cookie(request, "session") or ""
    with suppress(NotSignedIn):
        as_asker(issuer.session(session))
    issuer.end_session(session)
    response = page("signed_out.html", actor=None, elsewhere=request.app.state.provider is not None)
    drop_cookie(response, request, "session")
    response.headers["clear-site-data"] = '"storage"'
    return response
