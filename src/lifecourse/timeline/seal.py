"""AES-256-GCM over the blobs of a passing file, each bound to the file's name and its place in it."""

from __future__ import annotations

import secrets
from typing import Any

from lifecourse.base.errors import StoreDamaged

NONCE_BYTES = 12


class Seal:
    """Closes and opens the blobs of one file, each bound to its place; does nothing without a key."""

    def __init__(self, key: bytes | None, name: str) -> None:
        self._name = name
        self._cipher: Any = None
        if key is not None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._cipher = AESGCM(key)

    def closed(self, blob: bytes, number: int) -> bytes:
        """The blob of place `number`, encrypted."""
        if self._cipher is None:
            return blob
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + bytes(self._cipher.encrypt(nonce, blob, self._place(number)))

    def opened(self, blob: bytes, number: int) -> bytes:
        """The blob of place `number` as it was.

        Raises
        ------
        StoreDamaged
            It was changed, is of another place, or the key is another.
        """
        if self._cipher is None:
            return blob
        from cryptography.exceptions import InvalidTag

        try:
            return bytes(
                self._cipher.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], self._place(number))
            )
        except InvalidTag:
            raise StoreDamaged(
                f"{self._name} cannot be read: it was changed since an earlier run laid it aside. "
                "Delete the folder .ingest of the store and ingest again."
            ) from None

    def _place(self, number: int) -> bytes:
        return f"lifecourse/1/{self._name}/{number}".encode()
