"""Who sends a request, through which program, and what they were let in for."""

from __future__ import annotations

from dataclasses import dataclass

from lifecourse.schema.actor import Actor
from lifecourse.schema.scopes import Scope

LOCAL = "local"
"""The issuer of who signed in by this machine's own links and tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is proved of the sender of a request; what they may see is for a policy to say.

    actor : name and role, for the audit log
    issuer : who vouches: ``local``, or the address of a configured issuer
    roles : every role that the issuer gives
    client : the program that asks, where it has a name of its own
    token_id : of the token or session, to tell two looks by one person apart
    scopes : what the token was given for; None where nothing limits it (a person signed in to the pages), and an
        empty tuple gives nothing
    patient : the FHIR id of the one patient in context, where the token is for one alone
    subject_id : the same person's id in the store, where `patient` is stated
    purpose_of_use : as the token states it (``TREAT``, ``BTG``, ...)
    """

    actor: Actor
    issuer: str = LOCAL
    roles: frozenset[str] = frozenset()
    client: str | None = None
    token_id: str | None = None
    scopes: tuple[Scope, ...] | None = None
    patient: str | None = None
    subject_id: int | None = None
    purpose_of_use: str | None = None
