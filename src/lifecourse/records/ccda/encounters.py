"""Visits: of the document itself and of its encounters section, from start to end, by class."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.yaml import Document as Tables
from lifecourse.base.yaml import load_document
from lifecourse.records.ccda.coding import bare_code, system_prefix
from lifecourse.records.ccda.markup import V3
from lifecourse.records.ccda.observations import CANCELLED, PLANS, times_of
from lifecourse.records.ccda.statement import known
from lifecourse.records.ccda.telling import tell
from lifecourse.records.rows import RejectedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from lifecourse.records.ccda.statement import Statement

PLACE = (
    f"{V3}participant/{V3}participantRole/{V3}code",
    f"{V3}location/{V3}healthCareFacility/{V3}code",
)
ACT_CODE = ("2.16.840.1.113883.5.4", "2.16.840.1.113883.1.11.13955")


class Classes(Tables):
    """`encounters.yaml`; see its head."""

    classes: dict[str, str]
    cpt: tuple[tuple[str, str, str], ...]
    snomed: dict[str, str]
    places: dict[str, str]


@cache
def _classes() -> Classes:
    return load_document(Path(__file__).with_name("encounters.yaml"), Classes)


def read_encounter(statement: Statement) -> None:
    """A visit and its end; one that is planned is marked, one that was cancelled counted aside."""
    if statement.status in CANCELLED or statement.is_negated:
        raise RejectedError("cancelled")
    kind, words = kind_of_visit(statement)
    if statement.mood in PLANS:
        when, planned = times_of(statement)
        tell(statement, when, f"PLANNED//VISIT//{kind}", text=words, happened=planned)
        return
    span = statement.span()
    start = known(span.first or span.high or statement.around())
    end = span.high
    tell(statement, start, f"VISIT//{kind}", end=end.known if end else None)
    if end:
        tell(statement, end, f"VISIT_END//{kind}")


def kind_of_visit(statement: Statement) -> tuple[str, str | None]:
    """``inpatient``, ``outpatient`` and so on by class, else by the code's kind of visit, else by the place."""
    code = statement.child("code")
    codings = list(_codings(code))
    words = next((w for c in codings if (w := c.get("displayName"))), None)
    for coding in codings:
        if coding.get("codeSystem") in ACT_CODE and coding.get("code") in _classes().classes:
            return _classes().classes[coding.get("code", "")], words
    for coding in codings:
        if found := _by_code(coding):
            return found, words
    for path in PLACE:
        for place in statement.element.findall(path):
            if found := _classes().places.get(bare_code(place) or ""):
                return found, words
    return "other", words


def _by_code(coding: Element) -> str | None:
    code = (coding.get("code") or "").strip()
    system = system_prefix(coding.get("codeSystem"), coding.get("codeSystemName"))
    if system == "CPT4":
        return next((kind for low, high, kind in _classes().cpt if low <= code <= high), None)
    return _classes().snomed.get(code) if system == "SNOMED" else None


def _codings(code: Element | None) -> Iterator[Element]:
    if code is not None:
        yield code
        yield from code.findall(f"{V3}translation")
