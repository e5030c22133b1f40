"""What holds for every request: limits, headers that keep the page to itself, a log line without people."""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request

from lifecourse.base.clock import now
from lifecourse.serve.envelope import failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 8 * 1024 * 1024
LARGEST_FORM = 64 * 1024

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
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

log = logging.getLogger("lifecourse.serve")


class Guard:
    """ASGI middleware: body limits, secure headers, one structured log line a request.

    A line has the route's template, never its path: ids of people are in paths.
    """

    def __init__(self, app: ASGIApp, broken: Callable[[Request, Exception], Response]) -> None:
        self.app = app
        self._broken = broken

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
                message["headers"] = _with_headers(message["headers"], scope["path"])
            await send(message)

        try:
            await self._limited(scope, receive, sealed)
        except Exception as error:  # noqa: BLE001 -- the last resort: its words may quote a record
            await self._broken(Request(scope), error)(scope, receive, sealed)
        finally:
            _write_line(scope, status, (time.perf_counter() - started) * 1000)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = LARGEST_BODY if scope["path"].startswith("/cds-services") else LARGEST_FORM
        body = b""
        more = scope["method"] not in ("GET", "HEAD")
        while more:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > limit:
                refusal = failure(413, f"the body is larger than {limit // 1024} KiB.", 413)
                await refusal(scope, receive, send)
                return
            more = message.get("more_body", False)
        given = False

        async def once() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, once, send)


def _with_headers(headers: list[tuple[bytes, bytes]], path: str) -> list[tuple[bytes, bytes]]:
    kept = dict(HEADERS)
    # Pages about people are kept nowhere; style and script may be, until they change.
    kept["cache-control"] = "no-cache" if path.startswith("/static/") else "no-store"
    return [*headers, *((name.encode(), value.encode()) for name, value in kept.items())]


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
