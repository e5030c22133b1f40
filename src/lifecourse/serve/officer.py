"""What a privacy officer reads: who looked at whom, why, what was refused, and which emergencies are to be reviewed.

The page shows this; the JSON twin is this. People are subject ids: nobody needs a name to see that it was looked at.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.clock import now
from lifecourse.base.errors import PolicyRefused, StoreDamaged, UserError
from lifecourse.figures.days import Day, days
from lifecourse.privacy.access.asking import Action
from lifecourse.privacy.accounting import accounting
from lifecourse.privacy.acts import OUTCOMES, SUBJECT, noted
from lifecourse.privacy.browsing import Sought, emergencies, entry_of, newest, reviews, tail
from lifecourse.privacy.witness import verify
from lifecourse.schema.actor import Purpose
from lifecourse.serve.site import Absent

if TYPE_CHECKING:
    from lifecourse.privacy.audit import AuditLog
    from lifecourse.schema.actor import Actor
    from lifecourse.serve.site import Site

PER_PAGE = 50
DAYS = 30
# The picture is of what can be read within a page's time; of a busier log it begins later, and says so.
DRAWN_BYTES = 6 * 1024 * 1024
CHECKED_BYTES = 6 * 1024 * 1024
"""Logs up to this size are checked whole whenever the page is opened; larger ones when somebody asks."""
LATEST_REVIEWED = 20
VERDICTS = {
    "justified": "justified",
    "not justified": "not justified",
    "to be followed up": "to be followed up",
}
LONGEST_NOTE = 500
ACTIONS = {
    "look": "looks at a person",
    "search": "lists of people",
    "predict": "predictions",
    "export": "exports",
    "sign": "sign-ins and sign-outs",
    "answer": "answers to advice",
    "judge": "judgements of charts",
    "ingest": "ingests",
    "erase": "erasures",
    "audit": "the audit log itself",
    "review": "reviews",
}
PURPOSES = {
    Purpose.DIRECT_CARE: "direct care",
    Purpose.OPERATIONS: "operations",
    Purpose.RESEARCH: "research",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the list of entries is narrowed to, as it was asked; empty words narrow nothing."""

    who: str = ""
    whom: str = ""
    what: str = ""
    outcome: str = ""
    purpose: str = ""
    since: str = ""
    until: str = ""
    page: int = 1

    def sought(self) -> Sought:
        """The entries that are asked for.

        Raises
        ------
        UserError
            A day, a person or a choice is none.
        """
        for given, known in (
            (self.what, ACTIONS),
            (self.outcome, OUTCOMES),
            (self.purpose, PURPOSES),
        ):
            if given and given not in known:
                raise UserError("choose what the page offers.")
        whom = self.whom.strip()
        if whom and not whom.removeprefix("-").isdecimal():
            raise UserError("a person is a subject id: a number.")
        return Sought(
            actor=self.who.strip(),
            subject_id=int(whom) if whom else None,
            action=self.what,
            outcome=self.outcome,
            purpose=self.purpose,
            since=day_of(self.since),
            until=day_of(self.until, plus=1),
        )


def day_of(text: str, *, plus: int = 0) -> datetime | None:
    """The beginning of a day as ``2026-05-01``, `plus` days later; None of nothing.

    Raises
    ------
    UserError
        It is no day.
    """
    if not text:
        return None
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return found + timedelta(days=plus)
    except (ValueError, OverflowError):
        raise UserError("a day is written as 2026-05-01.") from None


def opened(site: Site, actor: Actor) -> AuditLog:
    """The audit log for `actor`, whom the policies let read it.

    Raises
    ------
    PolicyRefused
        They do not.
    """
    site.timeline(actor, Purpose.OPERATIONS).require(Action.AUDIT)
    return site.audit


def log_page(log: AuditLog, question: Question) -> dict[str, Any]:
    """The latest entries that fit, the emergencies to review, what happened each day, and whether the log is whole."""
    found = newest(log, question.sought())
    first = (max(1, question.page) - 1) * PER_PAGE
    shown = list(islice(found, first, first + PER_PAGE + 1))
    reviewed = reviews(log)
    opened = [_emergency(entry, reviewed.get(entry["seq"])) for entry in emergencies(log)]
    return {
        "integrity": integrity(log),
        "to_review": [each for each in opened if each["review"] is None],
        "reviewed": [each for each in opened if each["review"] is not None][:LATEST_REVIEWED],
        "activity": activity(log),
        "entries": [row(entry) for entry in shown[:PER_PAGE]],
        "page": max(1, question.page),
        "more": len(shown) > PER_PAGE,
    }


def integrity(log: AuditLog, *, whole: bool = False) -> dict[str, Any]:
    """Whether the log is whole: ``state`` (``whole``, ``damaged``, ``not checked``), ``entries`` and what is wrong.

    A long log is read only where `whole` says so.
    """
    size = log.path.stat().st_size if log.path.is_file() else 0
    if size > CHECKED_BYTES and not whole:
        return {"state": "not checked", "entries": None, "problem": None}
    try:
        return {"state": "whole", "entries": verify(log), "problem": None}
    except StoreDamaged as damage:
        return {"state": "damaged", "entries": None, "problem": Exception.__str__(damage)}


