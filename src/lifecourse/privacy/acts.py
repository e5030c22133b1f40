"""What somebody did with records: one act is one entry of the audit log, or a part of a request's one entry."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lifecourse.schema.actor import Actor, Purpose

SUCCESS, REFUSED, NOT_FOUND = "success", "refused", "not found"
BAD_INPUT, NOT_SIGNED_IN, FAILED = "bad input", "not signed in", "failed"
OUTCOMES = (SUCCESS, NOT_FOUND, REFUSED, BAD_INPUT, NOT_SIGNED_IN, FAILED)
SUBJECT = "subject/"


class Details(TypedDict, total=False):
    """What an act may say besides who, why, what and of whom.

    people : subject ids of whom something was given, where `target` names no single one
    rows : how many rows were given
    query : names of the parameters that were asked by, never their values
    policies : ids of the policies that decided
    models : ``name@version`` of the models that answered
    client, token, issuer : the program, the id (never the token itself) of its token, and who vouches
    address : where the request came from
    emergency : the glass was broken
    reason : what was written as the reason, kept sealed under the key of the person
    reviews : the number of the entry that this one reviews, and `verdict` what was found of it
    """

    people: Sequence[int]
    rows: int
    query: Sequence[str]
    policies: Sequence[str]
    models: Sequence[str]
    client: str
    token: str
    issuer: str
    address: str
    emergency: bool
    reason: str
    reviews: int
    verdict: str


LISTS = ("people", "query", "policies", "models")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing done, or refused.

    target : a store, task or model by name, or ``subject/<subject_id>``; never a name or a value of a record
    """

    actor: Actor
    purpose: Purpose
    action: str
    target: str
    outcome: str = SUCCESS
    details: Details = field(default_factory=lambda: Details())

    @property
    def subject_id(self) -> int | None:
        """Whom the target names."""
        return subject_of(self.target)


def subject_of(target: str) -> int | None:
    """The subject id in ``subject/<id>`` or ``subject/<id>/...``; None of anything else."""
    named = target.removeprefix(SUBJECT).partition("/")[0]
    is_id = target.startswith(SUBJECT) and named.removeprefix("-").isdecimal()
    return int(named) if is_id else None


@dataclass(slots=True, kw_only=True)
class Gathering:
    """The acts of one request, which become one entry when it is answered.

    folder : of the audit log that gets the entry; acts for another log are not gathered
    """

    folder: Path
    acts: list[Act] = field(default_factory=list)
    asker: tuple[Actor, Details] | None = None
    also: Details = field(default_factory=lambda: Details())
    is_over: bool = False

    def takes(self, folder: Path) -> bool:
        """Whether acts for the log in `folder` are part of this request's entry."""
        return not self.is_over and folder.absolute() == self.folder.absolute()

    def as_one(self, act: Act) -> Act:
        """`act` with what was gathered: whom it was of, why, with what outcome, and every detail."""
        details: dict[str, Any] = {**act.details}
        for told in (*(each.details for each in self.acts), self.also):
            _merge(details, told)
        named = {each.target: each.subject_id for each in self.acts if each.subject_id is not None}
        people = set(named.values())
        if len(people) > 1:
            _merge(details, {"people": sorted(people)})
        target = max(named, key=len) if len(people) == 1 else act.target
        last = self.acts[-1] if self.acts else act
        refused = any(each.outcome == REFUSED for each in self.acts)
        return Act(
            actor=act.actor,
            purpose=last.purpose,
            action=act.action,
            target=target,
            outcome=REFUSED if refused else act.outcome,
            details=cast("Details", details),
        )


def _merge(details: dict[str, Any], told: Any) -> None:
    for key, value in told.items():
        if key in LISTS:
            details[key] = list(dict.fromkeys([*details.get(key, ()), *value]))
        else:
            details[key] = value


CURRENT: ContextVar[Gathering | None] = ContextVar("lifecourse_audit_gathering", default=None)
"""The request that is being answered; None on the command line and in notebooks, where each act is an entry."""


PROGRAM: ContextVar[str] = ContextVar("lifecourse_audit_program", default="")
"""What asks where it is no server's request: ``lifecourse plan`` and its like."""


def gathering_of(folder: Path) -> Gathering | None:
    """The request whose entry acts for the log in `folder` belong to, if one is being answered."""
    gathering = CURRENT.get()
    return gathering if gathering is not None and gathering.takes(folder) else None


def asked_by(actor: Actor, **details: Unpack[Details]) -> None:
    """Say who sends the request that is being answered; nothing outside of a request."""
    gathering = CURRENT.get()
    if gathering is not None:
        gathering.asker = (actor, details)


def noted(**details: Unpack[Details]) -> None:
    """Add details to the entry of the request that is being answered; nothing outside of a request."""
    gathering = CURRENT.get()
    if gathering is not None:
        merged: dict[str, Any] = {**gathering.also}
        _merge(merged, details)
        gathering.also = cast("Details", merged)
