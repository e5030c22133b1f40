"""Breaking the glass: one record opened to one person for a short while, with a reason that is kept and reviewed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.clock import now
from lifecourse.base.errors import UserError
from lifecourse.privacy.access.asking import Action
from lifecourse.schema.identity import Identity

if TYPE_CHECKING:
    from lifecourse.schema.actor import Actor
    from lifecourse.serve.site import Site
    from lifecourse.timeline.access import Timeline

SHORTEST_REASON, LONGEST_REASON = 10, 500

log = logging.getLogger("lifecourse.serve")


def timeline_for(site: Site, actor: Actor, subject_id: int) -> Timeline:
    """The store as `actor` may see it for this person: opened wider while the glass is broken for them."""
    is_open = site.house.glass.until(_asker(site, actor), subject_id) is not None
    return site.timeline(actor, emergency=subject_id if is_open else None)


def emergency_of(site: Site, actor: Actor, timeline: Timeline) -> dict[str, Any]:
    """Until when the record is open in an emergency, and whether it could be opened: the same for every record."""
    until = None
    if timeline.emergency is not None:
        until = site.house.glass.until(_asker(site, actor), timeline.emergency)
    return {
        "until": until,
        "possible": timeline.whole_subjects() is not None and timeline.may(Action.BREAK_GLASS),
        "minutes": site.house.settings.break_glass_minutes,
    }


def break_glass(site: Site, actor: Actor, subject_id: int, reason: str) -> str:
    """Open the record of `subject_id` to `actor` for a while; gives until when (ISO 8601).

    Nothing is said of whether there is such a record: who asks finds out on its page, and the entry says they did.

    Raises
    ------
    UserError
        The reason is too short to be one.
    PolicyRefused
        No policy lets the actor break the glass.
    """
    why = reason.strip()
    if not SHORTEST_REASON <= len(why) <= LONGEST_REASON:
        raise UserError(
            f"write why, in {SHORTEST_REASON} to {LONGEST_REASON} letters: who reviews it reads it, nobody else."
        )
    timeline = site.timeline(actor)
    timeline.require(Action.BREAK_GLASS)
    timeline.record(
        "break glass",
        f"subject/{subject_id}",
        emergency=True,
        reason=why,
        policies=timeline.deciding(Action.BREAK_GLASS),
    )
    house = site.house
    until = house.glass.break_for(
        _asker(site, actor), subject_id, house.settings.break_glass_minutes
    )
    alert = {
        "time": now().isoformat(timespec="milliseconds"),
        "alert": "break glass",
        "until": until,
    }
    log.warning(orjson.dumps(alert).decode())
    return until


def _asker(site: Site, actor: Actor) -> Identity:
    return site.identity or Identity(actor=actor)
