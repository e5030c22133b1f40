"""Who sends a request: the signed-in person of a page, or the program behind a bearer token. Nobody else."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request

from lifecourse.base.errors import PolicyRefused
from lifecourse.privacy.access.asking import Action
from lifecourse.privacy.acts import asked_by
from lifecourse.schema.actor import Actor
from lifecourse.schema.identity import LOCAL, Identity
from lifecourse.serve.auth import NotSignedIn
from lifecourse.serve.auth.cookies import read_cookie
from lifecourse.serve.auth.door import Door
from lifecourse.serve.feedback import Answers
from lifecourse.serve.outbound import origin_of
from lifecourse.serve.site import Site
from lifecourse.timeline.permission import check_permitted

OFFICER = "privacy_officer"


def identity_of(request: Request) -> Identity:
    """Who sends a request: the one place where routes learn it.

    Raises
    ------
    NotSignedIn
        The request says nothing that was signed here.
    PolicyRefused
        A page of another origin sends a form.
    """
    door: Door = request.app.state.door
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return as_asker(door.bearer(token, base=base_of(request), path=request.url.path))
    session = read_cookie(request, "session")
    if session is None:
        raise NotSignedIn
    check_origin(request)
    return as_asker(door.session(session))


def as_asker(identity: Identity) -> Identity:
    """`identity`, whom the audit entry of the request names from now on."""
    asked_by(
        identity.actor,
        client=identity.client or "",
        token=identity.token_id or "",
        issuer="" if identity.issuer == LOCAL else identity.issuer,
    )
    return identity


def base_of(request: Request) -> str:
    """The address of this server: as the settings say, else as the request does (its host is one we answer to)."""
    door: Door = request.app.state.door
    return door.address or str(request.base_url).rstrip("/")


Identified = Annotated[Identity, Depends(identity_of)]


def actor_of(identity: Identified) -> Actor:
    """The name and role of who sends a request."""
    return identity.actor


def officer_of(identity: Identified) -> Actor:
    """Who sends a request, who looks after privacy here.

    Raises
    ------
    PolicyRefused
        They do not.
    """
    if OFFICER not in {identity.actor.role, *identity.roles}:
        raise PolicyRefused(
            "the audit log is for whoever looks after privacy here (privacy_officer)."
        )
    return identity.actor


def check_origin(request: Request) -> None:
    """Refuse a change that another site's page asks for with this browser's cookie.

    Browsers say which page sends a form (`Origin`, `Sec-Fetch-Site`); a cookie with a change and neither is no browser
    that we know to keep the cookie from other sites, so it is refused too.
    """
    if request.method in ("GET", "HEAD"):
        return
    origin, fetched = (request.headers.get(name) for name in ("origin", "sec-fetch-site"))
    ours = origin_of(base_of(request))
    is_silent = origin is None and fetched is None and bool(request.cookies)
    if is_silent or origin not in (None, ours) or fetched not in (None, "same-origin"):
        raise PolicyRefused("a page of another site sent this form. Use the page of this server.")


def site_of(request: Request, identity: Identified) -> Site:
    """The workspace that is served, as who asks meets it."""
    site: Site = request.app.state.site
    return site.seen_by(identity)


SignedIn = Annotated[Actor, Depends(actor_of)]
Served = Annotated[Site, Depends(site_of)]
SubjectId = Annotated[int, Path(ge=-(2**63), le=2**63 - 1)]
"""A person in an address: 64 bits, as everywhere."""


def results_of(site: Served) -> Site:
    """The workspace, to whom policies let see what was learned from its people together.

    Raises
    ------
    PolicyRefused
        They do not.
    """
    if site.identity is not None:
        check_permitted(site.workspace, site.identity, Action.RESULTS)
    return site


def answers_of(request: Request) -> Answers:
    """The answers given in the workspace that is served."""
    answers: Answers = request.app.state.answers
    return answers


def door_of(request: Request) -> Door:
    """Whom this server lets in."""
    door: Door = request.app.state.door
    return door


Trusted = Annotated[Door, Depends(door_of)]
Results = Annotated[Site, Depends(results_of)]
Officer = Annotated[Actor, Depends(officer_of)]
Given = Annotated[Answers, Depends(answers_of)]
Document = dict[str, Any]
