"""Keys kept by a vault's transit engine (HashiCorp Vault, OpenBao): it encrypts and decrypts, its key never leaves it.

One address is asked, the configured one: no redirect is followed, no proxy of the environment is used, and plain HTTP
is for loopback alone. API: POST ``/v1/<mount>/encrypt/<key>`` and ``decrypt/<key>`` with ``associated_data``, POST
``keys/<key>/rotate``, POST ``keys/<key>/config`` with ``min_decryption_version``.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lifecourse.base.errors import ConfigError, KeyUnavailable, WrongKey

TOKEN_VARIABLE = "VAULT_TOKEN"  # noqa: S105 -- the name of a variable
TOKEN_FILE_VARIABLE = "LIFECOURSE_VAULT_TOKEN_FILE"  # noqa: S105 -- the name of a variable
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SECONDS = 5.0
BAD_REQUEST, NOT_FOUND = 400, 404


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultTransit:
    """The key `key` of the transit engine mounted at `mount` of the vault at `address`."""

    address: str
    mount: str
    key: str
    token: str = field(repr=False)

    @classmethod
    def at(cls, place: str) -> VaultTransit:
        """The key at ``https://HOST[:PORT]/MOUNT/KEY``; the token is VAULT_TOKEN, or in LIFECOURSE_VAULT_TOKEN_FILE.

        Raises
        ------
        ConfigError
            It is no such address, or plain HTTP to another machine.
        KeyUnavailable
            There is no token.
        """
        parts = urlsplit(place)
        mount, _, key = parts.path.strip("/").rpartition("/")
        is_open = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        is_bare = not (parts.query or parts.fragment or parts.username or parts.password)
        if not (is_open and is_bare and parts.hostname and mount and key):
            raise ConfigError(
                "LIFECOURSE_KEYS names no vault. Write vault:https://HOST:8200/transit/KEY "
                "(plain http on loopback alone)."
            )
        return cls(address=f"{parts.scheme}://{parts.netloc}", mount=mount, key=key, token=_token())

    @property
    def kind(self) -> str:
        """``vault``."""
        return "vault"

    def fingerprint(self) -> object:
        """Where the key is: what it opened holds for a process."""
        return self.address, self.mount, self.key

    def is_there(self) -> bool:
        """Whether the vault has the key."""
        return self._ask("GET", f"keys/{self.key}", absent_is_none=True) is not None

    def create(self) -> VaultTransit:
        """Have the vault make the key (AES-256-GCM) unless it has it."""
        if not self.is_there():
            self._ask("POST", f"keys/{self.key}", {"type": "aes256-gcm96"})
        return self

    def discard(self) -> None:
        """Nothing: what a vault keeps is its keeper's to delete."""

    def wrap(self, key: bytes, context: str) -> str:
        """`key` sealed by the vault, bound to `context`."""
        told = self._ask(
            "POST",
            f"encrypt/{self.key}",
            {"plaintext": _text(key), "associated_data": _text(context.encode())},
        )
        return str(told["ciphertext"])

    def unwrap(self, wrapped: str, context: str) -> bytes:
        """What the vault sealed in `wrapped`.

        Raises
        ------
        KeyUnavailable
            The vault does not answer, or not us.
        WrongKey
            It was sealed with another key or for another use, was changed, or its key was retired.
        """
        told = self._ask(
            "POST",
            f"decrypt/{self.key}",
            {"ciphertext": wrapped, "associated_data": _text(context.encode())},
        )
        return base64.b64decode(told["plaintext"])

    def rotate(self) -> list[str]:
        """Have the vault make a new version of the key; every version before is a mark."""
        before = self._versions()
        self._ask("POST", f"keys/{self.key}/rotate", {})
        return [str(version) for version in before]

    def retire(self, mark: str) -> None:
        """Have the vault decrypt nothing any more that version `mark` or an earlier one sealed."""
        if int(mark) in self._versions():
            self._ask("POST", f"keys/{self.key}/config", {"min_decryption_version": int(mark) + 1})

    def _versions(self) -> range:
        told = self._ask("GET", f"keys/{self.key}")
        return range(int(told["min_decryption_version"]), int(told["latest_version"]) + 1)

    def _ask(
        self,
        method: str,
        what: str,
        content: dict[str, Any] | None = None,
        *,
        absent_is_none: bool = False,
    ) -> Any:
        import httpx

        try:
            with httpx.Client(timeout=SECONDS, trust_env=False, follow_redirects=False) as client:
                answer = client.request(
                    method,
                    f"{self.address}/v1/{self.mount}/{what}",
                    json=content,
                    headers={"X-Vault-Token": self.token},
                )
        except httpx.HTTPError:
            raise self._silent("does not answer") from None
        if answer.status_code == NOT_FOUND and absent_is_none:
            return None
        if answer.status_code == BAD_REQUEST and what.startswith("decrypt/"):
            raise WrongKey("the vault's key does not open the keys of the store: it is another's.")
        if not answer.is_success:
            raise self._silent(f"answered {answer.status_code}")
        try:
            return answer.json()["data"] if answer.content else {}
        except (ValueError, KeyError, TypeError):
            raise self._silent("gave no answer of a transit engine") from None

    def _silent(self, how: str) -> KeyUnavailable:
        return KeyUnavailable(
            f"the vault at {self.address} {how}. Look at its address, its key and the token, then try again."
        )


def _token() -> str:
    path = os.environ.get(TOKEN_FILE_VARIABLE)
    if path is not None and Path(path).is_file():
        return Path(path).read_text(encoding="utf-8").strip()
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise KeyUnavailable(
            "the store's keys are kept by a vault and there is no token: "
            f"set {TOKEN_FILE_VARIABLE} or {TOKEN_VARIABLE}."
        )
    return token


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
