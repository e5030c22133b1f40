"""What was arranged: who pays, what the person decided beforehand, who cares together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.ccda.coding import coded, named
from lifecourse.records.ccda.markup import V3
from lifecourse.records.ccda.procedures import PARTICIPANT
from lifecourse.records.ccda.statement import known
from lifecourse.records.ccda.telling import tell
from lifecourse.records.ccda.values import value_of
from lifecourse.records.preferences import ANY, MEASUREMENTS
from lifecourse.records.rows import RejectedError

if TYPE_CHECKING:
    from lifecourse.records.ccda.statement import Statement


def read_coverage(statement: Statement) -> None:
    """Who pays, by the kind of policy, for as long as it covers the person."""
    found = coded(statement.child("code"), ANY)
    span = statement.span()
    for participant in statement.element.findall(PARTICIPANT):
        if participant.get("typeCode") == "COV":
            covered = statement.span_of(participant.find(f"{V3}time"))
            span = covered if covered.first or covered.high else span
    when = known(span.first or statement.around())
    code, words = found or ("other", None)
    tell(
        statement, when, f"COVERAGE//{code}", text=words, end=span.high.known if span.high else None
    )


def read_directive(statement: Statement) -> None:
    """What the person decided beforehand, under the code of the directive that it stands in; the decision as text."""
    outer = statement.outer
    found = coded(outer.child("code"), ("LOINC",)) if outer is not None else None
    found = found or named(statement, statement.child("code"), MEASUREMENTS, "Consent")
    if found is None:
        raise RejectedError("no code")
    value = statement.child("value")
    said = value_of(value, statement.document) if value is not None else None
    span = statement.span()
    when = known(span.first or statement.around())
    words = (said.text if said else None) or found[1]
    tell(
        statement,
        when,
        f"CONSENT//{found[0]}",
        text=words,
        end=span.high.known if span.high else None,
    )


def read_care_team(statement: Statement) -> None:
    """That a team cares, since when."""
    found = named(statement, statement.child("code"), MEASUREMENTS, "CareTeam")
    span = statement.span()
    when = known(span.first or statement.authored() or statement.around())
    code = found[0] if found else "other"
    tell(
        statement, when, f"CARE_TEAM//{code}", text=found[1] if found else None,
        end=span.high.known if span.high else None,
    )  # fmt: skip
