"""Signing in at a hospital's OpenID Connect server: authorization code with PKCE, state and nonce.

What a browser keeps meanwhile is one sealed token, good once; state, nonce and code verifier are worked out from it.
"""

from __future__ import annotations

import hmac
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client

from lifecourse.base.errors import PolicyRefused
from lifecourse.schema.actor import Actor
from lifecourse.schema.identity import Identity
from lifecourse.serve.auth.door import LONGEST_NAME, roles_of, subject_of
from lifecourse.serve.auth.tokens import Expected, believed, refused
from lifecourse.serve.outbound import Outbound, OutboundRefused, Unreachable, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lifecourse.serve.auth.door import Door
    from lifecourse.serve.auth.trust import SignIn

DISCOVERY = "/.well-known/openid-configuration"
RETURN = "/sign-in/return"
FRESH_SECONDS = 3600.0
RETRY_SECONDS = 10.0
ID_TOKEN_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that has begun: where the browser goes, and what it keeps meanwhile."""

    url: str
    token: str


@dataclass(kw_only=True)
class Provider:
    """The server at which people sign in."""

    settings: SignIn
    door: Door
    _found: tuple[float, dict[str, str]] | None = field(default=None, repr=False)
    _failed_at: float = field(default=float("-inf"), repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self, *, base: str, launch: str | None = None) -> Begun:
        """Send a browser to the server; it comes back to this one at `base`.

        `launch` is what a record system opened our page with (SMART launch): the server then says for which patient.

        Raises
        ------
        Unreachable
            The server does not answer, or its discovery document is not its own.
        """
        token, once = self.door.local.begin_flow()
        url, _ = self._client(base).create_authorization_url(
            self._endpoints()["authorization_endpoint"],
            state=self._secret(once, "state"),
            nonce=self._secret(once, "nonce"),
            code_verifier=self._secret(once, "verifier"),
            **self._launched(launch),
        )
        return Begun(url=url, token=token)

    def finish(self, *, token: str, answer: Mapping[str, str], base: str) -> Identity:
        """Who came back with `answer` in the address, and with the `token` that was given at the beginning.

        Raises
        ------
        NotSignedIn
            It is not the answer to what this browser began, or the server vouches for nobody.
        PolicyRefused
            The person has no role here.
        """
        once = self.door.local.end_flow(token)
        state = answer.get("state", "")
        if not hmac.compare_digest(state.encode(), self._secret(once, "state").encode()):
            raise refused("state")
        if answer.get("iss", self.settings.issuer) != self.settings.issuer:
            raise refused("issuer of the answer")
        if "error" in answer or not answer.get("code"):
            raise refused("no code")
        told = self._exchanged(answer["code"], once, base)
        claims = self._claims(told["id_token"], self._secret(once, "nonce"))
        return self._person(claims, told.get("patient"))

    def takes_launch(self, fhir_server: str) -> bool:
        """Whether the settings name `fhir_server` as a record system that may open our pages."""
        known = self.settings.fhir_server
        return known is not None and known.rstrip("/") == fhir_server.rstrip("/")

    def _launched(self, launch: str | None) -> dict[str, str]:
        if launch is None or self.settings.fhir_server is None:
            return {}
        scope = f"launch {self.settings.scopes}"
        return {"launch": launch, "aud": self.settings.fhir_server, "scope": scope}

    def _secret(self, once: str, what: str) -> str:
        return self.door.local.derived(once, what)

    def _exchanged(self, code: str, once: str, base: str) -> dict[str, Any]:
        try:
            answered = self._client(base).fetch_token(
                self._endpoints()["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=self._secret(once, "verifier"),
            )
        except (AuthlibBaseError, Unreachable):
            raise refused("code") from None
        if not isinstance(answered.get("id_token"), str):
            raise refused("no ID token")
        return dict(answered)

    def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        expected = Expected(
            issuer=self.settings.issuer,
            audience=self.settings.client_id,
            longest_seconds=ID_TOKEN_SECONDS,
            nonce=nonce,
            once=False,
        )
        place = self.settings.jwks or self._endpoints()["jwks_uri"]
        keys = self.door.keys_of(place)
        claims = believed(id_token, expected, keys=keys, spent=self.door.spent)
        party = claims.get("azp")
        if party != self.settings.client_id and (
            party is not None or isinstance(claims["aud"], list)
        ):
            raise refused("authorized party")
        return claims

    def _person(self, claims: Mapping[str, Any], patient: object) -> Identity:
        roles = roles_of(claims, self.settings.role_claim, self.settings.roles)
        if not roles:
            raise PolicyRefused(
                "your account has no role here. Ask whoever looks after this server, or your directory, for one."
            )
        name = claims.get(self.settings.name_claim)
        shown = name if isinstance(name, str) and name else claims["sub"]
        opened = patient if isinstance(patient, str) and self.settings.fhir_server else None
        # The first in the settings is what a person mainly is.
        role = next(role for role in self.settings.roles.values() if role in roles)
        return Identity(
            actor=Actor(name=shown[:LONGEST_NAME], role=role),
            issuer=self.settings.issuer,
            roles=roles,
            patient=opened,
            subject_id=subject_of(self.settings.people, opened),
        )

    def _endpoints(self) -> dict[str, str]:
        with self._lock:
            moment = time.monotonic()
            if self._found is not None and moment - self._found[0] < FRESH_SECONDS:
                return self._found[1]
            if moment - self._failed_at < RETRY_SECONDS:
                raise Unreachable("the sign-in server did not answer a moment ago. Try again soon.")
            # Failed until it is not: while the server is silent, threads that wait for it are few.
            self._failed_at = moment
            self._found = (moment, self._discovered())
            self._failed_at = float("-inf")
            return self._found[1]

    def _discovered(self) -> dict[str, str]:
        document = self._outbound().get(self.settings.issuer.rstrip("/") + DISCOVERY)
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if not isinstance(document, dict) or document.get("issuer") != self.settings.issuer:
            raise Unreachable("the sign-in server's discovery document names another issuer.")
        found = {name: document.get(name) for name in names}
        if not all(isinstance(url, str) and self._is_its_own(url) for url in found.values()):
            raise Unreachable(
                "the sign-in server's discovery document names addresses elsewhere. List them in `also_at`."
            )
        return {name: str(url) for name, url in found.items()}

    def _is_its_own(self, url: str) -> bool:
        try:
            return origin_of(url) in self._outbound().origins
        except ValueError:
            return False

    def _outbound(self) -> Outbound:
        return self.door.outbound(self.settings.issuer, *self.settings.also_at)

    def _client(self, base: str) -> Any:
        secret = self.settings.client_secret
        return OAuth2Client(
            _Session(self._outbound()),
            client_id=self.settings.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            scope=self.settings.scopes,
            redirect_uri=base + RETURN,
            code_challenge_method="S256",
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as Authlib reads one; whatever was not 200 has become an error before."""

    document: Any
    status_code: int = 200

    def json(self) -> Any:
        return self.document

    def raise_for_status(self) -> None:
        """Nothing: it is 200."""


@dataclass(frozen=True, slots=True)
class _Session:
    """What Authlib asks through, so that it asks where we may and no further."""

    outbound: Outbound

    def post(
        self, url: str, data: Mapping[str, str], headers: Mapping[str, str], auth: Any
    ) -> _Answer:
        url, sent, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        try:
            document = self.outbound.post(url, sent, body)
        except OutboundRefused:
            raise Unreachable("the sign-in server's token address is not its own.") from None
        return _Answer(document if isinstance(document, dict) else {"error": "no object"})
