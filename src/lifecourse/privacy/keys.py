"""Keys: one random 256-bit key per file, wrapped by the store's key, which lies in a file only its owner reads."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lifecourse.base.errors import KeyUnavailable, StoreDamaged

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES = 32
NONCE_BYTES = 12


class KeyProvider(Protocol):
    """Wraps and unwraps file keys; the wrapping key never leaves it."""

    def wrap(self, key: bytes, context: str) -> str:
        """`key` sealed for storage, bound to `context`."""

    def unwrap(self, wrapped: str, context: str) -> bytes:
        """The key that `wrap` sealed under the same `context`."""


@dataclass(frozen=True, slots=True)
class FileKeyProvider:
    """A wrapping key in a file with mode 0600."""

    path: Path

    def create(self) -> FileKeyProvider:
        """Make the key file unless it exists."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return self
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
        return self

    def wrap(self, key: bytes, context: str) -> str:
        """`key` sealed with AES-256-GCM, bound to `context`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._key()).encrypt(nonce, key, context.encode())
        return base64.b64encode(nonce + sealed).decode()

    def unwrap(self, wrapped: str, context: str) -> bytes:
        """The key sealed in `wrapped`.

        Raises
        ------
        KeyUnavailable
            There is no key file.
        StoreDamaged
            The wrapped key was made with another key, for another file, or was changed.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        raw = base64.b64decode(wrapped)
        try:
            return AESGCM(self._key()).decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode()
            )
        except InvalidTag:
            raise StoreDamaged(
                f"the key of {context} does not unwrap: wrong key file or a changed manifest."
            ) from None

    def signature(self, content: bytes) -> str:
        """HMAC-SHA256 of `content` under the key, in hexadecimal."""
        return hmac.new(self._key(), content, hashlib.sha256).hexdigest()

    def _key(self) -> bytes:
        if not self.path.is_file():
            raise KeyUnavailable(
                f"the store is encrypted and its key file {self.path.name} is not there. Put it back."
            )
        key = base64.b64decode(self.path.read_bytes().strip())
        if len(key) != KEY_BYTES:
            raise KeyUnavailable(f"key file {self.path.name} does not hold a 256-bit key.")
        return key


def new_file_key() -> bytes:
    """A fresh random 256-bit key."""
    return secrets.token_bytes(KEY_BYTES)
