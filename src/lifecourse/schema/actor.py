"""Who asks, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lifecourse.base.errors import PolicyRefused


class Purpose(StrEnum):
    """Why records are opened; each purpose allows certain stores."""

    DIRECT_CARE = "direct_care"
    OPERATIONS = "operations"
    RESEARCH = "research"


class Identifiability(StrEnum):
    """What a store says of the people in it."""

    IDENTIFIED = "identified"
    PSEUDONYMOUS = "pseudonymous"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person or system that looks; `name` goes to the audit log."""

    name: str
    role: str = "user"


ALLOWED_STORES = {
    Purpose.DIRECT_CARE: {Identifiability.IDENTIFIED, Identifiability.SYNTHETIC},
    Purpose.OPERATIONS: set(Identifiability),
    Purpose.RESEARCH: {Identifiability.PSEUDONYMOUS, Identifiability.SYNTHETIC},
}


def check_purpose(purpose: Purpose, identifiability: Identifiability) -> None:
    """Refuse a purpose that a store of this kind does not allow.

    Raises
    ------
    PolicyRefused
        `purpose` may not open such a store.
    """
    if identifiability not in ALLOWED_STORES[purpose]:
        allowed = ", ".join(sorted(ALLOWED_STORES[purpose]))
        others = (
            f"--purpose {other}"
            for other, stores in ALLOWED_STORES.items()
            if identifiability in stores
        )
        raise PolicyRefused(
            f"purpose '{purpose}' may not open a store that is {identifiability}; it may open: {allowed}. "
            f"This one opens for {' or '.join(others)}, where that is why you ask."
        )
