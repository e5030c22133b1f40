"""What is written for people: the text of a section, of a part of it by its ID, and of what points there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.records.ccda.markup import V3

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lifecourse.records.rows import Rows

BREAKS = frozenset(
    V3 + name
    for name in ("paragraph", "list", "item", "table", "thead", "tbody", "tfoot", "tr", "br", "caption", "title")
)  # fmt: skip
CELLS = frozenset(V3 + name for name in ("td", "th"))
REFERENCE = f"{V3}reference"
LONGEST_CHARACTERS = 1_000_000
"""A text that is longer is kept by its title alone, as the FHIR source does."""
MOST_REFERRED = 32_000_000
"""Characters that references of one document may repeat: a thousand to the same long text would fill the memory."""


def plain(element: Element | None) -> str | None:
    """The words of narrative: a line for each paragraph, item and row, cells apart by a space; None without any."""
    if element is None:
        return None
    pieces: list[str] = []
    _gather(element, pieces)
    return _lines(pieces)


def _lines(pieces: list[str]) -> str | None:
    told = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in told if line) or None


def _gather(element: Element, pieces: list[str]) -> None:
    """Text in order; what XML wraps for its own layout is no end of a line."""
    name = element.tag
    ends = "\n" if name in BREAKS else " " if name in CELLS else ""
    if ends:
        pieces.append(ends)
    if element.text:
        pieces.append(element.text.replace("\n", " "))
    for child in element:
        _gather(child, pieces)
        if child.tail:
            pieces.append(child.tail.replace("\n", " "))
    if ends:
        pieces.append(ends)


class Words:
    """The parts of a document that have an ID, found on first use; `rows` count what is not repeated any more."""

    def __init__(self, root: Element, rows: Rows) -> None:
        self._root = root
        self._rows = rows
        self._left = MOST_REFERRED
        self._by_id: dict[str, Element] | None = None

    def of(self, element: Element | None) -> str | None:
        """What `element` says: its own words, else those that its reference points to."""
        if element is None:
            return None
        own = plain(element)
        if own:
            return own
        reference = element.find(REFERENCE)
        target = (reference.get("value") or "") if reference is not None else ""
        found = self._named(target[1:]) if target[:1] == "#" else None
        return None if found is None else self._repeated(found)

    def _repeated(self, element: Element) -> str | None:
        if self._left <= 0:
            self._rows.count("texts that are pointed to, not repeated: there are too many")
            return None
        pieces: list[str] = []
        _gather(element, pieces)
        self._left -= sum(map(len, pieces))
        return _lines(pieces)

    def _named(self, name: str) -> Element | None:
        if self._by_id is None:
            told = ((e.get("ID"), e) for e in self._root.iter())
            self._by_id = {key: e for key, e in told if key}
        return self._by_id.get(name)
