"""A clinical statement of a document and where it stands: its identity, its times, whether it was negated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lifecourse.records.ccda.markup import V3
from lifecourse.records.moments import BadTimeError, stamp_moment
from lifecourse.records.rows import RejectedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from lifecourse.records.ccda.coding import Named
    from lifecourse.records.ccda.narrative import Words
    from lifecourse.records.moments import Moment
    from lifecourse.records.rows import Place, Rows

STATEMENTS = frozenset(
    V3 + name
    for name in (
        "act", "encounter", "observation", "observationMedia", "organizer", "procedure", "regionOfInterest",
        "substanceAdministration", "supply",
    )
)  # fmt: skip
HELD_BY = (f"{V3}entryRelationship", f"{V3}component")
VALUE, LOW, HIGH, CENTER = (f"{V3}{name}" for name in ("value", "low", "high", "center"))
TEMPLATE, ID, CODE, STATUS, EFFECTIVE, AUTHOR, TIME, TEXT, ORIGINAL = (
    f"{V3}{name}"
    for name in (
        "templateId", "id", "code", "statusCode", "effectiveTime", "author", "time", "text", "originalText",
    )
)  # fmt: skip
LONGEST_STAMP, LONGEST_ID, LONGEST_PATH = 40, 512, 400


@dataclass(slots=True, kw_only=True)
class Document:
    """What all statements of a document share.

    subject : the key of the person
    known : when the document was made; whatever it says was known by then
    name : the document's own id, or None
    kind : code and words of its type
    claims : by record id, the statements that call themselves so, each with the place of an event of it
    told : the record ids in the order of their events
    """

    place: Place
    rows: Rows
    words: Words
    subject: str
    known: Moment | None
    name: str | None
    kind: Named
    claims: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    @property
    def version(self) -> int | None:
        """Orders documents that say the same fact: when they were made."""
        return self.known.known if self.known else None

    def take_back(self, before: int) -> None:
        """Forget the events from place `before` on."""
        del self.rows.events[before:]
        while self.told and self.claims[self.told[-1]][-1][1] >= before:
            self.claims[self.told.pop()].pop()

    def moment(self, stamp: str | None) -> Moment | None:
        """The moment of a time stamp; None where there is none, or none that can be read, which is counted."""
        if not stamp:
            return None
        try:
            return stamp_moment(stamp[:LONGEST_STAMP], self.place.zone)
        except BadTimeError:
            self.rows.count("times that are no HL7 time stamps, left out")
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An effectiveTime: one moment, or from `low` to `high`.

    is_over : it has an end, known or not (``<high nullFlavor="UNK"/>``)
    """

    at: Moment | None = None
    low: Moment | None = None
    high: Moment | None = None
    is_over: bool = False

    @property
    def first(self) -> Moment | None:
        """When it began."""
        return self.at or self.low

    @property
    def last(self) -> Moment | None:
        """When it ended, else when it began."""
        return self.at or self.high or self.low


NO_SPAN = Span()


