"""A document taken in: the person, the document, its sections and entries, each a row of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lifecourse.base.collector import uncollected
from lifecourse.records.ccda.coding import bare_code, coded
from lifecourse.records.ccda.kinds import kinds
from lifecourse.records.ccda.markup import DOCUMENT, V3, content, tree_of
from lifecourse.records.ccda.narrative import LONGEST_CHARACTERS, Words, plain
from lifecourse.records.ccda.notes import text_of
from lifecourse.records.ccda.person import ROLE, Person, ids_of, key_of, read_person
from lifecourse.records.ccda.reading import read_statement
from lifecourse.records.ccda.statement import STATEMENTS, Document, Statement, record_id
from lifecourse.records.ccda.telling import settle, tell
from lifecourse.records.preferences import MEASUREMENTS
from lifecourse.records.rows import Place
from lifecourse.records.source import IDENTIFIER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from lifecourse.records.rows import Rows
    from lifecourse.records.source import SourceFile

NOBODY = "a document, or a part of one, that names no person"
SEVERAL = "a document about several people"
NO_ID = "a person without an id, in a document without one"
VISIT = f"{V3}componentOf/{V3}encompassingEncounter"
BODY_TEXT = f"{V3}component/{V3}nonXMLBody/{V3}text"
SECTIONS = f"{V3}component/{V3}structuredBody/{V3}component/{V3}section"
INNER = f"{V3}component/{V3}section"
SECTION, ENTRY, TITLE, TEXT, CODE = (
    f"{V3}{n}" for n in ("section", "entry", "title", "text", "code")
)


class Piece(NamedTuple):
    """A row of a document: `what` is person, document, visit, section or entry; `section` the section's code."""

    what: str
    element: Element
    section: str | None = None


def take(file: SourceFile, rows: Rows, zone: str) -> None:
    """Take a file into `rows`.

    Raises
    ------
    RefusedError
        Nothing of it can be read.
    """
    place = Place(file=file.index, name=file.name, zone=zone)
    with uncollected():
        read_document(tree_of(content(file.path)), rows, place)


def read_document(root: Element, rows: Rows, place: Place) -> None:
    """Add what a document says to `rows`: each of its pieces is a row, as events, reference or reject."""
    root = document_of(root)
    found = list(pieces(root))
    rows.rows_read += max(len(found), 1)
    document = _document(root, rows, place, [p.element for p in found if p.what == "person"])
    if isinstance(document, str):
        _refuse(document, found, rows, place)
        return
    for row, piece in enumerate(found, start=1):
        before = len(rows.events)
        reason = _READERS[piece.what](piece, document, row)
        if len(rows.events) > before:
            continue
        if piece.what == "entry" and reason is not None:
            rows.rejects.append((place.name, row, reason, None))
        else:
            rows.refer(_called(piece))
    settle(document)


def pieces(root: Element) -> Iterator[Piece]:
    """The rows of a document in its order: people, the document, its visit, then each section and its entries."""
    for role in root.findall(ROLE):
        yield Piece("person", role)
    if root.tag == DOCUMENT:
        yield Piece("document", root)
    visit = root.find(VISIT)
    if visit is not None:
        yield Piece("visit", visit)
    if root.tag == DOCUMENT:
        for section in root.findall(SECTIONS):
            yield from _of_section(section)
    else:
        yield from _of_fragment(root)


def _of_section(section: Element) -> Iterator[Piece]:
    code = bare_code(section.find(CODE))
    yield Piece("section", section, code)
    for entry in section.findall(ENTRY):
        yield Piece("entry", entry, code)
    for inner in section.findall(INNER):
        yield from _of_section(inner)


def _of_fragment(root: Element) -> Iterator[Piece]:
    """Sections and entries of a part of a document, wherever they stand."""
    if root.tag == SECTION:
        yield from _of_section(root)
    elif root.tag == ENTRY:
        yield Piece("entry", root)
    elif root.tag != ROLE:
        for child in root:
            if child.tag in STATEMENTS:
                yield Piece("entry", root)
                return
            yield from _of_fragment(child)


def document_of(root: Element) -> Element:
    """The document itself, where it is within something that was put around it."""
    if root.tag == DOCUMENT:
        return root
    inner = root.find(DOCUMENT)
    return root if inner is None else inner


