"""How a program without a user gets a token here (SMART backend services), and where that is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from lifecourse.serve.auth.backend import access_for
from lifecourse.serve.auth.local import ACCESS_SECONDS, NotSignedIn
from lifecourse.serve.auth.tokens import ALGORITHMS
from lifecourse.serve.envelope import Json
from lifecourse.serve.identity import as_asker, base_of, check_origin
from lifecourse.serve.site import Absent

if TYPE_CHECKING:
    from lifecourse.serve.auth.door import Door

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

router = APIRouter()


@router.get("/.well-known/smart-configuration")
def smart_configuration(request: Request) -> Response:
    """What a program needs to know to get a token; absent where no program is registered."""
    door: Door = request.app.state.door
    if not door.trust.backend_clients:
        raise Absent("no program is registered here.")
    scopes = {word for client in door.trust.backend_clients for word in client.scopes}
    return Json(
        {
            "token_endpoint": f"{base_of(request)}/token",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": sorted(ALGORITHMS),
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": sorted(scopes),
            "capabilities": ["client-confidential-asymmetric", "permission-v2"],
        }
    )


@router.post("/token")
def token(
    request: Request,
    grant_type: Annotated[str, Form()] = "",
    client_assertion_type: Annotated[str, Form()] = "",
    client_assertion: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "",
) -> Response:
    """A token of five minutes for a program that proves itself with its key, never for more than it is registered."""
    check_origin(request)
    door: Door = request.app.state.door
    if client_assertion_type != ASSERTION:
        return _failed("invalid_client", 401)
    try:
        identity = access_for(
            door, client_assertion, asked=scope, audience=f"{base_of(request)}/token"
        )
    except NotSignedIn:
        return _failed("invalid_client", 401)
    as_asker(identity)
    if grant_type != "client_credentials":
        return _failed("unsupported_grant_type", 400)
    if not identity.scopes:
        return _failed("invalid_scope", 400)
    return Json(
        {
            "access_token": door.local.access_token(identity),
            "token_type": "bearer",
            "expires_in": ACCESS_SECONDS,
            "scope": " ".join(map(str, identity.scopes)),
        }
    )


def _failed(error: str, status: int) -> Json:
    """An error in OAuth's own shape (RFC 6749), without a description."""
    return Json({"error": error}, status_code=status)