class Statement:
    """One statement; `row` counts sections and entries of the file from 1, `part` is its path below the entry.

    kind : ``observation``, ``act`` and so on
    templates : roots of its template ids
    mood : ``EVN`` for what happened, ``INT``, ``RQO`` and others for what is meant to, ``GOL`` for a goal
    status : its status, empty where absent
    section : LOINC code of the section, or None
    outer : what holds it, or None
    """

    __slots__ = (
        "_authored", "_children", "_span", "document", "element", "kind", "mood", "outer", "part", "row", "section",
        "status", "templates",
    )  # fmt: skip

    def __init__(
        self,
        element: Element,
        document: Document,
        row: int,
        part: str | None,
        section: str | None = None,
        outer: Statement | None = None,
    ) -> None:
        # Read once and not asked for again and again: a hospital has millions of them.
        self.element = element
        self.document = document
        self.row = row
        self.part = part
        self.section = section
        self.outer = outer
        self.kind = element.tag.rpartition("}")[2]
        self.mood = element.get("moodCode") or "EVN"
        self.templates = [root for t in element.findall(TEMPLATE) if (root := t.get("root"))]
        found = element.find(STATUS)
        self.status = (found.get("code") or "") if found is not None else ""
        # What each of a hundred thousand statements within asks of the one around them is looked for once.
        self._children: dict[str, Element | None] = {}
        self._span: Span | None = None
        self._authored: Moment | Literal[False] | None = False

    @property
    def place(self) -> Place:
        """The file."""
        return self.document.place

    @property
    def version(self) -> int | None:
        """That of the document."""
        return self.document.version

    @property
    def source_id(self) -> str | None:
        """Its class with its first id; where it has none, that of what holds it; else its place in the document."""
        return record_id(self.kind, self.element) or (
            f"{self.document.name}/{self.row}/{self.part}" if self.document.name else None
        )

    @property
    def is_negated(self) -> bool:
        """Whether it says that it is not so."""
        return self.element.get("negationInd") == "true"

    def child(self, name: str) -> Element | None:
        """The first child element of that name."""
        try:
            return self._children[name]
        except KeyError:
            found = self._children[name] = self.element.find(V3 + name)
            return found

    def span(self) -> Span:
        """The first effectiveTime that says a time."""
        if self._span is None:
            self._span = self._found_span()
        return self._span

    def _found_span(self) -> Span:
        for element in self.element.findall(EFFECTIVE):
            found = self.span_of(element)
            if found is not NO_SPAN:
                return found
        return NO_SPAN

    def span_of(self, element: Element | None) -> Span:
        """A TS or IVL_TS."""
        if element is None:
            return NO_SPAN
        moment = self.document.moment
        at = moment(element.get("value"))
        low, high, center = (element.find(name) for name in (LOW, HIGH, CENTER))
        if at is None and center is not None:
            at = moment(center.get("value"))
        begin = moment(low.get("value")) if low is not None else None
        end = moment(high.get("value")) if high is not None else None
        # An end that is unknown is an end all the same; one that does not apply is none.
        is_over = high is not None and (
            end is not None or high.get("nullFlavor") not in (None, "NA", "NI", "PINF")
        )
        if at is None and begin is None and end is None and not is_over:
            return NO_SPAN
        return Span(at=at, low=begin, high=end, is_over=is_over)

    def authored(self) -> Moment | None:
        """When it was written down, as its author says, or the author of what holds it; the earliest of several."""
        found = self._found_authored() if self._authored is False else self._authored
        self._authored = found
        return found

    def _found_authored(self) -> Moment | None:
        told = [
            moment
            for author in self.element.findall(AUTHOR)
            if (moment := self._time(author)) is not None
        ]
        if told:
            return min(told, key=lambda moment: moment.known)
        return self.outer.authored() if self.outer is not None else None

    def _time(self, author: Element) -> Moment | None:
        time = author.find(TIME)
        if time is None:
            return None
        low = time.find(LOW)
        return self.document.moment(
            time.get("value") or (low.get("value") if low is not None else None)
        )

    def around(self) -> Moment | None:
        """When it was written down, else when what holds it was so, else when the document was made.

        For a statement that says no time itself.
        """
        if (written := self.authored()) is not None:
            return written
        outer = self.outer
        while outer is not None:
            found = outer.span().last
            if found is not None:
                return found
            outer = outer.outer
        return self.document.known

    def within(self) -> Iterator[Statement]:
        """The statements that it holds, in order, each with its path."""
        seen: dict[str, int] = {}
        for link in self.element:
            if link.tag not in HELD_BY:
                continue
            name = link.tag.rpartition("}")[2]
            seen[name] = seen.get(name, 0) + 1
            for inner in link:
                if inner.tag in STATEMENTS:
                    path = f"{self.part}/{name}[{seen[name]}]/{inner.tag.rpartition('}')[2]}"
                    if len(path) > LONGEST_PATH:
                        # Deeper than any record: every event of it would carry the whole way.
                        path = f"...{path[3 - LONGEST_PATH :]}"
                    yield Statement(
                        element=inner, document=self.document, row=self.row, part=path,
                        section=self.section, outer=self,
                    )  # fmt: skip

    def text(self) -> str | None:
        """What it says in words: its own, or those in the narrative that it points to."""
        return self.document.words.of(self.element.find(TEXT))

    def words_of(self, concept: Element | None) -> str | None:
        """The original text of a code, or what that points to."""
        return self.document.words.of(concept.find(ORIGINAL)) if concept is not None else None


def known(when: Moment | None) -> Moment:
    """The moment of a statement that must have one.

    Raises
    ------
    RejectedError
        Neither it nor what surrounds it says a time.
    """
    if when is None:
        raise RejectedError("no time")
    return when


def record_id(kind: str, element: Element) -> str | None:
    """``observation/<root>|<extension>`` by the first id that has a root; None where there is none."""
    for one in element.findall(ID):
        root, extension = one.get("root"), one.get("extension")
        if not root or one.get("nullFlavor") is not None:
            continue
        name = f"{kind}/{root}|{extension}" if extension else f"{kind}/{root}"
        if len(name) <= LONGEST_ID:
            return name
    return None
