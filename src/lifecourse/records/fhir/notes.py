"""DocumentReference and Composition: what was written about a person, as text where it is text."""

from __future__ import annotations

import base64
import binascii
import re
from html import unescape
from typing import TYPE_CHECKING, Any

from lifecourse.records.fhir.coding import named, word
from lifecourse.records.fhir.rows import RejectedError
from lifecourse.records.preferences import MEASUREMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.records.fhir.rows import Resource, Rows

LONGEST_CHARACTERS = 1_000_000
"""A note that is longer is kept by its title alone."""
MARKED_UP = ("text/html", "application/xhtml+xml", "text/xhtml")
CHARSET = re.compile(r"charset=\"?([\w-]+)", re.IGNORECASE)
# A tag is short: without the bound an open bracket would be looked for to the end of the text each time.
BREAK = re.compile(r"</?(?:p|br|div|tr|li|h[1-6])\b[^<>]{0,2000}>", re.IGNORECASE)
TAG = re.compile(r"<[^<>]{0,2000}>")
DEEPEST = 30


def read_document(resource: Resource, rows: Rows) -> None:
    """A note, known when it was written: its text where an attachment holds some, else its title."""
    body = resource.body
    _ = resource.status
    if body.get("docStatus") == "entered-in-error":
        raise RejectedError("entered in error")
    found = named(body.get("type"), MEASUREMENTS, "DocumentReference") or _category(body)
    contents = [c for c in body.get("content") or () if isinstance(c, dict)]
    attachments = [a for c in contents if isinstance(a := c.get("attachment"), dict)]
    period = (body.get("context") or {}).get("period") or {}
    when = resource.first_moment(
        body.get("date"), *(a.get("creation") for a in attachments), period.get("end"),
        period.get("start"),
    ) or resource.updated()  # fmt: skip
    if when is None:
        raise RejectedError("no time")
    subject = resource.subject()
    prefix = "UNCONFIRMED//" if body.get("docStatus") == "preliminary" else ""
    code = f"{prefix}NOTE//{found[0] if found else 'other'}"
    title = word(body.get("description")) or (found[1] if found else None)
    written = list(_written(attachments, rows))
    if not written:
        titles = (word(a.get("title")) for a in attachments)
        text = next((words for words in titles if words), None) or title
        rows.add(resource, subject, when, code, text=text)
    for place, text in written:
        where = f"content[{place}].attachment" if len(contents) > 1 else "content.attachment"
        rows.add(resource, subject, when, code, text=text, part=where)


def read_composition(resource: Resource, rows: Rows) -> None:
    """A document's sections, each by its code, with its narrative as text."""
    body = resource.body
    _ = resource.status
    found = named(body.get("type"), MEASUREMENTS, "Composition")
    if found is None:
        raise RejectedError("no code")
    when = resource.first_moment(body.get("date")) or resource.updated()
    if when is None:
        raise RejectedError("no time")
    subject = resource.subject()
    title = word(body.get("title")) or found[1]
    rows.add(resource, subject, when, f"NOTE//{found[0]}", text=title)
    for section, where in _sections(body.get("section"), "section", DEEPEST):
        narrative = section.get("text")
        text = plain(narrative.get("div")) if isinstance(narrative, dict) else None
        if text and len(text) <= LONGEST_CHARACTERS:
            code = named(section.get("code"), MEASUREMENTS, "section")
            name = code[0] if code else "section"
            rows.add(resource, subject, when, f"NOTE//{found[0]}//{name}", text=text, part=where)


def plain(markup: Any) -> str | None:
    """The words of XHTML, one line for each paragraph; None where there are none."""
    if not isinstance(markup, str):
        return None
    text = unescape(TAG.sub(" ", BREAK.sub("\n", markup)))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line) or None


def _sections(sections: Any, where: str, deepest: int) -> Iterator[tuple[dict[str, Any], str]]:
    if not deepest:
        raise RejectedError("nested too deeply")
    for number, section in enumerate(sections or ()):
        place = f"{where}[{number}]"
        yield section, place
        yield from _sections(section.get("section"), f"{place}.section", deepest - 1)


def _category(body: dict[str, Any]) -> tuple[str, str | None] | None:
    told = (named(c, MEASUREMENTS, "DocumentReference") for c in body.get("category") or ())
    return next((found for found in told if found), None)


def _written(attachments: list[dict[str, Any]], rows: Rows) -> Iterator[tuple[int, str]]:
    """Place and text of each attachment that is text."""
    for place, attachment in enumerate(attachments):
        kind = (word(attachment.get("contentType")) or "").lower()
        data = attachment.get("data")
        is_text = kind.startswith("text/") or kind.split(";")[0] in MARKED_UP
        if not is_text or not isinstance(data, str):
            rows.count("notes kept by title: not text, or not in the source")
            continue
        if len(data) > LONGEST_CHARACTERS * 4 // 3:
            rows.count("notes kept by title: longer than a million characters")
            continue
        text = _decoded(data, kind)
        if text and kind.split(";")[0] in MARKED_UP:
            text = plain(text)
        if text:
            yield place, text


def _decoded(data: str, kind: str) -> str | None:
    try:
        raw = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    charset = CHARSET.search(kind)
    for name in (charset[1] if charset else "utf-8", "utf-8", "latin-1"):
        try:
            return raw.decode(name).replace("\0", "")
        except (UnicodeDecodeError, LookupError):
            continue
    return None
