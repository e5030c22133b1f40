"""Nobody takes up all of the server: rates, bodies, time, and the memory that keeping count takes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from lifecourse.serve import limits as limits_
from lifecourse.serve.limits import BURST_SECONDS, Bound, Buckets, Limits, Turnstile
from lifecourse.serve.middleware import Guard

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.floats(0.1, 20), st.integers(1, 10))
def test_a_caller_gets_a_burst_and_then_a_rate(pauses: list[float], rate: float, most: int) -> None:
    clock = Clock()
    buckets = Buckets(per_second=rate, most=most, clock=clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        wait = buckets.take("a")
        taken += wait == 0
        assert taken <= most + rate * clock.now + 1e-6
        if wait:
            before, clock.now = clock.now, clock.now + wait + 1e-6
            assert buckets.take("a") == 0  # whoever waits as long as was said is served
            taken += 1
            assert clock.now > before
    assert buckets.take("b") == 0  # and nobody else waits for it


def test_a_million_callers_take_up_no_more_memory_than_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits_, "MOST_REMEMBERED", 100)
    buckets = Buckets(per_second=1, most=1)
    for number in range(10_000):
        buckets.take(str(number))
    assert len(buckets._left) == 100


def asked(
    path: str = "/", address: str = "10.0.0.1", method: str = "GET", **headers: str
) -> Request:
    return Request(
        {
            "type": "http", "method": method, "path": path, "query_string": b"", "scheme": "http",
            "server": ("127.0.0.1", 80), "client": (address, 1),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
    )  # fmt: skip


def test_clients_addresses_and_tries_are_counted_apart() -> None:
    clock = Clock()
    turnstile = Turnstile(
        Limits(client_per_second=1, address_per_second=5, tries_per_minute=6), clock
    )
    mine = [turnstile.wait(asked(authorization="Bearer mine")) for _ in range(BURST_SECONDS + 1)]
    assert [wait > 0 for wait in mine] == [False] * BURST_SECONDS + [True]
    assert turnstile.wait(asked(authorization="Bearer other")) == 0
    tries = [turnstile.wait(asked("/token", address="10.0.0.2")) for _ in range(4)]
    assert [wait > 0 for wait in tries] == [False, False, False, True]
    assert turnstile.wait(asked("/", address="10.0.0.2")) == 0
    many = [turnstile.wait(asked(address="10.0.0.3")) for _ in range(5 * BURST_SECONDS + 1)]
    assert many[-1] > 0
    assert not any(many[:-1])


def test_one_household_of_ipv6_is_one_address() -> None:
    first = limits_.address_of(asked(address="2001:db8:1:2:3::4"))
    assert first == limits_.address_of(asked(address="2001:db8:1:2:ffff::1"))
    assert first != limits_.address_of(asked(address="2001:db8:1:3::1"))


async def served(
    guard: Guard, scope: Scope, messages: list[Message], pause: float = 0
) -> tuple[int, dict[str, str], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        if pause:
            await asyncio.sleep(pause)
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await guard(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def answer(
    app: Any,
    body: bytes = b"",
    *,
    pause: float = 0,
    content_type: str = "application/json",
    path: str = "/",
    **guard: Any,
) -> tuple[int, dict[str, str], bytes]:
    def broken(*_: Any) -> Any:
        raise AssertionError("nothing breaks here")

    scope = asked(path, method="POST", content_type=content_type).scope
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    return asyncio.run(served(Guard(app, broken, **guard), scope, messages, pause))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 2}', b'{"a": {"b": 1, "b": 1}}', b'[{"subject": 1, "subject": 2}]', b'{"a": NaN}', b"Infinity",
        b"-Infinity", b'{"a": 1', b"{'a': 1}", b"\xff", b'{"a": "\xff"}', b'{"\\u0061": 1, "a": 2}', b"[" * 100_000, b"a=b",
        b'{"a": 1}{"a": 1}', b'{"a" : 1, "a": 2}',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "content_type", ["application/json", "application/fhir+json", "text/plain", ""]
)
def test_json_that_two_readers_could_read_differently_is_refused(
    body: bytes, content_type: str
) -> None:
    status, _, said = answer(
        echo, body if len(body) < 64 * 1024 else body[:60_000], content_type=content_type
    )
    assert status == 422
    assert b"names a key twice" in said


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b'{"a": [1, {"a": 2}]}', "application/json"), (b"a=1&b=2", "application/x-www-form-urlencoded"),
     (b"a=1", "Application/X-WWW-Form-Urlencoded; charset=utf-8"), (b"--x--", "multipart/form-data; boundary=x"), (b"", "text/plain")],
)  # fmt: skip
def test_other_bodies_are_given_as_they_came(body: bytes, content_type: str) -> None:
    assert answer(echo, body, content_type=content_type)[::2] == (200, body)


def test_a_body_that_comes_too_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_, "PAGE", Bound(bytes=100, arrival_seconds=0.05, answer_seconds=1))
    assert answer(echo, b"{}", pause=0.5)[0] == 408


def test_a_body_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_, "PAGE", Bound(bytes=100, arrival_seconds=1, answer_seconds=1))
    assert answer(echo, b" " * 101)[0] == 413


def test_an_answer_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_, "PAGE", Bound(bytes=100, arrival_seconds=1, answer_seconds=0.05))
    heard: list[str] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.2)
        await echo(scope, receive, send)
        heard.append("late")

    async def both() -> int:
        scope = asked(method="POST", content_type="application/json").scope
        status, _, _ = await served(
            Guard(slow, lambda *_: None), scope, [{"type": "http.request", "body": b"{}"}]
        )  # type: ignore[arg-type,return-value]  # a stand-in for the server
        await asyncio.sleep(0.3)
        return status

    started = time.monotonic()
    assert asyncio.run(both()) == 503
    assert heard == ["late"]
    assert time.monotonic() - started < 2


def test_whoever_asks_too_often_is_told_how_long_to_wait() -> None:
    turnstile = Turnstile(Limits(tries_per_minute=2), Clock())
    statuses = [answer(echo, b"{}", path="/token", turnstile=turnstile) for _ in range(2)]
    assert [status for status, _, _ in statuses] == [200, 429]
    assert statuses[1][1]["retry-after"] == "30"
    assert "content-security-policy" in statuses[1][1]


def test_over_tls_browsers_are_told_to_stay_with_it() -> None:
    assert "strict-transport-security" not in answer(echo, b"{}")[1]
    assert answer(echo, b"{}", is_secure=True)[1]["strict-transport-security"].startswith(
        "max-age=31536000"
    )
