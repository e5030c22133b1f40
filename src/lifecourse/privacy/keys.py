"""What keeps the key that opens all other keys of a store, and the one that is a file.

A file's own random key is wrapped by the store's dataset key, and the dataset keys by what a `KeyProvider` keeps; so a
provider is asked once a process, and turning its key rewraps a few hundred bytes (`privacy.keyring`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lifecourse.base.errors import KeyUnavailable, WrongKey
from lifecourse.base.files import clear_leftovers, overwritten, removed_for_good, write_bytes

KEY_BYTES = 32
NONCE_BYTES = 12


class KeyProvider(Protocol):
    """Wraps and unwraps a store's keys; what wraps never leaves it, or its file."""

    @property
    def kind(self) -> str:
        """``file``, ``vault`` or ``pkcs11``."""

    def fingerprint(self) -> object:
        """Equal as long as the keys are the same: what was opened with them may be remembered so long.

        Raises
        ------
        KeyUnavailable
            There is no key.
        """

    def is_there(self) -> bool:
        """Whether it has a key."""

    def create(self) -> KeyProvider:
        """Make the key unless there is one."""

    def discard(self) -> None:
        """Take away a key that was just made and has wrapped nothing."""

    def wrap(self, key: bytes, context: str) -> str:
        """`key` sealed for storage, bound to `context`."""

    def unwrap(self, wrapped: str, context: str) -> bytes:
        """What `wrap` sealed under the same `context`, also before the key was turned."""

    def rotate(self) -> list[str]:
        """Make a new key that wraps from now on; gives what `retire` is to be told of each one before."""

    def retire(self, mark: str) -> None:
        """Destroy a key that was turned: what it wrapped is noise from now on."""


@dataclass(frozen=True, slots=True)
class FileKeyProvider:
    """Keys in a file with mode 0600, a line each in base64: the first wraps, the others still unwrap."""

    path: Path

    @property
    def kind(self) -> str:
        """``file``."""
        return "file"

    def fingerprint(self) -> object:
        """Of the file: its path and state."""
        try:
            state = self.path.stat()
        except OSError:
            raise self._absent() from None
        return self.path, state.st_ino, state.st_mtime_ns

    def is_there(self) -> bool:
        """Whether the file exists."""
        return self.path.is_file()

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

    def discard(self) -> None:
        """Take away a key that was just made and has wrapped nothing."""
        removed_for_good(self.path)

    def wrap(self, key: bytes, context: str) -> str:
        """`key` sealed with AES-256-GCM, bound to `context`."""
        return sealed_with(self._keys()[0], key, context)

    def unwrap(self, wrapped: str, context: str) -> bytes:
        """The key sealed in `wrapped`.

        Raises
        ------
        KeyUnavailable
            There is no key file.
        WrongKey
            The wrapped key was made with another key, for another file, or was changed.
        """
        for key in self._keys():
            opened = opened_with(key, wrapped, context)
            if opened is not None:
                return opened
        raise WrongKey(
            f"the key of {context} does not unwrap: wrong key file {self.path.name}, or what it wrapped was changed."
        )

    def rotate(self) -> list[str]:
        """Put a new key before those there are."""
        before = self._keys()
        self._write([secrets.token_bytes(KEY_BYTES), *before])
        return [name_of(key) for key in before]

    def retire(self, mark: str) -> None:
        """Destroy the key called `mark`; nothing where it is gone already, or is the one that wraps."""
        clear_leftovers(self.path)
        first, *others = self._keys()
        kept = [key for key in others if name_of(key) != mark]
        if len(kept) < len(others):
            self._write([first, *kept])

    def secret(self) -> bytes:
        """The key itself, for what signs with it."""
        return self._keys()[0]

    def signature(self, content: bytes) -> str:
        """HMAC-SHA256 of `content` under the key, in hexadecimal."""
        return hmac.new(self._keys()[0], content, hashlib.sha256).hexdigest()

    def _write(self, keys: list[bytes]) -> None:
        content = b"".join(base64.b64encode(key) + b"\n" for key in keys)
        with overwritten(self.path):
            write_bytes(self.path, content, mode=0o600)

    def _keys(self) -> list[bytes]:
        if not self.path.is_file():
            raise self._absent()
        try:
            keys = [base64.b64decode(line) for line in self.path.read_bytes().split()]
        except ValueError:
            keys = []
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise KeyUnavailable(f"key file {self.path.name} does not hold a 256-bit key.")
        return keys

    def _absent(self) -> KeyUnavailable:
        return KeyUnavailable(
            f"the store is encrypted and its key file {self.path.name} is not there. Put it back."
        )


def new_file_key() -> bytes:
    """A fresh random 256-bit key."""
    return secrets.token_bytes(KEY_BYTES)


def name_of(key: bytes) -> str:
    """What a key is called: of no use to whoever has not got it."""
    return hashlib.blake2b(key, digest_size=6, person=b"key-name").hexdigest()


def sealed_with(key: bytes, content: bytes, context: str) -> str:
    """`content` sealed with AES-256-GCM under `key`, bound to `context`, in base64."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, content, context.encode())).decode()


def opened_with(key: bytes, sealed: str, context: str) -> bytes | None:
    """What `sealed_with` sealed; None where the key, the context or a byte is another."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = base64.b64decode(sealed, validate=True)
        return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError):
        return None
