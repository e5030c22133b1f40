"""A JSON Web Token, believed or not: signed by a named key of a configured issuer, for us, now, and once where it must.

Whoever sent it learns only that it was not believed; why is a word in the server's log.
"""

from __future__ import annotations

import logging
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from lifecourse.base.clock import now
from lifecourse.base.json_text import parse
from lifecourse.serve.auth.local import NotSignedIn

if TYPE_CHECKING:
    from joserfc.jwt import ClaimsOption

    from lifecourse.serve.auth.keysets import Keys
    from lifecourse.serve.auth.spent import Spent

ALGORITHMS = {"RS384": "RSA", "ES384": "EC"}
"""What SMART and CDS Hooks ask for, and the kind of key of each."""
LARGEST = 16 * 1024
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
HEADER = {"alg", "kid", "typ", "jku"}
TYPES = (None, "JWT", "jwt", "at+jwt", "application/at+jwt")
LEEWAY_SECONDS = 30
LONGEST_NAME = 500

log = logging.getLogger("lifecourse.serve")


class Disbelieved(ValueError):
    """Why a token is not believed, in a word for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must say to be believed.

    issuer : ``iss``
    audience : us, one of ``aud``
    longest_seconds : from ``iat`` (or now) to ``exp``
    subject : ``sub``, where it is known beforehand
    nonce : ``nonce``, where one was sent
    once : a second use of its ``jti`` is refused
    key_address : where the settings say that the issuer's keys are; a ``jku`` may name this and nothing else
    """

    issuer: str
    audience: str
    longest_seconds: int
    subject: str | None = None
    nonce: str | None = None
    once: bool = True
    key_address: str | None = None


def believed(token: str, expected: Expected, *, keys: Keys, spent: Spent) -> dict[str, Any]:
    """The claims of `token`.

    Raises
    ------
    NotSignedIn
        It is not believed, for whichever reason.
    """
    try:
        claims = _signed(token, expected, keys)
        _check(claims, expected)
    except (Disbelieved, JoseError) as why:
        raise refused(str(why) if isinstance(why, Disbelieved) else type(why).__name__) from None
    if expected.once and not spent.spend(
        issuer=claims["iss"], token_id=claims["jti"], until=int(claims["exp"]) + LEEWAY_SECONDS
    ):
        raise refused("replayed")
    return claims


def refused(why: str) -> NotSignedIn:
    """The same answer to every token that is not believed; `why`, a word of ours, goes to the log alone."""
    log.warning("a token was refused: %s", why)
    return NotSignedIn()


def issuer_in(token: str) -> str:
    """Whom `token` says it is from: not believed yet, good only to choose whose keys decide."""
    try:
        claims = _part(token.split(".")[1]) if len(token) <= LARGEST else None
    except (Disbelieved, IndexError):
        return ""
    issuer = claims.get("iss") if claims else None
    return issuer if isinstance(issuer, str) else ""


def _signed(token: str, expected: Expected, keys: Keys) -> dict[str, Any]:
    if len(token) > LARGEST or COMPACT.fullmatch(token) is None:
        raise Disbelieved("no compact token, or too long")
    header = _part(token.partition(".")[0])
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS or not isinstance(kid, str) or header.get("typ") not in TYPES:
        raise Disbelieved("algorithm, kid or typ")
    # Keys that a token brings along, and extensions it asks for, are no business of its own.
    if set(header) - HEADER or header.get("jku", expected.key_address) != expected.key_address:
        raise Disbelieved("header")
    key = keys.find(kid, ALGORITHMS[algorithm])
    if key is None:
        raise Disbelieved("no such key")
    signed = jws.deserialize_compact(token, key, algorithms=[algorithm])
    return _claims(signed.payload)


def _part(text: str) -> dict[str, Any]:
    try:
        return _claims(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise Disbelieved("not base64url") from None


def _claims(raw: bytes) -> dict[str, Any]:
    try:
        found = parse(raw)
    except ValueError:
        raise Disbelieved("not JSON, or a name twice") from None
    if not isinstance(found, dict):
        raise Disbelieved("no object")
    return found


def _check(claims: dict[str, Any], expected: Expected) -> None:
    moment = int(now().timestamp())
    said = {
        "iss": expected.issuer,
        "aud": expected.audience,
        "sub": expected.subject,
        "nonce": expected.nonce,
    }
    options: dict[str, ClaimsOption] = {
        name: {"essential": True, "value": value}
        for name, value in said.items()
        if value is not None
    }
    options |= {"exp": {"essential": True}, "iat": {"essential": True}}
    JWTClaimsRegistry(now=moment, leeway=LEEWAY_SECONDS, **options).validate(claims)
    if claims["exp"] - min(claims["iat"], moment) > expected.longest_seconds + LEEWAY_SECONDS:
        raise Disbelieved("lives too long")
    for name in ("sub", "jti"):
        given = claims.get(name)
        needed = expected.once or name == "sub"
        if (needed or given is not None) and not _is_name(given):
            raise Disbelieved(name)


def _is_name(given: Any) -> bool:
    return isinstance(given, str) and 0 < len(given) <= LONGEST_NAME
