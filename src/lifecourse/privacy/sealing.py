"""Whole files sealed: what was made of a store's people lies as closed as the store itself.

A sealed file is a mark, the name of the key it is derived from, a random salt and a nonce, then AES-256-GCM; its key is
HKDF-SHA-256 of that key, the salt and the file's name: no two files share one, and none opens in another's place.
"""

from __future__ import annotations

import secrets

from lifecourse.base.errors import FileChanged, WrongKey
from lifecourse.privacy.keys import KEY_BYTES, NONCE_BYTES, opened_with, sealed_with

MARK = b"LCSEAL1\n"
NAME_BYTES, SALT_BYTES = 6, 16
HEAD_BYTES = len(MARK) + NAME_BYTES + SALT_BYTES + NONCE_BYTES
LINE_MARK = b"."


def is_sealed(content: bytes) -> bool:
    """Whether `sealed` made it."""
    return content.startswith(MARK)


def sealed(content: bytes, keys: dict[str, bytes], name: str) -> bytes:
    """`content` closed with the newest of `keys`, bound to `name`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    own = next(reversed(keys))
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    key = _derived(keys[own], salt, name)
    return b"".join(
        (MARK, bytes.fromhex(own), salt, nonce, AESGCM(key).encrypt(nonce, content, None))
    )


def opened(content: bytes, keys: dict[str, bytes], name: str) -> bytes:
    """What `sealed` closed.

    Raises
    ------
    WrongKey
        It was closed with a key that is not among `keys`.
    FileChanged
        It was changed, or lies in another file's place.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head, body = content[len(MARK) : HEAD_BYTES], content[HEAD_BYTES:]
    own, salt, nonce = head[:NAME_BYTES], head[NAME_BYTES:-NONCE_BYTES], head[-NONCE_BYTES:]
    secret = keys.get(own.hex())
    if secret is None:
        raise WrongKey("a file was made from another store, or before its keys were made anew.")
    try:
        return AESGCM(_derived(secret, salt, name)).decrypt(nonce, body, None)
    except (InvalidTag, ValueError):
        raise FileChanged(
            "a file was changed, or is not where it was written: its name and its folder's are part of its seal. "
            "Make it again."
        ) from None


def sealed_line(content: bytes, keys: dict[str, bytes], name: str) -> bytes:
    """A line of a file that grows, closed by itself, without its end."""
    own = next(reversed(keys))
    key = _derived(keys[own], b"", name)
    return own.encode() + LINE_MARK + sealed_with(key, content, name).encode()


def opened_line(line: bytes, keys: dict[str, bytes], name: str) -> bytes:
    """What `sealed_line` closed.

    Raises
    ------
    FileChanged
        The line was changed, or is another file's.
    """
    own, _, text = line.partition(LINE_MARK)
    secret = keys.get(own.decode(errors="replace"))
    found = None
    if secret is not None:
        found = opened_with(_derived(secret, b"", name), text.decode(errors="replace"), name)
    if found is None:
        raise FileChanged("a line of a file was changed, or is another file's.")
    return found


def _derived(secret: bytes, salt: bytes, name: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = f"lifecourse/derived/1/{name}".encode()
    return bytes(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(secret))
