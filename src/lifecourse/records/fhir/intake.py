"""Files, lines, Bundles and archives taken in: which row of the source each resource is, and what cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.collector import uncollected
from lifecourse.base.errors import SourceError
from lifecourse.base.json_text import parse, parse_together
from lifecourse.records.fhir.around import NOT_YET, Around, Gathering, around_of
from lifecourse.records.fhir.claims import (
    NOT_READ,
    NOT_READ_BYTES,
    NOT_READ_STARTS,
    unread_type,
)
from lifecourse.records.fhir.entries import deleted_by, entries_of, is_bundle
from lifecourse.records.fhir.files import (
    DAMAGE,
    Again,
    Begun,
    chunks_of_lines,
    filled,
    is_archive,
    is_lines,
    members,
    reason_of,
)
from lifecourse.records.fhir.portions import frame_of, parsed, portions
from lifecourse.records.fhir.reading import NO_TIME, read_resource
from lifecourse.records.fhir.rows import Place
from lifecourse.records.fhir.splitting import AFTER, BEFORE, ENTRY, Part, parts
from lifecourse.records.unpacking import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.records.fhir.rows import Rows
    from lifecourse.records.source import SourceFile
    from lifecourse.records.unpacking import Stream

CHUNK_BYTES = 64 << 10
WHOLE_BYTES = 16 << 20
LONGEST_BYTES = 64 << 20
"""A record that is longer is refused: it would not fit into memory several times over."""
PORTION_BYTES = 256 << 10
"""So much text of a Bundle is parsed at a time."""
MOST_LINES = 500
TOO_LONG = "a record of more than 64 MB"
MOST_WAITING = 50_000
NOWHERE = Place(file=0, name="", zone="UTC")


@dataclass(slots=True)
class Intake:
    """Takes files into `rows`; after each step the caller may take a batch out.

    is_alone : the source is one file, so that it is an error where nothing of it can be read
    row : the last row of the file that was read
    gathering : what surrounds the entries of a Bundle that is read in parts, as far as they were read
    waiting : entries of it that need what surrounds them: row, ``fullUrl`` and text, until all of that was read
    """

    rows: Rows
    zone: str
    is_alone: bool
    most_lines: int = MOST_LINES
    place: Place = NOWHERE
    around: Around | None = None
    row: int = 0
    gathering: Gathering | None = None
    waiting: list[tuple[int, Any, bytes]] = field(default_factory=list)

    def take(
        self, file: SourceFile, start: int = 0, end: int | None = None, first: int = 1
    ) -> Iterator[None]:
        """Take in a file, or a range of its lines, whose first line has the number `first`.

        Raises
        ------
        SourceError
            Nothing of it can be read, and it is alone.
        """
        self.place = Place(file=file.index, name=file.name, zone=self.zone)
        self.row = first - 1
        before = self.rows.rows_read
        try:
            with opened(file.path, start, end) as stream:
                if is_archive(file.path.name):
                    yield from self._archive(stream)
                elif end is not None:
                    yield from self._lines(stream)
                else:
                    yield from self._begun(stream, file.path.name)
        except (*DAMAGE, ValueError) as damage:
            self._damaged(damage, is_first=start == 0 and self.rows.rows_read == before)

    def _damaged(self, damage: Exception, *, is_first: bool) -> None:
        reason = reason_of(damage)
        if self.is_alone and is_first and self.row <= 0:
            raise SourceError(
                f"{self.place.name} cannot be read: {reason}. Export it again."
            ) from None
        # What a cut or flipped file gave before the damage stands; the report says where it ends.
        self._reject(reason, None)

    def _archive(self, stream: Stream) -> Iterator[None]:
        """Each file in the archive; its rows go on counting where the one before it ended."""
        archive = self.place
        for name, inner in members(stream):
            self.place = replace(archive, name=f"{archive.name}/{name.removeprefix('./')}")
            try:
                yield from self._begun(inner, name)
            except ValueError as damage:
                self._reject(reason_of(damage), None)
        self.place = archive

    def _begun(self, stream: Stream, name: str) -> Iterator[None]:
        begun = Begun(stream)
        if is_lines(begun.head, name):
            yield from self._lines(begun)
        else:
            yield from self._document(begun)

    # -- lines --------------------------------------------------------------------------------------------

    def _lines(self, stream: Stream) -> Iterator[None]:
        for lines in chunks_of_lines(stream, size=CHUNK_BYTES, longest=LONGEST_BYTES):
            if lines is None:
                self._reject(TOO_LONG, None)
                continue
            for first in range(0, len(lines), self.most_lines):
                with uncollected():
                    self._chunk(lines[first : first + self.most_lines])
                yield

    def _chunk(self, lines: list[bytes]) -> None:
        """Lines that are parsed together, unless one of them must be looked at by itself."""
        texts: list[bytes] = []
        numbers: list[int] = []
        unread: list[bytes] = []
        for number, line in enumerate(lines, start=self.row + 1):
            if line[:NOT_READ_BYTES] in NOT_READ_STARTS and line.startswith(NOT_READ):
                unread.append(line)
            elif line and not line.isspace():
                texts.append(line)
                numbers.append(number)
        bodies = parse_together(texts) if texts else []
        if bodies is None:
            for line in lines:
                self._line(line)
            return
        for line in unread:
            self._count(line)
        rows, place, last, shift = self.rows, self.place, self.row + len(lines), 0
        for body, number in zip(bodies, numbers, strict=True):
            if is_bundle(body):
                # A Bundle takes a row for each of its entries.
                self.row = number + shift - 1
                self._value(body)
                shift = self.row - number
            else:
                read_resource(body, rows, number + shift, place)
        self.row = last + shift

    def _count(self, line: bytes) -> None:
        self.rows.rows_read += 1
        self.rows.refer(line.split(b'"', 4)[3].decode())

    def _line(self, line: bytes) -> None:
        """A line takes one row, or one for each entry of its Bundle."""
        if not line or line.isspace():
            self.row += 1
        elif line.startswith(NOT_READ):
            self.row += 1
            self._count(line)
        else:
            try:
                body = parse(line)
            except ValueError as broken:
                self._reject(str(broken), line)
                return
            self._value(body)

    # -- documents ----------------------------------------------------------------------------------------

    def _document(self, stream: Begun) -> Iterator[None]:
        """A resource, a Bundle or a list; a small one is parsed whole, a large one in parts."""
        raw = filled(stream, WHOLE_BYTES)
        if len(raw) == WHOLE_BYTES:
            yield from self._parts(Again(raw, stream))
            return
        with uncollected():
            self._whole(raw)
        yield

    def _whole(self, raw: bytes) -> None:
        """A document at once; what it said is forgotten before the collector may look at it."""
        if self._in_portions(raw):
            return
        try:
            body = parsed(raw)
        except ValueError:
            if not self._documents(raw):
                raise
            return
        for one in body if isinstance(body, list) and body else [body]:
            self._value(one)

    def _in_portions(self, raw: bytes) -> bool:
        """Read a Bundle some entries at a time; False, and nothing read, where it must be read as a whole."""
        frame = frame_of(raw)
        if frame is None or frame[0].get("resourceType") != "Bundle":
            return False
        before, row = self.rows.mark(), self.row
        self.gathering = Gathering(self.around)
        self.gathering.tell(frame[0])
        try:
            for entries in portions(raw, *frame[1:], PORTION_BYTES):
                for entry in entries:
                    if type(entry) is dict and is_bundle(entry.get("resource")):
                        raise ValueError  # its surroundings are inherited
                    self._entry(entry)
        except ValueError:
            self.rows.back_to(before)
            self.row, self.gathering, self.waiting = row, None, []
            return False
        self._end_bundle()
        return True

    def _documents(self, raw: bytes) -> bool:
        """Several documents one after the other, each over many lines; whether it is that."""
        try:
            found = [text for _, text in parts(Again(raw, None), longest=len(raw) + 1)]
        except ValueError:
            return False
        if raw.lstrip()[:1] != b"{" or b'"entry"' in raw or len(found) < 2:
            return False
        for text in found:
            self._text(text)
        return True

    def _parts(self, stream: Stream) -> Iterator[None]:
        held: list[Part] = []
        held_bytes = 0
        try:
            for what, text in parts(stream, longest=LONGEST_BYTES):
                is_edge = what in (BEFORE, AFTER)
                if not is_edge:
                    held.append((what, text))
                    held_bytes += len(text or b"")
                if is_edge or held_bytes >= CHUNK_BYTES or len(held) >= self.most_lines:
                    self._take_parts(held)
                    held, held_bytes = [], 0
                    if is_edge:
                        self._edge(what, text)
                    yield
        finally:
            # What came before the damage stands.
            self._take_parts(held)
            self._end_bundle()
        yield

    def _edge(self, what: int, text: bytes | None) -> None:
        """What a Bundle that is read in parts says before its entries, or behind them."""
        try:
            said = parse(text) if text is not None else {}
        except ValueError as broken:
            self._reject(str(broken), None)
            said = {}
        if what == BEFORE:
            self.gathering = Gathering(self.around)
        if self.gathering:
            self.gathering.tell(said)
        if what == AFTER:
            self._end_bundle()

    def _end_bundle(self) -> None:
        self._read_waiting()
        self.gathering = None

    def _read_waiting(self) -> None:
        """Read entries without a time of their own, now that what surrounds them was."""
        gathering, waiting, outer = self.gathering, self.waiting, self.around
        self.gathering, self.waiting = None, []
        self.around = gathering.around() if gathering and waiting else outer
        with uncollected():
            for row, url, text in waiting:
                self._resource(parse(text), row, url)
        self.gathering, self.around = gathering, outer

    def _take_parts(self, held: list[Part]) -> None:
        if not held:
            return
        with uncollected():
            self._take_all(held)
        if len(self.waiting) >= MOST_WAITING:
            self._read_waiting()

    def _take_all(self, held: list[Part]) -> None:
        kinds = [unread_type(text) if what == ENTRY and text else None for what, text in held]
        texts = [text for (_, text), kind in zip(held, kinds, strict=True) if text and kind is None]
        bodies = parse_together(texts) if texts else []
        if bodies is None or len(texts) != kinds.count(None):
            for what, text in held:
                self._text(text, is_entry=what == ENTRY)
            return
        told = iter(bodies)
        for (what, _), kind in zip(held, kinds, strict=True):
            if kind is not None:
                self.row += 1
                self.rows.rows_read += 1
                self.rows.refer(kind)
            elif what == ENTRY:
                self._entry(next(told))
            else:
                self._value(next(told))

    def _text(self, text: bytes | None, *, is_entry: bool = False) -> None:
        if text is None:
            self._reject(TOO_LONG, None)
            return
        try:
            body = parse(text)
        except ValueError as broken:
            self._reject(str(broken), text)
            return
        self._entry(body) if is_entry else self._value(body)

    # -- what a text says ---------------------------------------------------------------------------------

    def _value(self, body: Any) -> None:
        if not is_bundle(body):
            self.row += 1
            self._resource(body, self.row)
            return
        before, around = self.row, self.around
        entries = list(entries_of(body))
        self.around = around_of(body, entries, around)
        for entry in entries:
            self._entry(entry)
        self.around = around
        if self.row == before:
            self.row += 1
            self.rows.rows_read += 1
            self.rows.refer(body["resourceType"])

    def _entry(self, entry: Any) -> None:
        """An entry of a Bundle: a resource, a deletion, or a Bundle again."""
        if self.gathering:
            self.gathering.note(entry)
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if is_bundle(inner):
            self._value(inner)
            return
        self.row += 1
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict) and request.get("method") == "DELETE":
            self._delete(request.get("url"))
        elif isinstance(entry, dict):
            self._resource(entry.get("resource"), self.row, entry.get("fullUrl"))
        else:
            self._resource(entry, self.row)

    def _delete(self, url: Any) -> None:
        """Note a deletion."""
        named = deleted_by(url)
        self.rows.rows_read += 1
        if named is None:
            self.rows.rejects.append(
                (self.place.name, self.row, "a deletion that names no record", None)
            )
            return
        self.rows.refer("deletion")
        self.rows.deletions.append((named, None))

    def _resource(self, body: Any, row: int, full_url: Any = None) -> None:
        url = full_url if isinstance(full_url, str) else None
        rows = self.rows
        if self.gathering is None:
            read_resource(body, rows, row, self.place, url, self.around)
            return
        if type(body) is dict and "contained" in body:
            self.waiting.append((row, full_url, orjson.dumps(body)))
            return
        before = len(rows.rejects)
        read_resource(body, rows, row, self.place, url, self.around or NOT_YET)
        if len(rows.rejects) > before and rows.rejects[-1][2] == NO_TIME:
            rows.take_back(f"{body['resourceType']} dropped: {NO_TIME}")
            self.waiting.append((row, full_url, orjson.dumps(body)))

    def _reject(self, reason: str, line: bytes | None) -> None:
        self.row += 1
        self.rows.rows_read += 1
        raw = line.decode("utf-8", "replace") if line is not None else None
        self.rows.rejects.append((self.place.name, self.row, reason, raw))
