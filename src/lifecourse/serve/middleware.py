"""What holds for every request: limits, strict JSON, headers that keep a page to itself, a log line without people."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from typing import TYPE_CHECKING, Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from lifecourse.base.clock import now
from lifecourse.base.json_text import parse
from lifecourse.serve.envelope import failure
from lifecourse.serve.limits import bound_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lifecourse.serve.envelope import Json
    from lifecourse.serve.limits import Bound, Turnstile

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: with it browsers send forms from the origin "null", which we refuse.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
OVER_TLS = {"strict-transport-security": "max-age=31536000; includeSubDomains"}
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
TWO_LENGTHS = {b"content-length", b"transfer-encoding"}
READING = ("GET", "HEAD", "OPTIONS")
SMALL = 32 * 1024

log = logging.getLogger("lifecourse.serve")


class Guard:
    """ASGI middleware: limits, strict JSON, secure headers, one structured log line a request.

    A line has the route's template, never its path: ids of people are in paths.

    broken : the answer to an exception that nothing else answered
    is_secure : browsers come over TLS, and are told to stay with it
    turnstile : who has to wait; nobody when absent
    """

    def __init__(
        self,
        app: ASGIApp,
        broken: Callable[[Request, Exception], Response],
        *,
        is_secure: bool = False,
        turnstile: Turnstile | None = None,
    ) -> None:
        self.app = app
        self._broken = broken
        self._headers = HEADERS | (OVER_TLS if is_secure else {})
        self._turnstile = turnstile

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request within the limits."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def sealed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._with_headers(message["headers"], scope["path"])
            await send(message)

        try:
            await self._limited(scope, receive, sealed)
        except Exception as error:  # noqa: BLE001 -- the last resort: its words may quote a record
            await self._broken(Request(scope), error)(scope, receive, sealed)
        finally:
            _write_line(scope, status, (time.perf_counter() - started) * 1000)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = self._turnstile.wait(Request(scope)) if self._turnstile else 0.0
        if wait:
            refusal = failure(429, "too many requests; wait a little and go on.", 429)
            refusal.headers["retry-after"] = str(math.ceil(wait))
            await refusal(scope, receive, send)
            return
        bound = bound_of(scope["path"])
        body = await _body(scope, receive, bound)
        if not isinstance(body, bytes):
            await body(scope, receive, send)
            return
        await self._answered(scope, _given(body, receive), send, bound)

    async def _answered(self, scope: Scope, receive: Receive, send: Send, bound: Bound) -> None:
        """The answer in time, or 503. What is late goes on to its end, for threads cannot be stopped, unheard."""
        is_late = started = False

        async def in_time(message: Message) -> None:
            nonlocal started
            if not is_late:
                started = True
                await send(message)

        working = asyncio.ensure_future(self.app(scope, receive, in_time))
        done, _ = await asyncio.wait({working}, timeout=bound.answer_seconds)
        if done or started:
            await working
            return
        is_late = True
        working.add_done_callback(_forgotten)
        refusal = failure(503, "the answer takes too long; it was given up.", 503)
        await refusal(scope, receive, send)

    def _with_headers(
        self, headers: list[tuple[bytes, bytes]], path: str
    ) -> list[tuple[bytes, bytes]]:
        # Pages about people are kept nowhere; style and script may be, until they change.
        caching = "no-cache" if path.startswith("/static/") else "no-store"
        kept = {**self._headers, "cache-control": caching}
        return [*headers, *((name.encode(), value.encode()) for name, value in kept.items())]


async def _body(scope: Scope, receive: Receive, bound: Bound) -> bytes | Json:
    """The body of a request, or the answer that refuses it."""
    if {name for name, _ in scope["headers"]} >= TWO_LENGTHS:
        # A proxy before us may go by the other one, and take the rest for a request of somebody else.
        refusal = failure(400, "the length of the body is said in two ways.", 400)
        refusal.headers["connection"] = "close"
        return refusal
    if scope["method"] in READING:
        return b""
    try:
        async with asyncio.timeout(bound.arrival_seconds):
            body = await _arrived(receive, bound.bytes)
    except TimeoutError:
        return failure(408, "the body did not arrive in time.", 408)
    if body is None:
        return failure(413, f"the body is larger than {bound.bytes // 1024} KiB.", 413)
    if body and not _is_form(scope) and not await _is_strict(body):
        words = "the body is no JSON, has NaN, or names a key twice in an object."
        return failure(422, words, 422)
    return body


async def _arrived(receive: Receive, most: int) -> bytes | None:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            return None
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _is_form(scope: Scope) -> bool:
    sent = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return sent.decode("latin-1").partition(";")[0].strip().lower() in FORMS


async def _is_strict(body: bytes) -> bool:
    """Whether a body is JSON that every reader reads alike; whatever is no form is read as JSON by a route."""
    try:
        if len(body) <= SMALL:
            parse(body)
        else:
            await run_in_threadpool(parse, body)
    except ValueError:
        return False
    return True


def _given(body: bytes, receive: Receive) -> Receive:
    """What gives `body` once, and then whatever comes."""
    is_given = False

    async def once() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _forgotten(task: asyncio.Future[None]) -> None:
    """Note the error of what nobody waits for any more."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("%s in a late answer", type(error).__name__)


def _write_line(scope: Scope, status: int, milliseconds: float) -> None:
    route: Any = scope.get("route")
    line = {
        "time": now().isoformat(timespec="milliseconds"),
        "request": secrets.token_hex(6),
        "method": scope["method"],
        "route": getattr(route, "path", None) or "no such route",
        "status": status,
        "ms": round(milliseconds, 1),
    }
    log.info(orjson.dumps(line).decode())
