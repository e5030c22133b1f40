"""A vault's transit engine on loopback, as its documentation tells it: for tests of what asks one."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "s.tests"


class Engine:
    """Keys by name, each a list of versions; `asked` says what was asked."""

    def __init__(self) -> None:
        self.keys: dict[str, list[bytes]] = {}
        self.least: dict[str, int] = {}
        self.asked: list[tuple[str, str]] = []

    def answer(self, method: str, what: str, content: dict[str, Any]) -> tuple[int, Any]:
        self.asked.append((method, what))
        verb, _, name = what.partition("/")
        if verb == "keys":
            return self._keys(method, name, content)
        if name not in self.keys:
            return 404, {"errors": ["encryption key not found"]}
        said = base64.b64decode(content.get("associated_data", ""))
        if verb == "encrypt":
            version, nonce = len(self.keys[name]), secrets.token_bytes(12)
            raw = AESGCM(self.keys[name][-1]).encrypt(
                nonce, base64.b64decode(content["plaintext"]), said
            )
            text = base64.b64encode(nonce + raw).decode()
            return 200, {"data": {"ciphertext": f"vault:v{version}:{text}", "key_version": version}}
        return self._decrypt(name, content["ciphertext"], said)

    def _decrypt(self, name: str, ciphertext: str, said: bytes) -> tuple[int, Any]:
        head, number, text = ciphertext.split(":")
        version = int(number.removeprefix("v"))
        if head != "vault" or not self.least[name] <= version <= len(self.keys[name]):
            return 400, {
                "errors": ["ciphertext or signature version is disallowed by policy (too old)"]
            }
        raw = base64.b64decode(text)
        try:
            opened = AESGCM(self.keys[name][version - 1]).decrypt(raw[:12], raw[12:], said)
        except InvalidTag:
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(opened).decode()}}

    def _keys(self, method: str, name: str, content: dict[str, Any]) -> tuple[int, Any]:
        name, _, verb = name.partition("/")
        if method == "POST" and verb == "":
            self.keys.setdefault(name, [AESGCM.generate_key(256)])
            self.least.setdefault(name, 1)
            return 204, None
        if name not in self.keys:
            return 404, {"errors": []}
        if verb == "rotate":
            self.keys[name].append(AESGCM.generate_key(256))
            return 204, None
        if verb == "config":
            self.least[name] = content["min_decryption_version"]
            return 204, None
        told = {"latest_version": len(self.keys[name]), "min_decryption_version": self.least[name]}
        return 200, {"data": told}


@contextmanager
def transit(
    *, mount: str = "transit", certificate: Path | None = None, elsewhere: str | None = None
) -> Iterator[tuple[str, Engine]]:
    """The address (``http://127.0.0.1:PORT``) of an engine, and the engine.

    certificate : PEM of key and certificate, with which it speaks HTTPS
    elsewhere : an address to which it sends whoever asks
    """
    engine = Engine()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = json.loads(self.rfile.read(length) or b"{}")
            root = f"/v1/{mount}/"
            if elsewhere is not None:
                self.send_response(307)
                self.send_header("Location", f"{elsewhere}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.headers.get("X-Vault-Token") != TOKEN:
                status, told = 403, {"errors": ["permission denied"]}
            elif not self.path.startswith(root):
                status, told = 404, {"errors": []}
            else:
                status, told = engine.answer(self.command, self.path.removeprefix(root), content)
            body = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _serve  # noqa: N815 -- the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no news
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        scheme = "http" if certificate is None else "https"
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}", engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
