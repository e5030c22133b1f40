"""One message to its events: which reader for each segment, and what becomes of those that have none."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from lifecourse.records.hl7v2.context import DroppedError, Reading
from lifecourse.records.hl7v2.diagnosis import (
    read_adverse_reaction,
    read_allergy,
    read_death,
    read_diagnosis,
    read_goal,
    read_problem,
    read_procedure,
)
from lifecourse.records.hl7v2.document import (
    read_comment,
    read_consent,
    read_document,
    tell_comments,
)
from lifecourse.records.hl7v2.merges import read_merge
from lifecourse.records.hl7v2.message import BadMessageError, Message
from lifecourse.records.hl7v2.observation import read_report, read_result
from lifecourse.records.hl7v2.order import (
    read_charge,
    read_common,
    read_diet,
    read_dispensed,
    read_encoded,
    read_given,
    read_prescription,
    read_timing,
)
from lifecourse.records.hl7v2.patient import read_patient
from lifecourse.records.hl7v2.schedule import (
    read_appointment,
    read_insurance,
    read_service,
    read_specimen,
)
from lifecourse.records.hl7v2.segments import counted
from lifecourse.records.hl7v2.visit import read_more_of_visit, read_visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifecourse.records.hl7v2.message import Segment
    from lifecourse.records.hl7v2.people import People
    from lifecourse.records.rows import Place, Rows

READERS: dict[str, Callable[[Reading, Segment], None]] = {
    "PID": read_patient,
    "MRG": read_merge,
    "PV1": read_visit,
    "PV2": read_more_of_visit,
    "ORC": read_common,
    "TQ1": read_timing,
    "OBR": read_report,
    "OBX": read_result,
    "NTE": read_comment,
    "SPM": read_specimen,
    "DG1": read_diagnosis,
    "PR1": read_procedure,
    "PRB": read_problem,
    "GOL": read_goal,
    "AL1": read_allergy,
    "IAM": read_adverse_reaction,
    "PDA": read_death,
    "RXA": read_given,
    "RXO": read_prescription,
    "RXE": read_encoded,
    "RXD": read_dispensed,
    "FT1": read_charge,
    "ODS": read_diet,
    "IN1": read_insurance,
    "TXA": read_document,
    "CON": read_consent,
    "SCH": read_appointment,
    "AIS": read_service,
}
COMMENT = "NTE"
MOST_KEPT = 2_000
"""Bytes that are kept of a message that is laid aside."""
# HL7 table 0211. What is not named there is UTF-8, else Latin-1.
CHARSETS = {
    "ASCII": "ascii", "ISO IR6": "ascii", "UNICODE": "utf-8", "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8",
    "UTF8": "utf-8", "UNICODE UTF-16": "utf-8", "UNICODE UTF-32": "utf-8", "BIG-5": "big5", "KS X 1001": "euc_kr",
    "GB 18030-2000": "gb18030", "GB18030": "gb18030", "ISO IR87": "iso2022_jp", "ISO IR159": "iso2022_jp_1",
    "ISO IR14": "iso2022_jp", "JAS2020": "iso2022_jp", "SHIFT_JIS": "shift_jis", "WINDOWS-1252": "cp1252",
    "WINDOWS-1250": "cp1250", "WINDOWS-1251": "cp1251", "CP1252": "cp1252",
}  # fmt: skip
LATIN = re.compile(r"(?:ISO[ -]?)?8859[/-](1[0-6]|[1-9])")
NO_LATIN = "12"
"""A part of ISO 8859 that was never made."""
OFFSET = re.compile(r".*([+-]\d{4})")
KIND = re.compile(r"[A-Z]{3}")
LOCAL = re.compile(r"Z[A-Z0-9]{2}")


def read_message(raw: bytes, rows: Rows, people: People, place: Place, row: int) -> None:
    """Add what a message says to `rows` and `people`; every segment is an event, is counted or is laid aside."""
    try:
        message = Message(*decoded(raw))
    except BadMessageError as broken:
        rows.rejects.append((place.name, row, str(broken), kept(raw)))
        return
    reading = Reading(message=message, rows=rows, people=people, place=place, row=row)
    _begin(reading)
    before = len(rows.events)
    try:
        for segment in message.segments[1:]:
            _read(reading, segment)
            if reading.is_over:
                rows.refer("deletion of what was told of a person")
                return
        if reading.comments:
            tell_comments(reading)
        reading.settle()
    except BadMessageError as broken:
        del rows.events[before:]
        rows.rejects.append((place.name, row, str(broken), kept(raw)))
        return
    for one in reading.person:
        people.tell(*one)
    if message.stray:
        rows.count("lines that are no segment, read as text of the one before")
    if len(rows.events) == before:
        _without_event(reading, raw)


def _read(reading: Reading, segment: Segment) -> None:
    if reading.comments and segment.name != COMMENT:
        tell_comments(reading)
    reader = READERS.get(segment.name)
    if reader is None:
        reading.rows.count(f"{_shown(segment.name)} segments, not read")
        return
    try:
        reader(reading, segment)
    except DroppedError as dropped:
        reading.drop(segment, dropped)


def _shown(name: str) -> str:
    """The name of a segment, where the standard has it: what else looks like one may be anything."""
    if LOCAL.fullmatch(name):
        return "Z"
    return name if name in counted() else "unknown"


def _without_event(reading: Reading, raw: bytes) -> None:
    """Count a message that gave no event: it may have told something of a person, which the last such message says."""
    if reading.subject:
        reading.people.waiting.add((reading.place.file, reading.row))
    elif "PID" in reading.names:
        reading.rows.rejects.append((reading.place.name, reading.row, "no patient", kept(raw)))
    else:
        kind = reading.kind if KIND.fullmatch(reading.kind) else "other"
        reading.rows.refer(f"{kind} message about no patient")


def _begin(reading: Reading) -> None:
    header = reading.message.header
    reading.kind = header.text(9) or ""
    reading.event = header.text(9, 2) or ""
    event = next((one for one in reading.message.segments if one.name == "EVN"), None)
    stamp = header.text(7) or (event.text(2) if event else None) or ""
    found = OFFSET.fullmatch(stamp)
    reading.offset = found[1] if found else ""
    reading.sent = reading.moment(stamp)


def kept(raw: bytes) -> str:
    """What is kept of a message that is laid aside: enough of it to see what is wrong."""
    text, _ = decoded(raw[:MOST_KEPT])
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decoded(raw: bytes) -> tuple[str, str]:
    """The text of a message and its charset, by MSH-18; else as UTF-8, else as Windows has it."""
    told = _charset(raw)
    for charset in (told, "utf-8", "cp1252"):
        if charset is not None:
            with suppress(UnicodeDecodeError):
                return raw.decode(charset).replace("\0", ""), charset
    return raw.decode("latin-1").replace("\0", ""), "latin-1"


def _charset(raw: bytes) -> str | None:
    """The first charset in MSH-18 that is one of HL7's; Python's others are no charsets of messages."""
    line = raw[: 4 << 10].split(b"\r", 1)[0].split(b"\n", 1)[0]
    fields = line.split(raw[3:4])
    if len(fields) < 18:
        return None
    for one in fields[17].split(raw[5:6] or b"~"):
        name = one.decode("ascii", "replace").strip().upper()
        latin = LATIN.fullmatch(name)
        if name in CHARSETS:
            return CHARSETS[name]
        if latin and latin[1] != NO_LATIN:
            return f"iso8859_{latin[1]}"
    return None