def _document(root: Element, rows: Rows, place: Place, roles: list[Element]) -> Document | str:
    """The document; why it cannot be read where it cannot."""
    if not roles:
        return NOBODY
    keys = {key_of(names[0]) if (names := ids_of(role)) else None for role in roles}
    if len(keys) > 1:
        return SEVERAL
    name = record_id("document", root)
    subject = keys.pop()
    if subject is None and name is not None:
        # Nobody knows whose it is, and it must not become another's: it is of a person of its own.
        rows.count("documents about people without an id, each taken for a person of its own")
        subject = f"{IDENTIFIER}{name}"
    if subject is None:
        return NO_ID
    code = root.find(CODE)
    document = Document(
        place=place, rows=rows, words=Words(root, rows), subject=subject, known=None, name=name,
        kind=coded(code, MEASUREMENTS) or ("other", None),
    )  # fmt: skip
    time = root.find(f"{V3}effectiveTime")
    document.known = document.moment(time.get("value")) if time is not None else None
    return document


def _refuse(reason: str, found: list[Piece], rows: Rows, place: Place) -> None:
    """Every piece of a document that cannot be anybody's, by type."""
    for row, piece in enumerate(found, start=1):
        rows.rejects.append((place.name, row, reason, None))
        rows.count(f"{_called(piece)} dropped: {reason}")
    if not found:
        rows.rejects.append((place.name, 1, reason, None))


def _called(piece: Piece) -> str:
    """What a piece is, in words: a section by its code, an entry by its statement's template."""
    if piece.what == "section":
        code = piece.section
        return f"section {kinds().sections.get(code, code) if code else 'without a code'}"
    if piece.what == "entry":
        for child in piece.element:
            if child.tag in STATEMENTS:
                return f"entry of {_template_name(child)}"
        return "entry without a statement"
    return piece.what


def _template_name(element: Element) -> str:
    roots = [t.get("root") or "" for t in element.findall(f"{V3}templateId")]
    known = kinds().templates
    name = next((known[root].name for root in roots if root in known), None)
    return name or f"{element.tag.rpartition('}')[2]} {roots[0] if roots else 'without a template'}"


# -- pieces ------------------------------------------------------------------------------------------------


def _read_person(piece: Piece, document: Document, row: int) -> str | None:
    read_person(Person(role=piece.element, document=document, row=row, source_id="person"))
    return None


def _read_header(piece: Piece, document: Document, row: int) -> str | None:
    """That the document was written, with its title; the text of one that has no sections."""
    header = _as_statement(piece, document, row)
    if document.known is None:
        document.rows.count("documents without a time, their texts left out")
        return None
    title = plain(piece.element.find(TITLE)) or document.kind[1]
    body = piece.element.find(BODY_TEXT)
    text = text_of(body, document.rows) if body is not None else None
    if text and len(text) > LONGEST_CHARACTERS:
        document.rows.count("notes kept by title: longer than a million characters")
        text = None
    tell(
        header,
        document.known,
        f"NOTE//{document.kind[0]}",
        text=text or title,
        part="component/nonXMLBody/text" if text else "title",
    )
    return None


def _read_visit(piece: Piece, document: Document, row: int) -> str | None:
    return read_statement(_as_statement(piece, document, row))


def _read_section(piece: Piece, document: Document, row: int) -> str | None:
    """The narrative of a section, as text under the document's and the section's code."""
    text = plain(piece.element.find(TEXT))
    if text is None or document.known is None:
        return None
    if len(text) > LONGEST_CHARACTERS:
        document.rows.count("narratives left out: longer than a million characters")
        return None
    found = coded(piece.element.find(CODE), MEASUREMENTS)
    section = _as_statement(piece, document, row)
    name = found[0] if found else "section"
    tell(section, document.known, f"NOTE//{document.kind[0]}//{name}", text=text, part="text")
    return None


def _read_entry(piece: Piece, document: Document, row: int) -> str | None:
    reason = None
    for child in piece.element:
        if child.tag in STATEMENTS:
            statement = Statement(
                element=child, document=document, row=row, part=child.tag.rpartition("}")[2], section=piece.section,
            )  # fmt: skip
            reason = reason or read_statement(statement)
    return reason


def _as_statement(piece: Piece, document: Document, row: int) -> Statement:
    return Statement(
        element=piece.element, document=document, row=row, part=None, section=piece.section
    )


_READERS = {
    "person": _read_person,
    "document": _read_header,
    "visit": _read_visit,
    "section": _read_section,
    "entry": _read_entry,
}
