"""How much of this server anybody may take up: requests in a while, bytes of a body, seconds for an answer."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import Field

from lifecourse.base.yaml import Document

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

MOST_REMEMBERED = 20_000
"""Callers of one kind that are remembered; the one that was seen longest ago is forgotten first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What one request of a route may take: bytes of its body, seconds until the body is there and until the answer."""

    bytes: int
    arrival_seconds: float
    answer_seconds: float


PAGE = Bound(bytes=64 * 1024, arrival_seconds=10, answer_seconds=60)
HOOK = Bound(bytes=8 * 1024 * 1024, arrival_seconds=10, answer_seconds=20)
DOOR = Bound(bytes=64 * 1024, arrival_seconds=5, answer_seconds=20)
BOUNDS = {"/cds-services": HOOK, "/sign-in": DOOR, "/sign-out": DOOR, "/token": DOOR}


def bound_of(path: str) -> Bound:
    """The bound of the route at `path`: by the way it begins, else a page's."""
    return next((bound for start, bound in BOUNDS.items() if path.startswith(start)), PAGE)


class Limits(Document):
    """Requests a second, averaged over a burst of ten seconds; beyond that the answer is 429.

    client_per_second : of one person or program that is signed in
    address_per_second : from one address
    tries_per_minute : from one address, of signing in and of asking for a token
    """

    client_per_second: float = Field(default=50, gt=0)
    address_per_second: float = Field(default=200, gt=0)
    tries_per_minute: float = Field(default=60, gt=0)


BURST_SECONDS = 10
TRIES = ("/sign-in", "/sign-in/begin", "/sign-in/return", "/launch", "/token")


@dataclass(slots=True, kw_only=True)
class Buckets:
    """A token bucket a caller: full at first, refilled at `per_second` up to `most`. Safe for several threads."""

    per_second: float
    most: float
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, caller: str) -> float:
        """Take one from the bucket of `caller`; the seconds to wait where it is empty, else 0."""
        with self._lock:
            left = self._now(caller)
            wait = max(0.0, (1 - left) / self.per_second)
            self._keep(caller, left if wait else left - 1)
            return wait

    def _now(self, caller: str) -> float:
        moment = self.clock()
        left, at = self._left.get(caller, (self.most, moment))
        return min(self.most, left + (moment - at) * self.per_second)

    def _keep(self, caller: str, left: float) -> None:
        self._left[caller] = (left, self.clock())
        self._left.move_to_end(caller)
        while len(self._left) > MOST_REMEMBERED:
            self._left.popitem(last=False)


class Turnstile:
    """Counts requests by address and by what they carry, and says who has to wait."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        tries = limits.tries_per_minute / 60
        self._addresses = _buckets(limits.address_per_second, clock)
        self._clients = _buckets(limits.client_per_second, clock)
        self._tries = Buckets(per_second=tries, most=limits.tries_per_minute / 2, clock=clock)

    def wait(self, request: Request) -> float:
        """Seconds that the sender has to wait before `request` is taken; 0 where it is taken."""
        address = address_of(request)
        client = client_of(request)
        return max(
            self._addresses.take(address),
            self._clients.take(client) if client else 0.0,
            self._tries.take(address) if request.url.path in TRIES else 0.0,
        )


def _buckets(per_second: float, clock: Callable[[], float]) -> Buckets:
    return Buckets(per_second=per_second, most=per_second * BURST_SECONDS, clock=clock)


def address_of(request: Request) -> str:
    """The address that a request comes from; of a whole network where there are many to one household (IPv6)."""
    host = request.client.host if request.client else "unknown"
    return ":".join(host.split(":")[:4]) if host.count(":") > 1 else host


def client_of(request: Request) -> str | None:
    """A name for what a request carries to say who asks: its hash, for tokens are kept nowhere."""
    carried = request.headers.get("authorization") or request.headers.get("cookie")
    return hashlib.sha256(carried.encode()).hexdigest()[:32] if carried else None
