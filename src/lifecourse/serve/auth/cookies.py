"""The cookies of this server: for this host alone, unreadable to scripts, and over TLS under a name that proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lifecourse.serve.auth.local import COOKIE, FLOW_SECONDS, SESSION_SECONDS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

FLOW_COOKIE = "lifecourse_signing_in"
Kind = Literal["session", "flow"]
NAMES: dict[Kind, str] = {"session": COOKIE, "flow": FLOW_COOKIE}
SECONDS: dict[Kind, int] = {"session": SESSION_SECONDS, "flow": FLOW_SECONDS}
SAME_SITE: dict[Kind, Literal["strict", "lax"]] = {"session": "strict", "flow": "lax"}
"""A strict cookie would not come along when another issuer sends the browser back."""


def is_secure(request: Request) -> bool:
    """Whether browsers reach this server over TLS, here or at a proxy before it."""
    address: str | None = request.app.state.door.address
    return (address or str(request.url)).startswith("https:")


def cookie_name(request: Request, kind: Kind) -> str:
    """A name that a browser takes over TLS from this very host alone, for all of its paths (``__Host-``)."""
    return f"__Host-{NAMES[kind]}" if is_secure(request) else NAMES[kind]


def read_cookie(request: Request, kind: Kind) -> str | None:
    """The token in a cookie."""
    return request.cookies.get(cookie_name(request, kind))


def set_cookie(response: Response, request: Request, kind: Kind, token: str) -> None:
    """Keep `token` in the browser."""
    response.set_cookie(
        cookie_name(request, kind),
        token,
        max_age=SECONDS[kind],
        httponly=True,
        samesite=SAME_SITE[kind],
        secure=is_secure(request),
    )


def drop_cookie(response: Response, request: Request, kind: Kind) -> None:
    """Take a cookie out of the browser."""
    response.delete_cookie(
        cookie_name(request, kind),
        httponly=True,
        samesite=SAME_SITE[kind],
        secure=is_secure(request),
    )
