"""A program proves itself with an assertion that it signed, and is given what it asks for within its registration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.schema.actor import Actor
from lifecourse.schema.identity import Identity
from lifecourse.schema.scopes import Scope, parse_scopes
from lifecourse.serve.auth.door import ASSERTION_SECONDS
from lifecourse.serve.auth.tokens import Expected, believed, issuer_in, refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lifecourse.serve.auth.door import Door


def access_for(door: Door, assertion: str, *, asked: str, audience: str) -> Identity:
    """The program that signed `assertion` for `audience`, with those of the scopes `asked` that it is registered for.

    Raises
    ------
    NotSignedIn
        The assertion is not believed.
    """
    name = issuer_in(assertion)
    client = next((each for each in door.trust.backend_clients if each.client_id == name), None)
    if client is None:
        raise refused("no such client")
    expected = Expected(
        issuer=client.client_id,
        subject=client.client_id,
        audience=audience,
        longest_seconds=ASSERTION_SECONDS,
        key_address=client.jwks,
    )
    claims = believed(assertion, expected, keys=door.keys_of(client.jwks), spent=door.spent)
    registered = parse_scopes(" ".join(client.scopes))
    return Identity(
        actor=Actor(name=client.client_id, role="service"),
        roles=frozenset(("service",)),
        client=client.client_id,
        token_id=claims["jti"],
        scopes=within(registered, parse_scopes(asked)),
    )


def within(registered: Iterable[Scope], asked: Iterable[Scope]) -> tuple[Scope, ...]:
    """Those of `asked` that a registered scope gives whole: never more than either."""
    given = tuple(registered)
    return tuple(scope for scope in asked if any(each.covers(scope) for each in given))
