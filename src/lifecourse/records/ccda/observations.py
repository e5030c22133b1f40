"""Observations and the organizers they stand in: results, vital signs, social history, functional status, goals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.ccda.coding import ASSERTION, bare_code, named
from lifecourse.records.ccda.markup import V3
from lifecourse.records.ccda.statement import known
from lifecourse.records.ccda.telling import tell
from lifecourse.records.ccda.values import value_of
from lifecourse.records.preferences import CONDITIONS, MEASUREMENTS
from lifecourse.records.rows import RejectedError
from lifecourse.schema.event import DEATH

if TYPE_CHECKING:
    from lifecourse.records.ccda.coding import Named
    from lifecourse.records.ccda.statement import Statement
    from lifecourse.records.ccda.values import Value
    from lifecourse.records.moments import Moment

SMOKING = ("LOINC//72166-2", "Tobacco smoking status")
TOBACCO = ("LOINC//11367-0", "History of tobacco use")
DEAD = "419099009"
CANCELLED = ("cancelled", "aborted")
PLANS = ("INT", "RQO", "PRP", "PRMS", "ARQ", "APT")


def read_observation(statement: Statement) -> None:
    """What was found, when it was so: number, unit or text, or the code of the answer behind that of the question."""
    _check_has_result(statement)
    code = statement.child("code")
    if bare_code(code) == ASSERTION and _asserted(statement) is not None:
        read_assertion(statement)
        return
    found = named(statement, code, MEASUREMENTS, "Observation")
    if found is None and (words := statement.text()):
        found = "TEXT//Observation", words
    if found is None:
        raise RejectedError("no code")
    _tell_values(statement, found)


def read_assertion(statement: Statement) -> None:
    """What an observation asserts, where its code says no more than that: the value is the fact."""
    found = _asserted(statement)
    if found is None:
        read_observation(statement)
        return
    when, happened = times_of(statement)
    tell(statement, when, _prefix(statement) + found[0], text=found[1], happened=happened)


def read_death(statement: Statement) -> None:
    """That the person died, and when; without a time no more than what is asserted."""
    died = statement.span().first
    is_dead = bare_code(statement.child("value")) == DEAD and not statement.is_negated
    if died is None or not is_dead:
        read_assertion(statement)
        return
    tell(statement, died, DEATH)


def read_smoking(statement: Statement) -> None:
    """The smoking status, under the question's code whether the document (R1.1) says that or ASSERTION."""
    _tell_values(statement, _question(statement, SMOKING))


def read_tobacco(statement: Statement) -> None:
    """The use of tobacco, as with the smoking status."""
    _tell_values(statement, _question(statement, TOBACCO))


def read_report(statement: Statement) -> None:
    """That a panel was reported; its results are read by themselves."""
    if statement.status in CANCELLED:
        raise RejectedError("cancelled")
    found = named(statement, statement.child("code"), MEASUREMENTS, "DiagnosticReport")
    if found is None:
        raise RejectedError("no code")
    when = known(statement.span().last or _first_of(statement) or statement.around())
    tell(statement, when, _prefix(statement) + found[0], text=found[1])


def read_goal(statement: Statement) -> None:
    """What is to be reached, under ``GOAL``: never a value that was measured."""
    found = named(statement, statement.child("code"), MEASUREMENTS, "Goal")
    value = statement.child("value")
    said = value_of(value, statement.document) if value is not None else None
    if (found is None or bare_code(statement.child("code")) == ASSERTION) and value is not None:
        found, said = named(statement, value, ("SNOMED", "LOINC"), "Goal") or found, None
    if found is None:
        raise RejectedError("no code")
    span = statement.span()
    when = known(statement.authored() or statement.document.known or span.first)
    tell(
        statement, when, f"GOAL//{found[0]}", value=said.number if said else None,
        unit=said.unit if said else None, text=(said.text if said else None) or found[1] or statement.text(),
        end=span.high.known if span.high else None, happened=span.first,
    )  # fmt: skip


def times_of(statement: Statement) -> tuple[Moment, Moment | None]:
    """When it was known and when it happened; what is only planned was known when that was written down.

    Raises
    ------
    RejectedError
        Neither it nor the document says a time.
    """
    span = statement.span()
    if statement.mood in PLANS:
        return known(statement.authored() or statement.document.known or span.first), span.first
    return known(span.last or statement.around()), span.last


def _prefix(statement: Statement) -> str:
    if statement.is_negated:
        return "NOT_DONE//"
    return "PLANNED//" if statement.mood in PLANS else ""


def _check_has_result(statement: Statement) -> None:
    if statement.mood != "EVN":
        return
    if statement.status in CANCELLED:
        raise RejectedError("cancelled")
    if statement.status == "active" and not any(_values(statement)):
        raise RejectedError("registered, no result yet")


def _values(statement: Statement) -> list[Value]:
    values = statement.element.findall(f"{V3}value")
    return [
        said for value in values if (said := value_of(value, statement.document)).says_something
    ]


def _question(statement: Statement, otherwise: tuple[str, str]) -> Named:
    """The question's own LOINC code, else the one that its template stands for."""
    found = named(statement, statement.child("code"), ("LOINC",), "Observation")
    return found if found and found[0].startswith("LOINC//") else otherwise


def _asserted(statement: Statement) -> Named | None:
    return named(statement, statement.child("value"), CONDITIONS, "Observation")


def _tell_values(statement: Statement, found: Named) -> None:
    when, happened = times_of(statement)
    code = _prefix(statement) + found[0]
    element = statement.child("value")
    values = _values(statement)
    if not values and element is not None and statement.mood == "EVN" and not statement.is_negated:
        # A value that is null says that none was found, as FHIR's dataAbsentReason does.
        words = statement.text()
        if words is None:
            tell(statement, when, f"NOT_DONE//{code}", happened=happened)
            return
    for value in values:
        end = statement.document.moment(value.end)
        answer = f"//{value.answer}" if value.answer else ""
        text = value.text
        if (text is None and value.number is None) or (
            found[0].startswith("TEXT//") and not answer
        ):
            text = f"{found[1]}: {text}" if text and found[1] else text or found[1]
        tell(
            statement, when, code + answer, value=value.number, unit=value.unit, text=text,
            end=end.known if end else None, happened=happened,
        )  # fmt: skip
    if not values:
        # What was found may stand in the narrative alone; what is planned has no more to say than its name.
        words = statement.text() if statement.mood == "EVN" else None
        tell(statement, when, code, text=words or found[1], happened=happened)


def _first_of(statement: Statement) -> Moment | None:
    """When the first of the results was so that says a time."""
    return next((last for inner in statement.within() if (last := inner.span().last)), None)
