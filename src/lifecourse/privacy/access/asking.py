"""What a policy is asked: who, why, to do what, with which part of whose record; and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from lifecourse.base.errors import PolicyRefused
from lifecourse.schema.actor import Identifiability, Purpose
from lifecourse.schema.identity import Identity

Column = Literal["event", "text", "name"]
Consent = Literal["none", "permit", "deny"]


class Use(StrEnum):
    """Purposes of use (HL7 v3 ActReason), each of one of the three purposes that a store is opened for."""

    TREAT = "TREAT"
    BTG = "BTG"
    HPAYMT = "HPAYMT"
    HOPERAT = "HOPERAT"
    PUBHLTH = "PUBHLTH"
    HRESCH = "HRESCH"


USES = {
    Purpose.DIRECT_CARE: (Use.TREAT, Use.BTG),
    Purpose.OPERATIONS: (Use.HOPERAT, Use.HPAYMT, Use.PUBHLTH),
    Purpose.RESEARCH: (Use.HRESCH,),
}
"""The first of each purpose is meant where nothing more exact is said."""


class Action(StrEnum):
    """What is done. `LOOK` is asked of every part of a record, the others once, of the store."""

    LOOK = "look"
    LIST = "list"
    SEARCH = "search"
    PREDICT = "predict"
    PLAN = "plan"
    EXPLAIN = "explain"
    EXPORT = "export"
    LEARN = "learn"
    COUNT = "count"
    JUDGE = "judge"
    ANSWER = "answer"
    BREAK_GLASS = "break_glass"
    RESULTS = "results"
    AUDIT = "audit"
    MAINTAIN = "maintain"
    ERASE = "erase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Who asks, why, and by which rules of the house.

    identifiability : of the store
    relationship_required : whether treatment needs a treatment relationship
    consent_required : whether what nobody consented to is closed
    protected : the sensitivity labels in force
    """

    identity: Identity
    use: Use
    identifiability: Identifiability
    relationship_required: bool = False
    consent_required: bool = False
    protected: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a record, as far as policies tell parts apart: events alike in all of this are decided alike.

    categories : FHIR resource types that such an event may come from; with none known, ``Other``
    labels : the sensitivity labels in force that its code has
    column : the event itself, its text, or (of the person, no event) name and identifiers
    consent : what the person's own consents say of it, to this asker for this purpose
    time_ms : when it was known, milliseconds since 1970; None of what has no time
    is_related : the asker is in the person's care team now
    is_in_context : the asker's token is for this one person
    is_in_scope : the token's scopes give every one of `categories`
    is_emergency : the asker broke the glass for this person, a short while ago
    """

    categories: frozenset[str]
    labels: frozenset[str] = frozenset()
    column: Column = "event"
    consent: Consent = "none"
    time_ms: int | None = None
    is_related: bool = False
    is_in_context: bool = False
    is_in_scope: bool = True
    is_emergency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Permit or deny, and the ids of the policies that decided; none did where nothing permits."""

    is_permitted: bool
    policies: tuple[str, ...] = ()


def use_of(purpose: Purpose, stated: str | None = None) -> Use:
    """The purpose of use of `purpose`, where a token states one more exactly that one.

    Raises
    ------
    PolicyRefused
        The one stated is not of this purpose.
    """
    possible = USES[purpose]
    # A token cannot break the glass: that needs a reason and one person.
    if stated is None or stated == Use.BTG:
        return possible[0]
    if stated not in possible:
        raise PolicyRefused(
            f"the token is for another purpose of use than '{purpose}', which is {', '.join(possible)}."
        )
    return Use(stated)
