"""The keys of one store: what wraps the key of each file, and the secrets that pseudonyms are made with.

They lie as one sealed bundle in ``log/keys.json``, which a `KeyProvider` opens, once a process. Turning the keys writes
that one file anew; old and new keys are both in it until nothing is wrapped by the old ones.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.clock import now
from lifecourse.base.errors import KeyUnavailable, ManifestDamaged, WrongKey
from lifecourse.base.files import removed_for_good, rewritten_for_good, to_json, write_bytes
from lifecourse.privacy.keys import KEY_BYTES, name_of, opened_with, sealed_with

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.privacy.keys import KeyProvider

FORMAT = 1
DATASET_BYTES = 16
MARK = "."
"""Between the name of the key that wraps and what it wrapped: what lacks it, a store of format 1 had wrapped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The keys of a store, opened.

    dataset : 32 hexadecimal digits that name the store; everything sealed is bound to it
    keys : by name, the keys that wrap files' keys; the last is the one that wraps now
    pseudonyms : what ids of people and of records are hashed with where people are pseudonyms
    derived : by name, what seals files made from the store (labels, features, models, plans); the last seals now
    signing : the private key (Ed25519) that signs models
    retiring : what the provider is to destroy, and when (ISO 8601)
    """

    dataset: str
    keys: dict[str, bytes] = field(repr=False)
    pseudonyms: bytes = field(repr=False)
    derived: dict[str, bytes] = field(repr=False)
    signing: bytes = field(repr=False)
    retiring: tuple[dict[str, str], ...] = ()

    @classmethod
    def new(cls, *, pseudonyms: bytes | None = None) -> Keyring:
        """A ring of fresh keys; `pseudonyms` are kept where a store had some before it had a ring."""
        key, derived = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES)
        return cls(
            dataset=secrets.token_hex(DATASET_BYTES),
            keys={name_of(key): key},
            pseudonyms=pseudonyms or secrets.token_bytes(KEY_BYTES),
            derived={name_of(derived): derived},
            signing=secrets.token_bytes(KEY_BYTES),
        )

    def wrap(self, key: bytes, context: str) -> str:
        """`key` sealed under the newest key, bound to the store and to `context`."""
        name = next(reversed(self.keys))
        return f"{name}{MARK}{sealed_with(self.keys[name], key, self._bound(context))}"

    def unwrap(self, wrapped: str, context: str) -> bytes:
        """What `wrap` sealed.

        Raises
        ------
        WrongKey
            Another store's, another file's, or changed.
        """
        name, _, sealed = wrapped.partition(MARK)
        key = self.keys.get(name)
        opened = None if key is None else opened_with(key, sealed, self._bound(context))
        if opened is None:
            raise WrongKey(
                f"the key of {context} does not unwrap: it is another store's, or was changed."
            )
        return opened

    def turned(self) -> Keyring:
        """With a new key to wrap with, and a new one to seal derived files with, beside those there are."""
        key, derived = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES)
        return replace(
            self,
            keys={**self.keys, name_of(key): key},
            derived={**self.derived, name_of(derived): derived},
        )

    def without_old_keys(self) -> Keyring:
        """With the newest key alone: nothing is wrapped by the others any more."""
        name = next(reversed(self.keys))
        return replace(self, keys={name: self.keys[name]})

    def with_retiring(self, mark: str, until: datetime) -> Keyring:
        """With a key of the provider to be destroyed; the sooner, where a time was set before."""
        earlier = [each["until"] for each in self.retiring if each["mark"] == mark]
        others = tuple(each for each in self.retiring if each["mark"] != mark)
        soonest = min((until, *map(datetime.fromisoformat, earlier)))
        return replace(self, retiring=(*others, {"mark": mark, "until": soonest.isoformat()}))

    def _bound(self, context: str) -> str:
        return f"lifecourse/2/{self.dataset}/{context}"


def ring_document(ring: Keyring, provider: KeyProvider) -> dict[str, Any]:
    """The ring as it is written down: sealed by `provider`."""
    bundle = {
        "keys": {name: _text(key) for name, key in ring.keys.items()},
        "derived": {name: _text(key) for name, key in ring.derived.items()},
        "pseudonyms": _text(ring.pseudonyms),
        "signing": _text(ring.signing),
    }
    return {
        "format": FORMAT,
        "dataset": ring.dataset,
        "provider": provider.kind,
        "retiring": list(ring.retiring),
        "sealed": provider.wrap(orjson.dumps(bundle), _context(ring.dataset)),
    }


def write_ring(path: Path, document: dict[str, Any]) -> None:
    """Write the ring down, whole or not at all; what stood there before is overwritten."""
    if path.is_file():
        with rewritten_for_good(path) as temporary:
            temporary.write_bytes(to_json(document))
        return
    write_bytes(path, to_json(document))


def read_ring(path: Path, provider: KeyProvider) -> Keyring:
    """The ring in `path`, opened by `provider`.

    Raises
    ------
    ManifestDamaged
        The file is not what was written.
    KeyUnavailable, WrongKey
        The provider has no key, or another.
    """
    try:
        document = orjson.loads(path.read_bytes())
        dataset, sealed, kind = document["dataset"], document["sealed"], document["provider"]
        retiring = tuple(document["retiring"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ManifestDamaged(f"{path.name} of the store is truncated or changed.") from None
    if kind != provider.kind:
        raise KeyUnavailable(
            f"the keys of this store are kept by: {kind}. Say where with LIFECOURSE_KEYS "
            "(docs/how-to/keys.md)."
        )
    bundle = orjson.loads(provider.unwrap(sealed, _context(dataset)))
    return Keyring(
        dataset=dataset,
        keys={name: base64.b64decode(key) for name, key in bundle["keys"].items()},
        derived={name: base64.b64decode(key) for name, key in bundle["derived"].items()},
        pseudonyms=base64.b64decode(bundle["pseudonyms"]),
        signing=base64.b64decode(bundle["signing"]),
        retiring=retiring,
    )


def due(ring: Keyring) -> tuple[list[str], Keyring]:
    """The marks that are to be destroyed by now, and the ring without them."""
    moment = now()
    gone = [each for each in ring.retiring if datetime.fromisoformat(each["until"]) <= moment]
    left = tuple(each for each in ring.retiring if each not in gone)
    return [each["mark"] for each in gone], replace(ring, retiring=left)


def discard_ring(path: Path) -> None:
    """Take away a ring that has wrapped nothing."""
    removed_for_good(path)


def _context(dataset: str) -> str:
    return f"lifecourse/keys/{dataset}"


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
