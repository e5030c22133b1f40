"""Procedures, acts and devices: what was done, with what, and what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.ccda.coding import named
from lifecourse.records.ccda.markup import V3
from lifecourse.records.ccda.observations import CANCELLED, PLANS, read_observation, times_of
from lifecourse.records.ccda.statement import known
from lifecourse.records.ccda.telling import tell
from lifecourse.records.ccda.values import value_of
from lifecourse.records.preferences import PROCEDURES
from lifecourse.records.rows import RejectedError

if TYPE_CHECKING:
    from lifecourse.records.ccda.statement import Statement
    from lifecourse.records.moments import Moment

PARTICIPANT = f"{V3}participant"
DEVICE = f"{V3}participantRole/{V3}playingDevice"


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
        when = known(span.last or statement.around())
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
    when = known(statement.authored() or span.first or span.last or statement.around())
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
