"""The one place that asks another server: those named in the settings, at the address found once, and no further.

What a request names (`fhirServer`, `jku`, an attachment's address) is compared with the settings, never followed.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlencode, urlsplit

import httpx

from lifecourse.base.errors import PolicyRefused, UserError
from lifecourse.base.json_text import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SECONDS = 5.0
MOST_BYTES = 4 * 1024 * 1024
PORTS = {"https": 443, "http": 80}
# Addresses that carry an IPv4 address within them would lead around the check of that address.
CARRIERS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))  # fmt: skip


class OutboundRefused(PolicyRefused):
    """Another server's address is not one that the settings let this server ask."""

    number = 303


class Unreachable(UserError):
    """Another server that the settings name does not answer, or not as it should."""

    number = 152


def resolved(host: str, port: int) -> list[str]:
    """The addresses of `host`, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """Asks servers at `origins` and no others; follows no redirect, reads no more than 4 MiB, waits no more than 5 s.

    origins : ``https://host`` or ``https://host:port``; ``http`` for the loopback of a test alone
    networks : private networks that may be reached all the same, such as the hospital's own
    resolve : finds the addresses of a host; each must be allowed, and the first is the one that is asked
    """

    origins: frozenset[str]
    networks: tuple[Network, ...] = ()
    resolve: Callable[[str, int], list[str]] = resolved

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON at `url`.

        Raises
        ------
        OutboundRefused
            The settings do not let this server ask there.
        Unreachable
            There is no answer in time, or one that is not 200 and JSON.
        """
        return self._ask("GET", url, headers or {}, None)

    def post(self, url: str, headers: Mapping[str, str], body: str) -> Any:
        """The JSON that answers the form `body` at `url`; raises as `get` does."""
        form = {**headers, "content-type": "application/x-www-form-urlencoded"}
        return self._ask("POST", url, form, body.encode())

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Any:
        parts = self._allowed(url)
        address = self._pinned(parts)
        deadline = time.monotonic() + SECONDS
        host = parts.hostname or ""
        pinned = httpx.URL(
            scheme=parts.scheme,
            host=str(address),
            port=parts.port,
            raw_path=f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}".encode(),
        )
        own = {
            "accept": "application/json",
            **headers,
            "host": parts.netloc,
            "accept-encoding": "identity",
        }
        try:
            # The name is kept for TLS: the certificate is checked against it, though the address is pinned.
            with (
                httpx.Client(trust_env=False, follow_redirects=False, timeout=SECONDS) as client,
                client.stream(
                    method,
                    pinned,
                    headers=own,
                    content=body,
                    extensions={"sni_hostname": host},
                ) as answer,
            ):
                if answer.status_code != 200:
                    raise Unreachable(f"another server answered {answer.status_code}, not 200.")
                return parse(_read(answer, deadline))
        except (httpx.HTTPError, ValueError):
            raise Unreachable("another server does not answer in time, or not in JSON.") from None

    def _allowed(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            known = origin_of(url) in self.origins
        except ValueError:
            known = False
        if not known or "@" in parts.netloc or parts.fragment:
            raise OutboundRefused("the settings name no such server to ask.")
        return parts

    def _pinned(self, parts: SplitResult) -> Address:
        host = parts.hostname or ""
        try:
            found = self.resolve(host, parts.port or PORTS[parts.scheme])
        except OSError:
            raise Unreachable("the name of another server has no address.") from None
        addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in found]
        if not addresses or not all(self._may_reach(address) for address in addresses):
            raise OutboundRefused("another server's name leads into a network that is not allowed.")
        if parts.scheme != "https" and not all(address.is_loopback for address in addresses):
            raise OutboundRefused("another server is asked over https alone.")
        return addresses[0]

    def _may_reach(self, address: Address) -> bool:
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if any(address in network for network in self.networks):
            return True
        carries = any(address in network for network in CARRIERS)
        return address.is_global and not address.is_multicast and not carries


def _read(answer: httpx.Response, deadline: float) -> bytes:
    """The bytes of an answer as they come: unpacking them might make much of little."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise ValueError("packed")
    read = b""
    for chunk in answer.iter_raw():
        read += chunk
        if len(read) > MOST_BYTES or time.monotonic() > deadline:
            raise ValueError("too much, or too late")
    return read


def origin_of(url: str) -> str:
    """Scheme, host and port of `url`, the scheme's own port left out.

    Raises
    ------
    ValueError
        It is no http or https address.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("no address of a server")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def with_query(url: str, fields: Mapping[str, str]) -> str:
    """`url` with more fields behind it."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}"
