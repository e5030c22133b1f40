"""XML of strangers, read safely: no document type, no entity but the five of XML itself, bounded in size and shape.

The standard library's parser (Expat) is used in two steps. The first looks at what stands before the root element, and
refuses any document type declaration: without one there are no entities to expand and nothing outside to fetch, so
that no entity bomb and no external entity is ever begun. The second builds the tree, of bytes that were counted before:
how many, and how many elements and attributes they can hold at most. lxml reads faster, but looking at its tree is
three times slower, and with `huge_tree` off it refuses the large embedded files of unstructured documents.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.parsers.expat import ExpatError, ParserCreate, errors

from lifecourse.records.unpacking import BombError, is_packed, opened

if TYPE_CHECKING:
    from pathlib import Path

V3 = "{urn:hl7-org:v3}"
SDTC = "{urn:hl7-org:sdtc}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
DOCUMENT = f"{V3}ClinicalDocument"

LONGEST_BYTES = 64 << 20
"""A document that is longer is refused: it would not fit into memory several times over."""
MOST_TAGS = 1_600_000
"""Tags of the largest document, at the 40 bytes for each that samples have; attributes at twice as many."""
MOST_ATTRIBUTES = 3_200_000
DEEPEST = 100
"""Elements within one another; C-CDA needs about thirty."""
HEAD_BYTES = 64 << 10

TOO_LONG = "a document of more than 64 MB"
BOMB = "a packed file that unpacks to far more than records could"
DAMAGED = "a damaged file"
NOT_XML = "not well-formed XML"
DECLARES = "a document type declaration, which C-CDA does not have and which may hide an attack"
TOO_MANY = "more elements than a record could have"
TOO_DEEP = "elements nested more than 100 deep"

PARTS_OF_DOCUMENTS = (
    errors.codes[errors.XML_ERROR_UNBOUND_PREFIX],
    errors.codes[errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT],
)
"""Errors of what was cut out of a document: prefixes declared further out, several elements side by side."""
_AROUND = (
    '<fragment xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
)


class RefusedError(ValueError):
    """A file that is not read, for a reason in words that quote nothing of it."""


class _SeenError(Exception):
    """The root element begins: what may declare a document type is over."""


@dataclass(slots=True)
class Prolog:
    """What stands before the root: the root's name as it is written, and where the XML declaration ends."""

    root: str = ""
    namespaces: tuple[str, ...] = ()
    encoding: str = "utf-8"
    after_declaration: int = 0


def content(path: Path) -> bytes:
    """The bytes of a file, unpacked.

    Raises
    ------
    RefusedError
        There are more than 64 MB of them, or they cannot be unpacked.
    """
    if not is_packed(path.name) and path.stat().st_size > LONGEST_BYTES:
        raise RefusedError(TOO_LONG)
    try:
        with opened(path) as stream:
            raw = stream.read(LONGEST_BYTES + 1)
    except BombError:
        raise RefusedError(BOMB) from None
    except (OSError, EOFError, zlib.error):
        raise RefusedError(DAMAGED) from None
    if len(raw) > LONGEST_BYTES:
        raise RefusedError(TOO_LONG)
    return raw


def head(path: Path) -> bytes:
    """The first bytes of a file, unpacked; none where it cannot be read."""
    try:
        with opened(path) as stream:
            return stream.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error, BombError):
        return b""


def prolog_of(raw: bytes) -> Prolog:
    """What stands before the root element of `raw`, which may be cut after that.

    Raises
    ------
    RefusedError
        It declares a document type, or is no XML.
    """
    found = Prolog()
    parser = ParserCreate()

    def declared(*_: object) -> None:
        raise RefusedError(DECLARES)

    def told(_version: str, encoding: str | None, _standalone: int) -> None:
        found.encoding = encoding or found.encoding
        found.after_declaration = parser.CurrentByteIndex

    def begins(name: str, attributes: dict[str, str]) -> None:
        found.root = name
        found.namespaces = tuple(
            uri for key, uri in attributes.items() if key.partition(":")[0] == "xmlns"
        )
        raise _SeenError

    parser.StartDoctypeDeclHandler = declared
    parser.XmlDeclHandler = told
    parser.StartElementHandler = begins
    try:
        parser.Parse(raw, False)
    except _SeenError:
        return found
    except (ExpatError, ValueError, LookupError) as broken:
        if isinstance(broken, RefusedError):
            raise
        raise RefusedError(NOT_XML) from None
    raise RefusedError(NOT_XML)


def is_document(raw: bytes) -> bool:
    """Whether `raw`, which may be cut, begins as a clinical document of HL7 v3."""
    try:
        found = prolog_of(raw)
    except RefusedError as refused:
        # It is one all the same, and reading it says what is wrong.
        return str(refused) == DECLARES and b"ClinicalDocument" in raw
    return found.root.rpartition(":")[2] == "ClinicalDocument" and (
        "urn:hl7-org:v3" in found.namespaces
    )


def tree_of(raw: bytes) -> Element:
    """The root of `raw`; of a part of a document, or one that leaves prefixes undeclared, a ``fragment`` around it.

    Raises
    ------
    RefusedError
        It is not well-formed, declares a document type, or is larger than a record could be.
    """
    before = prolog_of(raw)
    if raw.count(b"<") > MOST_TAGS or raw.count(b"=") > MOST_ATTRIBUTES:
        raise RefusedError(TOO_MANY)
    try:
        root = fromstring(raw)  # noqa: S314 -- nothing is declared, so there is nothing to expand or to fetch
    except ParseError as broken:
        if broken.code not in PARTS_OF_DOCUMENTS:
            raise RefusedError(NOT_XML) from None
        root = _fragment(raw, before)
    else:
        if not root.tag.startswith("{"):
            root = _fragment(raw, before)
    _check_depth(root)
    return root


def _fragment(raw: bytes, before: Prolog) -> Element:
    """`raw` within an element that declares HL7's own prefixes, as parts of documents are often handed on."""
    try:
        text = raw.decode("utf-8-sig" if before.encoding.lower() == "utf-8" else before.encoding)
        if text.lstrip().startswith("<?xml"):
            text = text[text.index("?>") + 2 :]
        return fromstring(f"{_AROUND}{text}</fragment>")  # noqa: S314 -- as above
    except (ParseError, UnicodeDecodeError, LookupError, ValueError):
        raise RefusedError(NOT_XML) from None


def _check_depth(root: Element) -> None:
    """Refuse what recursion could not go through."""
    level = [root]
    for _ in range(DEEPEST):
        level = [child for parent in level for child in parent]
        if not level:
            return
    raise RefusedError(TOO_DEEP)
