"""Checkpoints of the audit log: a signed line of how long it is and what its root is, for somebody else to keep.

Whoever can write the log and has its key can write another log. They cannot make it agree with a checkpoint that lies
elsewhere: with an outside witness, a printout, another hospital. The form is C2SP's: tlog-checkpoint in a signed note,
Ed25519, so that witnesses of transparency logs can add their own signatures.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecourse.base.errors import StoreDamaged, UserError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

KEY_FILE = "checkpoint.key"
ORIGIN = "lifecourse/audit-log/"
ED25519 = b"\x01"
ID_BYTES = 4
SIGNED = "— "
MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How long a log was, and its root then.

    origin : which log, by the fingerprint of the key that signs for it
    size : entries
    root : RFC 6962 root of their lines, 32 bytes
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Who can check a checkpoint: a name and a public key, written ``name+id+key``."""

    name: str
    key: bytes

    @classmethod
    def of(cls, text: str) -> Verifier:
        """The verifier that ``name+id+key`` names.

        Raises
        ------
        UserError
            It is none.
        """
        name, _, rest = text.strip().partition("+")
        number, _, encoded = rest.partition("+")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError:
            raw = b""
        found = cls(name=name, key=raw[1:])
        if not name or raw[:1] != ED25519 or len(raw) != 33 or found.id.hex() != number:
            raise UserError(
                "this is no verifier key. `lifecourse audit checkpoint` prints the log's."
            )
        return found

    @property
    def id(self) -> bytes:
        """What names the key in a signature."""
        told = f"{self.name}\n".encode() + ED25519 + self.key
        return hashlib.sha256(told).digest()[:ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.key).decode()}"

    def read(self, note: str) -> Checkpoint:
        """The checkpoint of a signed note, whose signature by this key holds; others' signatures are left to others.

        Raises
        ------
        StoreDamaged
            It is no checkpoint, is not signed by this key, or was changed.
        """
        text, blank, signatures = note.rpartition("\n\n")
        text += "\n"
        if not blank or len(note) > MOST_BYTES or not self._has_signed(text, signatures):
            raise StoreDamaged("the checkpoint is not signed by the key of this audit log.")
        lines = text.split("\n")
        try:
            origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
        except (IndexError, ValueError):
            raise StoreDamaged("the signed note is no checkpoint of a log.") from None
        if origin != self.name or str(size) != lines[1] or len(root) != 32:
            raise StoreDamaged("the checkpoint is of another log.")
        return Checkpoint(origin=origin, size=size, root=root)

    def _has_signed(self, text: str, signatures: str) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        key: Ed25519PublicKey = Ed25519PublicKey.from_public_bytes(self.key)
        for line in signatures.splitlines():
            name, _, encoded = line.removeprefix(SIGNED).partition(" ")
            try:
                signed = base64.b64decode(encoded, validate=True)
            except ValueError:
                continue
            if name != self.name or signed[:ID_BYTES] != self.id:
                continue
            try:
                key.verify(signed[ID_BYTES:], text.encode())
            except InvalidSignature:
                return False
            return True
        return False


@dataclass(frozen=True, slots=True)
class Signer:
    """The Ed25519 key that signs for the log in `folder`, in a file that its owner alone reads."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where the key lies."""
        return self.folder / KEY_FILE

    def verifier(self) -> Verifier:
        """Who can check what this key signs; the key is drawn now where there is none."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self._key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return Verifier(name=ORIGIN + hashlib.sha256(public).hexdigest()[:16], key=public)

    def sign(self, checkpoint: Checkpoint) -> str:
        """`checkpoint` as a signed note."""
        verifier = self.verifier()
        signature = self._key().sign(checkpoint.text.encode())
        encoded = base64.b64encode(verifier.id + signature).decode()
        return f"{checkpoint.text}\n{SIGNED}{verifier.name} {encoded}\n"

    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if not self.path.is_file():
            self._draw()
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(self.path.read_bytes()))

    def _draw(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()) + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
