"""What closes the small files beside a store that are about its people: the store's own keys, turned with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecourse.base.errors import WrongKey
from lifecourse.privacy.keyring import MARK
from lifecourse.privacy.keys import opened_with, sealed_with

if TYPE_CHECKING:
    from lifecourse.privacy.access.consents import Seals
    from lifecourse.timeline.store import Store


@dataclass(frozen=True, slots=True)
class RingSeals:
    """Seals with the newest of the keys that a store has for what is made from it."""

    store: Store

    def wrap(self, content: bytes, context: str) -> str:
        """`content` sealed, bound to `context`."""
        keys = self.store.ring.derived
        name = next(reversed(keys))
        return f"{name}{MARK}{sealed_with(keys[name], content, context)}"

    def unwrap(self, wrapped: str, context: str) -> bytes:
        """What `wrap` sealed under the same `context`.

        Raises
        ------
        WrongKey
            It was sealed for another store, for another place, or was changed.
        """
        name, _, sealed = wrapped.partition(MARK)
        key = self.store.ring.derived.get(name)
        opened = None if key is None else opened_with(key, sealed, context)
        if opened is None:
            raise WrongKey(f"{context} does not open: it is another store's, or was changed.")
        return opened


def seals_of(store: Store) -> Seals | None:
    """What closes files beside `store`; None where it is plain."""
    if not store.exists() or not store.manifest().encrypted:
        return None
    return RingSeals(store) if store.ring_path.is_file() else store.keys
