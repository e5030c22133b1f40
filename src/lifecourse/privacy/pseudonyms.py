"""Source ids to 63-bit subject ids."""

from __future__ import annotations

import hashlib

PUBLIC_KEY = b"lifecourse/subject-id/1"
"""Used for identified and synthetic stores, whose identity map lies beside them anyhow: the same person gets the
same id on every machine and in every run. It hides nobody; pseudonymous stores need a secret key of their own."""

RECORD_BYTES = 12

LARGEST_SUBJECT_ID = 2**63 - 1


def subject_id(issuer: str, subject_key: str, *, key: bytes = PUBLIC_KEY) -> int:
    """A 63-bit id of the person whom `issuer` calls `subject_key`: keyed BLAKE2b of both."""
    digest = hashlib.blake2b(f"{issuer}\x1f{subject_key}".encode(), key=key, digest_size=8)
    return int.from_bytes(digest.digest(), "big") & LARGEST_SUBJECT_ID


def subject_key_of(secret: bytes) -> bytes:
    """What subject ids of a pseudonymous store are hashed with."""
    return hashlib.blake2b(secret, digest_size=32, person=b"subject-id").digest()


def record_key_of(secret: bytes) -> bytes:
    """What ids of records of a pseudonymous store are hashed with."""
    return hashlib.blake2b(secret, digest_size=32, person=b"record-id").digest()


def record_id(stated: str, *, key: bytes) -> str:
    """A record's id as a pseudonymous store keeps it: its kind as stated, then a keyed hash of the whole.

    The same id gives the same hash, so tomorrow's export replaces and deletes what it names.
    """
    kind, slash, _ = stated.partition("/")
    digest = hashlib.blake2b(stated.encode(), key=key, digest_size=RECORD_BYTES).hexdigest()
    return f"{kind}/{digest}" if slash else digest
