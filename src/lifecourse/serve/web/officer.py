"""The pages of the privacy officer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from starlette.responses import RedirectResponse, Response

from lifecourse.privacy.acts import OUTCOMES
from lifecourse.schema.actor import Actor
from lifecourse.serve import officer
from lifecourse.serve.identity import Officer, Served, SubjectId
from lifecourse.serve.site import Site
from lifecourse.serve.web.pages import page

router = APIRouter(prefix="/audit")


def question_of(
    who: Annotated[str, Query(max_length=200)] = "",
    whom: Annotated[str, Query(max_length=20)] = "",
    what: Annotated[str, Query(max_length=40)] = "",
    outcome: Annotated[str, Query(max_length=40)] = "",
    purpose: Annotated[str, Query(max_length=40)] = "",
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> officer.Question:
    """What the list of entries is narrowed to, from the query of an address."""
    return officer.Question(
        who=who,
        whom=whom,
        what=what,
        outcome=outcome,
        purpose=purpose,
        since=since,
        until=until,
        page=number,
    )


Asked = Annotated[officer.Question, Depends(question_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounting:
    """The accounting of disclosures of one person, and the days it was asked for."""

    told: dict[str, Any]
    since: str
    until: str


def accounting_of(
    subject_id: SubjectId,
    actor: Officer,
    site: Served,
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
    everything: Annotated[bool, Query()] = False,
) -> Accounting:
    """What the page and its JSON twin tell of one person."""
    log = officer.opened(site, actor)
    told = officer.person_page(log, subject_id, since, until, exempt_too=everything)
    return Accounting(told=told, since=since, until=until)


Accounted = Annotated[Accounting, Depends(accounting_of)]


@router.get("")
def audit_log(actor: Officer, site: Served, question: Asked) -> Response:
    """Who looked at whom, why, what was refused, and which emergencies are to be reviewed."""
    return _page(actor, site, question)


@router.post("/verify")
def verify(actor: Officer, site: Served) -> Response:
    """Check the whole log, however long it is, and say so on the page."""
    return _page(
        actor, site, officer.Question(), integrity=officer.check(officer.opened(site, actor))
    )


@router.post("/{sequence}/review")
def review(
    sequence: int,
    actor: Officer,
    site: Served,
    verdict: Annotated[str, Form(max_length=40)],
    note: Annotated[str, Form(max_length=officer.LONGEST_NOTE)] = "",
) -> Response:
    """Say what was found of an emergency."""
    officer.review(officer.opened(site, actor), actor, sequence, verdict, note)
    return RedirectResponse("/audit#emergencies", status_code=303)


@router.get("/people/{subject_id}")
def one_person(actor: Officer, accounting: Accounted) -> Response:
    """The accounting of disclosures of one person, to print and hand over."""
    return page(
        "audit_person.html",
        actor=actor,
        since=accounting.since,
        until=accounting.until,
        purposes=officer.PURPOSES,
        **accounting.told,
    )


def _page(actor: Actor, site: Site, question: officer.Question, **instead: object) -> Response:
    found = {**officer.log_page(officer.opened(site, actor), question), **instead}
    return page(
        "audit.html",
        actor=actor,
        asked=question,
        actions=officer.ACTIONS,
        outcomes=OUTCOMES,
        purposes=officer.PURPOSES,
        verdicts=officer.VERDICTS,
        longest=officer.LONGEST_NOTE,
        **found,
    )
