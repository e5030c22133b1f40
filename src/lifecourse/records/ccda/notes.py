"""Notes: their text where it is text, in place or where they point to."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from lifecourse.records.ccda.coding import coded
from lifecourse.records.ccda.markup import V3
from lifecourse.records.ccda.narrative import LONGEST_CHARACTERS, plain
from lifecourse.records.ccda.statement import known
from lifecourse.records.ccda.telling import tell

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lifecourse.records.ccda.statement import Statement
    from lifecourse.records.rows import Rows

NOTE_TYPES = ("LOINC",)
NOT_PLAIN = ("text/rtf", "text/richtext")


def read_note(statement: Statement) -> None:
    """A note by its type, known when it was written, with its text: in place, or where it points to."""
    code = statement.child("code")
    translation = code.find(f"{V3}translation") if code is not None else None
    found = coded(translation, NOTE_TYPES) or coded(code, NOTE_TYPES)
    when = known(statement.authored() or statement.span().last or statement.around())
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
