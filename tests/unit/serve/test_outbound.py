"""Other servers are asked where the settings say, at the address found once, and nowhere else."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.base.clock import now
from lifecourse.base.errors import LifecourseError
from lifecourse.serve.outbound import MOST_BYTES, Outbound, OutboundRefused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
GOOD = b'{"keys": []}'


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[str]]]:
    """A server on the loopback, and the lines it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['host']}")
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    ).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def said(
    status: int = 200, body: bytes = GOOD, **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_a_server_of_the_settings_is_asked() -> None:
    with answering(said()) as (address, asked):
        outbound = Outbound(origins=frozenset([address]), networks=LOOPBACK)
        assert outbound.get(f"{address}/jwks?a=b") == {"keys": []}
        assert asked == [f"/jwks?a=b {address.removeprefix('http://')}"]


@pytest.mark.parametrize(
    "url",
    [
        "{a}@evil.example/", "http://user@{h}/", "http://user:word@{h}/", "{a}/#part", "https://{h}/", "ftp://{h}/",
        "file:///etc/passwd", "//{h}/", "http://127.0.0.1:1/", "http://localhost/", "http://[::1]/", "", "http://",
        "http://{h}.evil.example/", "http:/{h}/", "http:\\\\{h}\\", "http://127.0.0.1:99999/",
    ],
)  # fmt: skip
def test_no_other_address_is_asked(url: str) -> None:
    with answering(said()) as (address, asked):
        outbound = Outbound(origins=frozenset([address]), networks=LOOPBACK)
        with pytest.raises(OutboundRefused):
            outbound.get(url.format(a=address, h=address.removeprefix("http://")))
        assert asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with (
        answering(said()) as (canary, reached),
        answering(said(status, location=f"{canary}/")) as (address, _),
    ):
        outbound = Outbound(origins=frozenset([address, canary]), networks=LOOPBACK)
        with pytest.raises(Unreachable):
            outbound.get(f"{address}/")
        assert reached == []


@pytest.mark.parametrize(
    "answer",
    [
        said(404), said(500), said(204, b""), said(body=b"no json"), said(body=b'{"a": 1, "a": 2}'), said(body=b"NaN"),
        said(body=b"[" + b" " * MOST_BYTES + b"]"), said(content_encoding="gzip"),
    ],
)  # fmt: skip
def test_what_is_no_plain_answer_is_refused(
    answer: Callable[[BaseHTTPRequestHandler], None],
) -> None:
    with answering(answer) as (address, _), pytest.raises(Unreachable):
        Outbound(origins=frozenset([address]), networks=LOOPBACK).get(f"{address}/")


def test_a_server_that_dribbles_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifecourse.serve.outbound.SECONDS", 0.3)
    stop = threading.Event()

    def dribble(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not stop.wait(0.05):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    with answering(dribble) as (address, _):
        with pytest.raises(Unreachable):
            Outbound(origins=frozenset([address]), networks=LOOPBACK).get(f"{address}/")
        stop.set()


def test_a_name_that_leads_inside_is_refused_and_asked_for_once() -> None:
    calls: list[str] = []

    def turns_inside(host: str, _: int) -> list[str]:
        calls.append(host)
        return ["93.184.215.14", "127.0.0.1"]

    outbound = Outbound(origins=frozenset(["https://good.example"]), resolve=turns_inside)
    with pytest.raises(OutboundRefused):
        outbound.get("https://good.example/jwks")
    assert calls == ["good.example"]


def test_a_name_is_resolved_once_and_the_address_found_is_the_one_asked() -> None:
    """A second look-up, which could lead elsewhere, never happens (DNS rebinding)."""
    with answering(said()) as (address, asked):
        port = address.rpartition(":")[2]
        calls: list[str] = []

        def rebinding(host: str, _: int) -> list[str]:
            calls.append(host)
            return ["127.0.0.1"] if len(calls) == 1 else ["10.0.0.1"]

        origin = f"http://named.example:{port}"
        outbound = Outbound(origins=frozenset([origin]), networks=LOOPBACK, resolve=rebinding)
        assert outbound.get(f"{origin}/x") == {"keys": []}
        assert calls == ["named.example"]
        assert asked == [f"/x named.example:{port}"]


@pytest.mark.parametrize(
    "inside",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104 - addresses to be refused
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::1", "ff02::1",
    ],
)  # fmt: skip
def test_networks_of_nobody_else_are_out_of_reach(inside: str) -> None:
    outbound = Outbound(origins=frozenset(["https://good.example"]), resolve=lambda *_: [inside])
    with pytest.raises(OutboundRefused):
        outbound.get("https://good.example/")


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the hand shake fails, as it should
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    ).start()
    origin = f"https://good.example:{server.server_port}"
    outbound = Outbound(
        origins=frozenset([origin]), networks=LOOPBACK, resolve=lambda *_: ["127.0.0.1"]
    )
    with pytest.raises(Unreachable):
        outbound.get(f"{origin}/")
    server.shutdown()
    server.server_close()


def self_signed(folder: Path) -> Path:
    """A key and a certificate of good.example that nobody but itself vouches for."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "good.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("good.example")]), critical=False)
        .sign(key, hashes.SHA384())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "pair.pem"
    path.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return path


def test_plain_http_is_for_the_loopback_alone() -> None:
    outbound = Outbound(
        origins=frozenset(["http://good.example"]),
        networks=(ipaddress.ip_network("10.0.0.0/8"),),
        resolve=lambda *_: ["10.0.0.1"],
    )
    with pytest.raises(OutboundRefused):
        outbound.get("http://good.example/")


@given(st.text(max_size=60))
def test_no_text_is_an_address_that_is_asked(text: str) -> None:
    def unasked(*_: object) -> list[str]:
        raise AssertionError("a name was looked up")

    for url in (text, f"https://{text}", f"https://good.example{text}"):
        outbound = Outbound(origins=frozenset(["https://known.example"]), resolve=unasked)
        with pytest.raises(LifecourseError):
            outbound.get(url)
