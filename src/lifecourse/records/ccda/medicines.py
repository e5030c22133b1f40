"""Medicines and vaccines: said to be taken, given, prescribed, handed out, planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.records.ccda.coding import named
from lifecourse.records.ccda.markup import V3
from lifecourse.records.ccda.observations import PLANS
from lifecourse.records.ccda.statement import known
from lifecourse.records.ccda.telling import tell
from lifecourse.records.ccda.values import kind_of, value_of
from lifecourse.records.preferences import DRUGS, VACCINES
from lifecourse.records.rows import RejectedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecourse.records.ccda.coding import Named
    from lifecourse.records.ccda.statement import Statement
    from lifecourse.records.moments import Moment

PRODUCT, MATERIAL = f"{V3}manufacturedProduct", f"{V3}manufacturedMaterial"
ADMINISTERED = ("29549-3",)
"""Sections of medicines that were given here, not said to be taken."""
PLAN_SECTIONS = ("18776-5", "51847-2")
PLANNED = "2.16.840.1.113883.10.20.22.4.42"
OVER = ("completed", "aborted")
DOSES = (("doseQuantity", "DOSE"), ("rateQuantity", "RATE"))


def read_medication(statement: Statement) -> None:
    """A medicine: what was given, what is taken, what was prescribed or is planned, by mood and section."""
    code, text = _product(statement, DRUGS, "Medication")
    span = statement.span()
    if statement.mood in PLANS:
        _tell_request(statement, code, text)
    elif statement.section in ADMINISTERED:
        when = span.first or span.last or statement.around()
        end = span.last
        _tell(
            statement, known(when), _prefix(statement), code, text, end=end.known if end else None
        )
    else:
        when = known(statement.authored() or span.first or statement.around())
        if span.first and span.first.start > when.known:
            when = span.first
        is_over = span.is_over or statement.status in OVER
        end_known = span.high.known if span.high else when.known if is_over else None
        _tell(statement, when, _prefix(statement), code, text, end=end_known, happened=span.first)


def read_supply_order(statement: Statement) -> None:
    """A prescription from when it was written."""
    code, text = _product(statement, DRUGS, "Medication")
    _tell_request(statement, code, text)


def read_dispense(statement: Statement) -> None:
    """A medicine handed out."""
    code, text = _product(statement, DRUGS, "Medication")
    if statement.mood in PLANS:
        _tell_request(statement, code, text)
        return
    span = statement.span()
    when = known(span.first or span.last or statement.authored() or statement.around())
    _tell(
        statement, when, _prefix(statement), code, text, end=span.high.known if span.high else None
    )


def read_immunization(statement: Statement) -> None:
    """A vaccine given, not given or planned; known when it was recorded where that came later."""
    code, text = _product(statement, VACCINES, "Immunization")
    span = statement.span()
    recorded = statement.authored()
    if statement.mood in PLANS:
        when = known(recorded or statement.document.known or span.first)
        tell(statement, when, f"PLANNED//{code}", text=text, happened=span.first)
        return
    given = span.first or span.last
    when = known(given or recorded or statement.around())
    if recorded and recorded.known > when.known:
        when = recorded
    tell(statement, when, _prefix(statement) + code, text=text, happened=given)


def _tell_request(statement: Statement, code: str, text: str | None) -> None:
    """As the FHIR source: one that is over without saying since when cannot be shown to have lasted."""
    is_plan = PLANNED in statement.templates or statement.section in PLAN_SECTIONS
    span = statement.span()
    written = statement.authored()
    when = known(
        written
        or (statement.document.known if is_plan else span.first)
        or span.first
        or statement.around()
    )
    prefix = _prefix(statement) or ("PLANNED//" if is_plan else "")
    end = span.high.known if span.high else None
    if end is None and statement.status in OVER:
        end = when.known + MICROSECONDS_PER_DAY
    _tell(statement, when, prefix, code, text, end=end, happened=span.first if is_plan else None)


def _tell(
    statement: Statement,
    when: Moment,
    prefix: str,
    code: str,
    text: str | None,
    *,
    end: int | None,
    happened: Moment | None = None,
) -> None:
    tell(statement, when, prefix + code, text=text, end=end, happened=happened)
    for name, start in DOSES:
        element = statement.child(name)
        if element is None or element.get("nullFlavor") is not None:
            continue
        said = value_of(element, statement.document)
        if said.says_something and kind_of(element) != "ST":
            # The dose by itself: a medicine that is taken has no value, whichever source says so.
            tell(
                statement, when, f"{prefix}{start}//{code}", value=said.number, unit=said.unit, text=said.text,
                end=end, happened=happened, part=name,
            )  # fmt: skip


def _prefix(statement: Statement) -> str:
    return "NOT_DONE//" if statement.is_negated or statement.status == "cancelled" else ""


def _product(statement: Statement, preferred: Sequence[str], kind: str) -> Named:
    """What was given: the product's code, else its name; of a supply without one, that of the order it belongs to."""
    asked: Statement | None = statement
    while asked is not None:
        for name in ("consumable", "product"):
            holder = asked.child(name)
            product = holder.find(PRODUCT) if holder is not None else None
            material = product.find(MATERIAL) if product is not None else None
            if material is None:
                continue
            concept = material.find(f"{V3}code")
            found = named(asked, concept, preferred, kind)
            called = " ".join((material.findtext(f"{V3}name") or "").split())
            if found is None and called:
                return f"TEXT//{kind}", called
            if found is not None:
                return found if found[1] or not called else (found[0], called)
        asked = asked.outer if asked.kind == "supply" else None
    if words := statement.text():
        return f"TEXT//{kind}", words
    raise RejectedError("no code")
