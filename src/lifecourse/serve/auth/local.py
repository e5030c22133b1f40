"""Who is signed in. A local issuer for development: one-time links, signed sessions, no anonymous access.

The issuer's key lies in the workspace, readable by its owner alone; whoever can read it can already read the
records. A hospital puts its own issuer behind the same three calls.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.clock import now
from lifecourse.base.errors import PolicyRefused
from lifecourse.schema.actor import Actor
from lifecourse.schema.identity import LOCAL, Identity
from lifecourse.schema.scopes import parse_scopes
from lifecourse.serve.auth.spent import Spent

if TYPE_CHECKING:
    from pathlib import Path

COOKIE = "lifecourse_session"
LINK_SECONDS = 15 * 60
SESSION_SECONDS = 8 * 3600
SERVICE_SECONDS = 30 * 24 * 3600
ACCESS_SECONDS = 5 * 60
FLOW_SECONDS = 10 * 60
FOLDER = ".sign-in"
LONGEST_NAME = 200


class NotSignedIn(PolicyRefused):
    """The request does not say who asks; the answer is the same for whatever is wrong with what it says."""

    number = 301

    def __init__(self) -> None:
        super().__init__(
            "sign in. A link works once, for a quarter of an hour; a program sends a token that this server takes."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Signs and reads tokens: ``link`` (once), ``session``, ``service``, ``access`` and, while signing in, ``flow``.

    key : signs; different for every workspace
    folder : remembers links that were used and sessions that were ended, across processes and restarts
    """

    key: bytes = field(repr=False)
    folder: Path

    def link_token(self, actor: Actor) -> str:
        """A token that signs `actor` in once, within a quarter of an hour."""
        return self._sign("link", Identity(actor=actor), LINK_SECONDS)

    def session_token(self, actor: Actor) -> str:
        """A token that keeps `actor` signed in for a working day."""
        return self.open_session(Identity(actor=actor))

    def open_session(self, identity: Identity) -> str:
        """A token that keeps whoever an issuer vouched for signed in for a working day."""
        return self._sign("session", identity, SESSION_SECONDS)

    def service_token(self, actor: Actor) -> str:
        """A bearer token for a program, such as an EHR that calls the hooks; valid for thirty days."""
        return self._sign("service", Identity(actor=actor), SERVICE_SECONDS)

    def use_link(self, token: str) -> Identity:
        """Whom a sign-in link is for; it is then used up.

        Raises
        ------
        NotSignedIn
            The link was not made here, is too old or was used before.
        """
        claims = self._read("link", token)
        if not self._spent.spend(**_use(claims)):
            raise NotSignedIn
        return _identity(claims)

    def session(self, token: str) -> Identity:
        """Whose session it is.

        Raises
        ------
        NotSignedIn
            The session was not made here, is too old or was ended.
        """
        claims = self._read("session", token)
        if self._spent.is_spent(**_use(claims)):
            raise NotSignedIn
        return _identity(claims)

    def access_token(self, identity: Identity) -> str:
        """A bearer token for a program that proved itself, good for five minutes and its scopes."""
        return self._sign("access", identity, ACCESS_SECONDS)

    def service(self, token: str) -> Identity:
        """Whose bearer token it is.

        Raises
        ------
        NotSignedIn
            The token was not made here or is too old.
        """
        return _identity(self._read("service access", token))

    def end_session(self, token: str) -> None:
        """Make `token` worthless."""
        with suppress(NotSignedIn):
            self._spent.spend(**_use(self._read("session", token)))

    def begin_flow(self) -> tuple[str, str]:
        """A sign-in elsewhere begins: the token that this browser keeps meanwhile, and what `derived` takes."""
        claims = self._claims("flow", FLOW_SECONDS)
        return self._sealed(claims), claims["once"]

    def end_flow(self, token: str) -> str:
        """What `derived` takes, once; raises NotSignedIn."""
        claims = self._read("flow", token)
        if not self._spent.spend(**_use(claims)):
            raise NotSignedIn
        return str(claims["once"])

    def derived(self, once: str, what: str) -> str:
        """A secret of one flow that need not be kept: its state, its nonce or its code verifier."""
        digest = hmac.new(self.key, f"lifecourse {what}\0{once}".encode(), hashlib.sha256)
        return digest.hexdigest()

    def _sign(self, kind: str, identity: Identity, seconds: int) -> str:
        claims = {
            **self._claims(kind, seconds),
            "name": identity.actor.name[:LONGEST_NAME],
            "role": identity.actor.role,
            "issuer": identity.issuer,
            "roles": sorted(identity.roles),
        }
        if identity.patient is not None:
            claims |= {"patient": identity.patient, "subject_id": identity.subject_id}
        if identity.scopes is not None:
            claims |= {"client": identity.client, "scopes": " ".join(map(str, identity.scopes))}
        return self._sealed(claims)

    def _claims(self, kind: str, seconds: int) -> dict[str, Any]:
        until = int(now().timestamp()) + seconds
        return {"kind": kind, "until": until, "once": secrets.token_hex(16)}

    def _sealed(self, claims: dict[str, Any]) -> str:
        body = base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip("=")
        return f"{body}.{self._seal(body)}"

    def _seal(self, body: str) -> str:
        digest = hmac.new(self.key, b"lifecourse sign-in\0" + body.encode(), hashlib.sha256)
        return digest.hexdigest()

    def _read(self, kinds: str, token: str) -> dict[str, Any]:
        body, _, seal = token.partition(".")
        if not hmac.compare_digest(self._seal(body).encode(), seal.encode()):
            raise NotSignedIn
        claims: dict[str, Any] = orjson.loads(
            base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        )
        if claims["kind"] not in kinds.split() or claims["until"] < now().timestamp():
            raise NotSignedIn
        return claims

    @property
    def _spent(self) -> Spent:
        return Spent(folder=self.folder / "used")


def _use(claims: dict[str, Any]) -> dict[str, Any]:
    return {"issuer": LOCAL, "token_id": claims["once"], "until": claims["until"]}


def _identity(claims: dict[str, Any]) -> Identity:
    return Identity(
        actor=Actor(name=claims["name"], role=claims["role"]),
        issuer=claims["issuer"],
        roles=frozenset(claims["roles"]),
        client=claims.get("client"),
        token_id=claims["once"],
        patient=claims.get("patient"),
        subject_id=claims.get("subject_id"),
        scopes=parse_scopes(claims["scopes"]) if "scopes" in claims else None,
    )


def local_issuer(workspace: Path, *, signing_key: str | None = None) -> Issuer:
    """The issuer of `workspace`: its key is `signing_key`, else one drawn once and kept there with mode 0600."""
    folder = workspace / FOLDER
    if signing_key is not None:
        return Issuer(key=hashlib.sha256(signing_key.encode()).digest(), folder=folder)
    path = folder / "key"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        write_secret(path, secrets.token_hex(32))
    return Issuer(key=bytes.fromhex(path.read_text().strip()), folder=folder)


def write_secret(path: Path, secret: str) -> None:
    """Write `secret` to a new file that its owner alone reads; FileExistsError when there is one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secret + "\n")


def sign_in_link(
    workspace: Path,
    actor: Actor,
    *,
    address: str = "http://127.0.0.1:8000",
    issuer: Issuer | None = None,
) -> str:
    """A link that signs `actor` in to the pages of `workspace` at `address`, once."""
    token = (issuer or local_issuer(workspace)).link_token(actor)
    return f"{address}/sign-in?token={token}"
