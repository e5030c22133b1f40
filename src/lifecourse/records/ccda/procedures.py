"""Procedures and acts, visits, devices, coverage, directives, care teams and notes."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from lifecourse.records.ccda.coding import PROCEDURES, coded
from lifecourse.records.ccda.conditions import named
from lifecourse.records.ccda.markup import V3
from lifecourse.records.ccda.narrative import LONGEST_CHARACTERS, plain
from lifecourse.records.ccda.observations import CANCELLED, PLANS, read_observation, times_of
from lifecourse.records.ccda.telling import tell
from lifecourse.records.ccda.values import value_of
from lifecourse.records.rows import RejectedError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lifecourse.records.ccda.statement import Statement
    from lifecourse.records.moments import Moment
    from lifecourse.records.rows import Rows

PARTICIPANT = f"{V3}participant"
DEVICE = f"{V3}participantRole/{V3}playingDevice"
NOTE_TYPES = ("LOINC",)
NOTE = "34109-9"
NOT_PLAIN = ("text/rtf", "text/richtext")


def read_procedure(statement: Statement) -> None:
    """What was done, known when it ended; what was not, or is planned; and the devices that it used."""
    values = statement.element.findall(f"{V3}value")
    if any(value_of(value, statement.document).says_something for value in values):
        read_observation(statement)
        return
    found = named(statement, statement.child("code"), PROCEDURES, "Procedure")
    if found is None and (words := statement.text()):
        found = "TEXT//Procedure", words
    if statement.mood in PLANS:
        when, began = times_of(statement)
    else:
        span = statement.span()
        when = _known(span.last or statement.around())
        began = span.first
    told = _tell_devices(statement, when)
    if found is None and told:
        return
    if found is None:
        raise RejectedError("no code")
    is_off = statement.is_negated or statement.status in CANCELLED
    prefix = "NOT_DONE//" if is_off else "PLANNED//" if statement.mood in PLANS else ""
    tell(statement, when, prefix + found[0], text=found[1], happened=began)


def read_device(statement: Statement) -> None:
    """A device in use or to be used, known when that was written down."""
    span = statement.span()
    when = _known(statement.authored() or span.first or span.last or statement.around())
    if not _tell_devices(statement, when):
        product = statement.element.find(
            f"{V3}product/{V3}manufacturedProduct/{V3}manufacturedMaterial/{V3}code"
        )
        found = named(statement, product, ("SNOMED",), "Device")
        if found is None:
            raise RejectedError("no code")
        prefix = "PLANNED//" if statement.mood in PLANS else ""
        tell(statement, when, f"{prefix}DEVICE//{found[0]}", text=found[1], happened=span.first)


def _tell_devices(statement: Statement, when: Moment) -> int:
    told = 0
    span = statement.span()
    for place, participant in enumerate(statement.element.findall(PARTICIPANT), start=1):
        device = participant.find(DEVICE)
        if device is None:
            continue
        found = named(statement, device.find(f"{V3}code"), ("SNOMED",), "Device")
        words = " ".join((device.findtext(f"{V3}manufacturerModelName") or "").split())
        if found is None and words:
            found = "TEXT//Device", words
        if found is not None:
            prefix = (
                "NOT_DONE//"
                if statement.is_negated
                else "PLANNED//"
                if statement.mood in PLANS
                else ""
            )
            tell(
                statement, when, f"{prefix}DEVICE//{found[0]}", text=found[1] or words or None,
                happened=span.first or span.last, end=None, part=f"participant[{place}]",
            )  # fmt: skip
            told += 1
    return told


def read_coverage(statement: Statement) -> None:
    """Who pays, by the kind of policy, for as long as it covers the person."""
    found = coded(statement.child("code"), ())
    span = statement.span()
    for participant in statement.element.findall(PARTICIPANT):
        if participant.get("typeCode") == "COV":
            covered = statement.span_of(participant.find(f"{V3}time"))
            span = covered if covered.first or covered.high else span
    when = _known(span.first or statement.around())
    code, words = found or ("other", None)
    tell(
        statement, when, f"COVERAGE//{code}", text=words, end=span.high.known if span.high else None
    )


def read_directive(statement: Statement) -> None:
    """What the person decided beforehand, under the code of the directive that it stands in; the decision as text."""
    outer = statement.outer
    found = coded(outer.child("code"), ("LOINC",)) if outer is not None else None
    found = found or named(statement, statement.child("code"), ("LOINC", "SNOMED"), "Consent")
    if found is None:
        raise RejectedError("no code")
    value = statement.child("value")
    said = value_of(value, statement.document) if value is not None else None
    span = statement.span()
    when = _known(span.first or statement.around())
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
    found = named(statement, statement.child("code"), ("LOINC", "SNOMED"), "CareTeam")
    span = statement.span()
    when = _known(span.first or statement.authored() or statement.around())
    code = found[0] if found else "other"
    tell(
        statement, when, f"CARE_TEAM//{code}", text=found[1] if found else None,
        end=span.high.known if span.high else None,
    )  # fmt: skip


def read_note(statement: Statement) -> None:
    """A note by its type, known when it was written, with its text: in place, or where it points to."""
    code = statement.child("code")
    translation = code.find(f"{V3}translation") if code is not None else None
    found = coded(translation, NOTE_TYPES) or coded(code, NOTE_TYPES)
    when = _known(statement.authored() or statement.span().last or statement.around())
    element = statement.child("text")
    text = text_of(element, statement.document.rows) if element is not None else None
    text = text or statement.text()
    name = found[0] if found else "other"
    if text and len(text) > LONGEST_CHARACTERS:
        statement.document.rows.count("notes kept by title: longer than a million characters")
        text = None
    tell(statement, when, f"NOTE//{name}", text=text or (found[1] if found else None), part="text")


def text_of(element: Element, rows: Rows) -> str | None:
    """The words of an ED: decoded where they are in base64 and are text."""
    if element.get("representation") != "B64":
        return plain(element)
    kind = (element.get("mediaType") or "").lower()
    if kind.startswith(NOT_PLAIN) or not kind.startswith("text/"):
        rows.count("notes kept by title: not text")
        return None
    try:
        raw = base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        rows.count("notes kept by title: damaged")
        return None
    return raw.decode("utf-8", "replace").replace("\0", "") or None


def _known(when: Moment | None) -> Moment:
    if when is None:
        raise RejectedError("no time")
    return when
