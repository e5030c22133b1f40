"""The public keys of an issuer: from a file or from its own address, both named in the settings and nowhere else."""

from __future__ import annotations

import logging
import threading
import time
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from lifecourse.base.errors import ConfigError, LifecourseError
from lifecourse.base.json_text import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.serve.outbound import Outbound

PublicKey = RSAKey | ECKey

RSA_BITS = range(2048, 8193)
CURVE = "P-384"
MOST_KEYS = 50
FRESH_SECONDS = 3600.0
"""Keys that were fetched are asked for again after this, and after `RETRY_SECONDS` where a token names another."""
RETRY_SECONDS = 60.0
STALE_SECONDS = 24 * 3600.0
"""While an issuer does not answer, its keys hold for a day."""

log = logging.getLogger("lifecourse.serve")


@dataclass(kw_only=True)
class Keys:
    """The keys at `place`, found by id; safe for several threads.

    place : a file, or an https address that `outbound` may ask
    """

    place: str | Path
    outbound: Outbound | None = None
    _held: dict[tuple[str, str], PublicKey] = field(default_factory=dict, repr=False)
    _read_at: float = field(default=float("-inf"), repr=False)
    _tried_at: float = field(default=float("-inf"), repr=False)
    _stamp: int = field(default=-1, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def find(self, kid: str, kind: str) -> PublicKey | None:
        """The key of `kind` (``RSA`` or ``EC``) that is called `kid`."""
        with self._lock:
            if isinstance(self.place, Path):
                self._read_file(self.place)
            else:
                self._fetch(self.place, missing=(kid, kind) not in self._held)
            return self._held.get((kid, kind))

    def check(self) -> None:
        """Read the keys now, where they are in a file.

        Raises
        ------
        ConfigError
            There is no such file, or no key in it that may check signatures here.
        """
        if isinstance(self.place, Path):
            self._read_file(self.place)
            if not self._held:
                raise ConfigError(
                    f"{self.place.name}, which `serve.trust` names, is no JSON Web Key Set with a named key of RSA "
                    "(2,048 bits or more) or of the curve P-384. Put the public keys there."
                )

    def _read_file(self, path: Path) -> None:
        """The keys as the file has them now; none where it is gone or damaged, which is for the log alone to say."""
        try:
            stamp = path.stat().st_mtime_ns
            if stamp != self._stamp:
                self._held, self._stamp = dict(public_keys(parse(path.read_bytes()))), stamp
        except (OSError, ValueError):
            self._held, self._stamp = {}, -1
            log.error("%s is no JSON Web Key Set", path.name)

    def _fetch(self, url: str, *, missing: bool) -> None:
        moment = time.monotonic()
        age = moment - self._read_at
        if age < FRESH_SECONDS and not missing:
            return
        if moment - self._tried_at < RETRY_SECONDS or self.outbound is None:
            return
        self._tried_at = moment
        try:
            self._held = dict(public_keys(self.outbound.get(url)))
            self._read_at = moment
        except (LifecourseError, ValueError):
            if age > STALE_SECONDS:
                self._held = {}


def public_keys(document: Any) -> Iterator[tuple[tuple[str, str], PublicKey]]:
    """The keys in a JWK Set that may check signatures here: named, RSA of 2,048 bits or more, or of the curve P-384.

    Two keys of one name are neither.
    """
    stated = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(stated, list):
        raise ValueError("no JWK Set")
    found: dict[tuple[str, str], list[PublicKey]] = {}
    for each in stated[:MOST_KEYS]:
        key = _public_key(each)
        if key is not None:
            found.setdefault((str(each["kid"]), key.key_type), []).append(key)
    for name, keys in found.items():
        if len(keys) == 1:
            yield name, keys[0]


def _public_key(stated: Any) -> PublicKey | None:
    if not isinstance(stated, dict) or not isinstance(stated.get("kid"), str):
        return None
    if stated.get("use", "sig") != "sig" or stated.get("key_ops", ["verify"]) != ["verify"]:
        return None
    kind = stated.get("kty")
    public = {name: value for name, value in stated.items() if name in ("kty", "n", "e", "crv", "x", "y")}  # fmt: skip
    try:
        if kind == "RSA":
            n = urlsafe_b64decode(public["n"] + "==")
            fits = int.from_bytes(n, "big").bit_length() in RSA_BITS
            return RSAKey.import_key(public) if fits else None
        if kind == "EC" and stated.get("crv") == CURVE:
            return ECKey.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None