def activity(log: AuditLog) -> dict[str, Any]:
    """What was answered, refused and done in an emergency on each of the last days."""
    today = now().date()
    start = today - timedelta(days=DAYS - 1)
    counted: Counter[tuple[str, str]] = Counter()
    read, oldest = 0, today
    for line in tail(log, DRAWN_BYTES):
        entry = orjson.loads(line)
        oldest = datetime.fromisoformat(entry["time"]).date()
        if oldest < start:
            break
        read += len(line)
        kind = "answered" if entry["outcome"] == "success" else "refused"
        counted[str(oldest), kind] += 1
        counted[str(oldest), "emergencies"] += "reason" in entry and bool(entry.get("emergency"))
    # The oldest day of a log that is longer than what was read is read in part only.
    is_cut = oldest >= start and log.path.is_file() and log.path.stat().st_size > DRAWN_BYTES
    begin = oldest + timedelta(days=1) if is_cut else start
    bars = [
        Day(
            day=day,
            answered=counted[str(day), "answered"],
            refused=counted[str(day), "refused"],
            emergencies=counted[str(day), "emergencies"],
        )
        for day in (begin + timedelta(days=n) for n in range((today - begin).days + 1))
    ]
    figure = days(bars, title="Entries of each day")
    return {"svg": figure.svg, "rows": figure.rows, "since": begin.isoformat()}


def person_page(
    log: AuditLog, subject_id: int, since: str, until: str, *, exempt_too: bool
) -> dict[str, Any]:
    """The accounting of disclosures of one person, the latest first."""
    told = accounting(
        log,
        subject_id,
        since=day_of(since),
        until=day_of(until, plus=1),
        exempt_too=exempt_too,
    )
    told["disclosures"].reverse()
    return {**told, "exempt_too": exempt_too}


def review(log: AuditLog, actor: Actor, sequence: int, verdict: str, note: str) -> None:
    """Say what was found of an emergency; the review is an entry of its own.

    Raises
    ------
    Absent
        The log has no such emergency.
    PolicyRefused
        It is the reviewer's own.
    UserError
        The verdict is none.
    """
    if verdict not in VERDICTS:
        raise UserError("choose one of the verdicts on the page.")
    entry = entry_of(log, sequence)
    if entry is None or not entry.get("emergency") or "reason" not in entry:
        raise Absent("the log has no such emergency. The page lists those to review.")
    if entry["actor"] == actor.name:
        raise PolicyRefused("nobody reviews what they opened themselves. Ask another officer.")
    whom = entry["target"].partition("/event")[0]
    log.record(
        actor=actor,
        purpose=Purpose.OPERATIONS,
        action=f"review entry {sequence}",
        target=whom if whom != f"{SUBJECT}erased" else "a person, erased since",
        reviews=sequence,
        verdict=verdict,
        reason=note.strip()[:LONGEST_NOTE],
    )


def check(log: AuditLog) -> dict[str, Any]:
    """Whether the whole log is whole, however long it is."""
    found = integrity(log, whole=True)
    noted(verdict=found["state"])
    return found


def row(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as the list shows it."""
    names = ("seq", "time", "actor", "role", "purpose", "action", "outcome")
    more = ("client", "issuer", "address", "reason", "reviews", "verdict", "rows")
    told = {name: entry[name] for name in names}
    return {
        **told,
        **{name: entry.get(name) for name in more},
        "emergency": bool(entry.get("emergency")),
        "whom": whom(entry),
        "query": entry.get("query", []),
        "policies": entry.get("policies", []),
        "models": entry.get("models", []),
    }


def whom(entry: dict[str, Any]) -> dict[str, Any]:
    """Of whom an entry is: ``subject_id`` of one, ``people`` of a list, ``number`` of a cohort, or ``what`` else."""
    found: dict[str, Any] = dict.fromkeys(("subject_id", "people", "number", "what"))
    if entry["target"].startswith(SUBJECT):
        who, _, part = entry["target"].removeprefix(SUBJECT).partition("/")
        is_known = who.removeprefix("-").isdecimal()
        told = "somebody who was erased since" if not is_known else part.replace("/", " ")
        return {**found, "subject_id": int(who) if is_known else None, "what": told or None}
    if "people" in entry:
        return {**found, "people": [each for each in entry["people"] if each != "erased"],
                "number": len(entry["people"])}  # fmt: skip
    return {**found, "number": entry.get("cohort", {}).get("size"), "what": entry["target"]}


def _emergency(entry: dict[str, Any], reviewed: dict[str, Any] | None) -> dict[str, Any]:
    return {**row(entry), "looks": entry["looks"], "review": reviewed and row(reviewed)}
