"""Signatures (Ed25519) of what a workspace made, so that another's model is not taken for one's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Signer:
    """Signs with the private key `secret` (32 bytes)."""

    secret: bytes = field(repr=False)

    @cached_property
    def public(self) -> str:
        """The public key, in hexadecimal."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return (
            Ed25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw().hex()
        )

    def sign(self, content: bytes) -> dict[str, str]:
        """The signature of `content`, and the key that proves it."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        own = Ed25519PrivateKey.from_private_bytes(self.secret)
        return {"key": self.public, "ed25519": own.sign(content).hex()}


def is_signed(content: bytes, signature: dict[str, str]) -> bool:
    """Whether `signature` is one of `content` by the key it names."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature["key"]))
        key.verify(bytes.fromhex(signature["ed25519"]), content)
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True
