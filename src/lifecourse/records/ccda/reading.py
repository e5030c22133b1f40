"""A statement to its events: which reader it has, and what becomes of those that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.ccda.arrangements import read_care_team, read_coverage, read_directive
from lifecourse.records.ccda.conditions import read_allergy, read_family, read_problem
from lifecourse.records.ccda.encounters import read_encounter
from lifecourse.records.ccda.kinds import kinds
from lifecourse.records.ccda.markup import V3
from lifecourse.records.ccda.medicines import (
    read_dispense,
    read_immunization,
    read_medication,
    read_supply_order,
)
from lifecourse.records.ccda.notes import read_note
from lifecourse.records.ccda.observations import (
    PLANS,
    read_assertion,
    read_death,
    read_goal,
    read_observation,
    read_report,
    read_smoking,
    read_tobacco,
)
from lifecourse.records.ccda.procedures import read_device, read_procedure
from lifecourse.records.ccda.statement import record_id
from lifecourse.records.rows import RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifecourse.records.ccda.statement import Statement

READERS: dict[str, Callable[[Statement], None]] = {
    "problem": read_problem,
    "allergy": read_allergy,
    "family": read_family,
    "observation": read_observation,
    "assertion": read_assertion,
    "death": read_death,
    "smoking": read_smoking,
    "tobacco": read_tobacco,
    "report": read_report,
    "goal": read_goal,
    "medication": read_medication,
    "supply_order": read_supply_order,
    "dispense": read_dispense,
    "immunization": read_immunization,
    "procedure": read_procedure,
    "encounter": read_encounter,
    "device": read_device,
    "coverage": read_coverage,
    "directive": read_directive,
    "care_team": read_care_team,
    "note": read_note,
}
THROUGH, WITHIN, REFERS, UNREAD = "through", "within", "refers", "unread"
ALLERGIES, IMMUNIZATIONS = "48765-2", "11369-6"
BY_CLASS = {
    "organizer": THROUGH,
    "procedure": "procedure",
    "encounter": "encounter",
    "encompassingEncounter": "encounter",
}
ACT_CLASS = "2.16.840.1.113883.5.6"
RELATED = f"{V3}subject/{V3}relatedSubject"
NULLIFIED = "entered in error"
NO_FACTS = ("DEF", "CRT", "EVN.CRT", "GOL.CRT", "INT.CRT", "EXPEC", "OPT", "PERM", "PERMRQ", "SLOT")
"""Moods of what may be, must be or is waited for (HL7 v3 ActMood)."""
UNKNOWN = ("UNK", "ASKU", "NASK", "NAV", "NI", "MSK", "NA")
"""Null flavours of a whole statement: it stands there to say that nobody knows."""


def read_statement(statement: Statement) -> str | None:
    """Add what a statement and those within it say; the reason why the first that said nothing did not."""
    name, reader = kind_of(statement)
    if reader != "family" and statement.element.find(RELATED) is not None:
        # A fetus, a newborn, a donor: whatever is said of them is no fact of the person.
        return _refused(statement, name, "about somebody else")
    if reader == WITHIN and statement.outer is None:
        # It stands by itself, as an indication does in the section of indications.
        reader = _by_class(statement)
    if reader in (WITHIN, REFERS, UNREAD):
        return _aside(statement, name, reader)
    reason = None
    if reader not in (THROUGH, "concern"):
        reason = _read(statement, name, READERS[reader])
        if reason == NULLIFIED:
            return reason
    elif statement.status == "nullified":
        return _refused(statement, name, NULLIFIED)
    for inner in statement.within():
        why = _read_inner(inner, is_passed_through=reader in (THROUGH, "concern"))
        reason = reason or why
    return reason


def _read_inner(inner: Statement, *, is_passed_through: bool) -> str | None:
    """What stands within another statement: read by its template, or where the other says nothing itself."""
    if not is_passed_through and not _has_template(inner):
        return _aside(inner, kind_of(inner)[0], UNREAD)
    return read_statement(inner)


def _read(statement: Statement, name: str, reader: Callable[[Statement], None]) -> str | None:
    rows = statement.document.rows
    before = len(rows.events)
    try:
        if statement.status == "nullified":
            raise RejectedError(NULLIFIED)
        if statement.element.get("nullFlavor") in UNKNOWN:
            raise RejectedError("said to be unknown")
        if statement.mood in NO_FACTS:
            raise RejectedError("a definition or a condition, not a fact")
        reader(statement)
    except RejectedError as rejected:
        statement.document.take_back(before)
        return _refused(statement, name, str(rejected))
    return None


def _refused(statement: Statement, name: str, reason: str) -> str:
    rows = statement.document.rows
    rows.count(f"{name} dropped: {reason}")
    own = record_id(statement.kind, statement.element)
    if reason == NULLIFIED and own:
        rows.deletions.append((own, statement.version))
    return reason


def _aside(statement: Statement, name: str, reader: str) -> str:
    told = {
        WITHIN: "part of the statement around it",
        REFERS: "points to another entry",
        UNREAD: "not read",
    }[reader]
    statement.document.rows.count(f"{name}: {told}")
    return told


def kind_of(statement: Statement) -> tuple[str, str]:
    """Name and reader: by the first template that is known, else by class and section."""
    known = kinds().templates
    found = next((known[t] for t in statement.templates if t in known), None)
    if found is not None:
        return found.name, _by_class(statement) if found.reader == "planned" else found.reader
    templates = statement.templates
    name = f"{statement.kind} {templates[0] if templates else 'without a template'}"
    return name, _by_class(statement)


def _has_template(statement: Statement) -> bool:
    known = kinds().templates
    return any(template in known for template in statement.templates)


def _by_class(statement: Statement) -> str:
    kind, section = statement.kind, statement.section
    if kind == "observation":
        return _by_section(statement)
    if kind == "substanceAdministration":
        return "immunization" if section == IMMUNIZATIONS else "medication"
    if kind == "supply":
        return _supply(statement)
    if kind == "act":
        code = statement.child("code")
        is_class = code is None or code.get("code") is None or code.get("codeSystem") == ACT_CLASS
        if not is_class:
            return "procedure"
        return UNREAD if next(statement.within(), None) is None else THROUGH
    return BY_CLASS.get(kind, UNREAD)


def _by_section(statement: Statement) -> str:
    tables = kinds()
    if statement.mood == "GOL" or (statement.section in tables.goals and statement.mood != "EVN"):
        return "goal"
    if statement.section == ALLERGIES:
        return "allergy"
    return "problem" if statement.section in tables.problems else "observation"


def _supply(statement: Statement) -> str:
    if statement.child("product") is None:
        return "device"
    return "supply_order" if statement.mood in PLANS else "dispense"
