"""Whether somebody may do something with a store at all, asked without opening it: for what a run left beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.base.errors import PolicyRefused
from lifecourse.privacy.access.asking import use_of
from lifecourse.privacy.access.house import House
from lifecourse.schema.actor import Purpose, check_purpose
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.privacy.access.asking import Action
    from lifecourse.schema.actor import Identifiability
    from lifecourse.schema.identity import Identity


def check_permitted(store: Path, identity: Identity, action: Action) -> None:
    """Refuse what no policy lets `identity` do for any of the purposes that the store may be opened for.

    Raises
    ------
    PolicyRefused
        None does.
    """
    found = Store.at(store)
    house, people = House.at(found.audit_folder.parent), found.manifest().identifiability
    if not any(_may(house, identity, action, purpose, people) for purpose in Purpose):
        raise PolicyRefused(
            f"the policies of this house do not let you see {action}. Ask who keeps them."
        )


def _may(
    house: House, identity: Identity, action: Action, purpose: Purpose, people: Identifiability
) -> bool:
    try:
        check_purpose(purpose, people)
        use = use_of(purpose, identity.purpose_of_use)
    except PolicyRefused:
        return False
    return house.engine.decide(house.situation(identity, use, people))[action].is_permitted
