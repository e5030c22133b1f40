"""A tiny issuer on the loopback, for tests: an OpenID Connect server that signs in whoever asks, and signs anything."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joserfc.jwk import Key

CLIENT, SECRET = "lifecourse", "a secret of both"
LOOPBACK = ("127.0.0.0/8",)


@cache
def key(name: str, *, bits: int = 2048, curve: str = "P-384") -> Key:
    """A private key that is called `name`; an EC key where the name begins so."""
    made = ECKey if name.startswith("ec") else RSAKey
    return made.generate_key(curve if name.startswith("ec") else bits, {"kid": name, "use": "sig"})


def public_keys(*names: str) -> dict[str, Any]:
    """The JWK Set of the keys called `names`."""
    return {"keys": [key(name).as_dict(private=False) for name in names]}


def signed(
    claims: dict[str, Any] | bytes,
    *,
    by: str = "ec-1",
    algorithm: str | None = None,
    header: dict[str, Any] | None = None,
    with_key: Key | None = None,
) -> str:
    """A token with these very claims, signed by the key `by`."""
    stated = {"alg": algorithm or ("ES384" if by.startswith("ec") else "RS384"), "kid": by, "typ": "JWT"}  # fmt: skip
    protected = {
        name: value for name, value in {**stated, **(header or {})}.items() if value is not None
    }
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    # By hand: a library would not sign what these tests need to have signed.
    said = f"{encoded(json.dumps(protected).encode())}.{encoded(payload)}"
    made = jws.JWSRegistry.algorithms[protected["alg"]].sign(said.encode(), with_key or key(by))
    return f"{said}.{encoded(made)}"


def encoded(part: bytes) -> str:
    """A part of a token as it stands in one."""
    return urlsafe_b64encode(part).decode().rstrip("=")


def claims(issuer: str, audience: str, **more: Any) -> dict[str, Any]:
    """Claims of a token that is good for two minutes; `more` changes or, by None, drops some."""
    moment = int(time.time())
    said = {
        "iss": issuer, "sub": "program", "aud": audience, "iat": moment, "nbf": moment, "exp": moment + 120,
        "jti": secrets.token_hex(8), **more,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def write_keys(path: Path, *names: str) -> str:
    """A file of the public keys called `names`; its name, as settings in its folder state it."""
    path.write_text(json.dumps(public_keys(*names)))
    return path.name


@dataclass
class TestIssuer:
    """What it is asked, and what it answers.

    person : the claims of whoever signs in
    spoil : changes an ID token's claims before they are signed
    patient : whom the record system has open, told where a launch is asked about
    """

    __test__ = False

    address: str = ""
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "ada-1",
            "preferred_username": "Dr Ada",
            "groups": ["physicians"],
        }
    )
    by: str = "ec-1"
    spoil: dict[str, Any] = field(default_factory=dict)
    patient: str | None = None
    discovery: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def settings(self, **more: Any) -> dict[str, Any]:
        """`serve.trust.sign_in` for this issuer."""
        roles = {"physicians": "clinician", "privacy": "privacy_officer"}
        return {
            "issuer": self.address, "client_id": CLIENT, "client_secret": SECRET, "role_claim": "groups",
            "roles": roles, **more,
        }  # fmt: skip

    def document(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            **self.discovery,
        }

    def authorized(self, query: dict[str, str]) -> str:
        """Where the browser goes back to after somebody signed in."""
        assert query["code_challenge_method"] == "S256"
        assert query["response_type"] == "code"
        code = secrets.token_hex(8)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.address})}"

    def exchanged(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        """The answer of the token endpoint; a code is good once, for who knows its verifier and our secret."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        who = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
            or (unquote(who[0]), unquote(who[2])) != (CLIENT, SECRET)
        ):
            return {"error": "invalid_grant"}
        said = claims(self.address, CLIENT, nonce=asked["nonce"], **self.person)
        said = {name: value for name, value in {**said, **self.spoil}.items() if value is not None}
        context = {"patient": self.patient} if "launch" in asked else {}
        id_token = signed(said, by=self.by)
        return {"access_token": "x", "token_type": "Bearer", "id_token": id_token, **context}


FORM = """<!doctype html><html lang="en"><title>Test issuer</title><main><h1>Test issuer</h1>
<form method="post" action="/authorize?{query}"><button>Continue as {name}</button></form></main></html>"""


def _handler(issuer: TestIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = self._asked()
            if path == "/.well-known/openid-configuration":
                self._json(issuer.document())
            elif path == "/jwks":
                self._json(public_keys("ec-1", "rsa-1"))
            elif path == "/authorize":
                name = escape(issuer.person["preferred_username"])
                self._answer(200, "text/html", FORM.format(query=escape(query), name=name).encode())
            else:
                self._answer(404, "text/plain", b"")

        def do_POST(self) -> None:
            path, query = self._asked()
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            if path == "/authorize":
                self.send_response(302)
                self.send_header("location", issuer.authorized(dict(parse_qsl(query))))
                self.end_headers()
            else:
                sent = self.headers.get("authorization", "")
                self._json(issuer.exchanged(dict(parse_qsl(body)), sent))

        def _asked(self) -> tuple[str, str]:
            parts = urlsplit(self.path)
            issuer.asked.append(parts.path)
            return parts.path, parts.query

        def _json(self, document: dict[str, Any]) -> None:
            self._answer(200, "application/json", json.dumps(document).encode())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def serving(issuer: TestIssuer | None = None) -> Iterator[TestIssuer]:
    """A test issuer that answers on a port of the loopback."""
    issuer = issuer or TestIssuer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(issuer))
    issuer.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
