"""Problems, allergies and family history: what is said of health, since when, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.ccda.coding import bare_code, display_of, named
from lifecourse.records.ccda.kinds import kinds
from lifecourse.records.ccda.markup import V3
from lifecourse.records.ccda.statement import known
from lifecourse.records.ccda.telling import tell
from lifecourse.records.preferences import CONDITIONS, DRUGS
from lifecourse.records.rows import RejectedError
from lifecourse.schema.code import SEPARATOR

if TYPE_CHECKING:
    from lifecourse.records.ccda.coding import Named
    from lifecourse.records.ccda.statement import Span, Statement
    from lifecourse.records.moments import Moment

PROBLEM_STATUSES = (
    "2.16.840.1.113883.10.20.22.4.6", "2.16.840.1.113883.10.20.1.50", "2.16.840.1.113883.10.20.22.4.28",
    "2.16.840.1.113883.10.20.1.39",
)  # fmt: skip
OVER = {"413322009", "73425007", "277022003"}
"""SNOMED CT: resolved, inactive, remission."""
OVER_CONCERNS = {"completed", "aborted", "suspended"}
SUBSTANCE = f"{V3}participant/{V3}participantRole/{V3}playingEntity"
RELATIVE = f"{V3}subject/{V3}relatedSubject/{V3}code"


def read_problem(statement: Statement) -> None:
    """A condition, known when it was written down; its onset and end beside it."""
    found = _of_values(statement)
    if found is None:
        raise RejectedError("no code")
    _tell(statement, "", found)


def read_allergy(statement: Statement) -> None:
    """An allergy or intolerance, never the substance taken; one that is denied by its kind is that there is none."""
    kind = statement.child("value")
    entity = statement.element.find(SUBSTANCE)
    substance = entity.find(f"{V3}code") if entity is not None else None
    found = named(statement, substance, DRUGS, "AllergyIntolerance")
    if found is None and entity is not None and (name := entity.findtext(f"{V3}name")):
        found = f"TEXT{SEPARATOR}AllergyIntolerance", " ".join(name.split())
    none_known = kinds().no_known.get(bare_code(kind) or "")
    is_any = found is None or bare_code(substance) in kinds().anything
    if is_any and statement.is_negated and none_known:
        _tell(statement, "ALLERGY//", (f"SNOMED//{none_known[0]}", none_known[1]), is_denied=False)
        return
    found = found or named(statement, kind, DRUGS, "AllergyIntolerance")
    if found is None:
        raise RejectedError("no code")
    _tell(statement, "ALLERGY//", found)


def read_family(statement: Statement) -> None:
    """A relative's conditions, never the person's own."""
    relation = statement.element.find(RELATIVE)
    relative = display_of(relation) or bare_code(relation)
    told = 0
    for inner in statement.within():
        found = _of_values(inner) if inner.kind == "observation" else None
        if found is None:
            continue
        when = known(inner.authored() or statement.document.known)
        code, display = found
        said = f"{relative}: {display}" if relative and display else display or relative
        prefix = "REFUTED//" if inner.is_negated else ""
        tell(inner, when, f"{prefix}FAMILY_HISTORY//{code}", text=said)
        told += 1
    if not told:
        raise RejectedError("no code")


def _of_values(statement: Statement) -> Named | None:
    """The condition: of several values, or of a value in words beside a coded one, the first that is coded."""
    values = list(statement.element.findall(f"{V3}value"))
    found = [n for value in values if (n := named(statement, value, CONDITIONS, "Condition"))]
    best = next((name for name in found if not name[0].startswith("TEXT//")), None)
    if best is None and not found and values and (words := statement.text()):
        return f"TEXT{SEPARATOR}Condition", words
    return best or (found[0] if found else None)


def _tell(statement: Statement, kind: str, found: Named, *, is_denied: bool | None = None) -> None:
    span = statement.span()
    when = known(statement.authored() or span.first or statement.around())
    if span.first and span.first.start > when.known:
        # Nothing is known before it begins, whatever its author's clock says.
        when = span.first
    is_denied = statement.is_negated if is_denied is None else is_denied
    prefix = "REFUTED//" if is_denied else ""
    end = None if is_denied else _end(statement, span, when)
    tell(
        statement, when, f"{prefix}{kind}{found[0]}", text=found[1], end=end, happened=span.first,
    )  # fmt: skip


def _end(statement: Statement, span: Span, when: Moment) -> int | None:
    """When it was over; where only that it is over is told, when the document said so."""
    if span.high:
        return span.high.known
    if not span.is_over and not _is_said_over(statement):
        return None
    concern = statement.outer.span().high if statement.outer is not None else None
    told = concern or statement.document.known
    return max(when.known, told.known) if told else when.known


def _is_said_over(statement: Statement) -> bool:
    """Whether its status says so; where it has none, whether the concern about it is closed."""
    for inner in statement.within():
        if any(template in PROBLEM_STATUSES for template in inner.templates):
            return bare_code(inner.child("value")) in OVER
    outer = statement.outer
    return outer is not None and outer.kind == "act" and outer.status in OVER_CONCERNS
