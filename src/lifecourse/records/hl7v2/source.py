"""HL7 v2 files as a source: messages in ranges, small files together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING

from lifecourse.base.errors import SourceError
from lifecourse.records.files import files_in, grouped, listed, of_unit
from lifecourse.records.hl7v2 import framing
from lifecourse.records.hl7v2.files import DAMAGE, is_ours, reason_of
from lifecourse.records.hl7v2.framing import ENVELOPE, MESSAGE, messages, next_beginning
from lifecourse.records.hl7v2.merges import Merge, mentions_merge, merges_of, standing
from lifecourse.records.hl7v2.message import BadMessageError, Message
from lifecourse.records.hl7v2.people import People
from lifecourse.records.hl7v2.reading import decoded, kept, read_message
from lifecourse.records.rows import Place, Rows
from lifecourse.records.source import SourceFile, Unit
from lifecourse.records.unpacking import is_packed, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.records.source import Batch

UNIT_BYTES = 8 << 20
SMALLEST_BYTES = 512 << 10
SHARES = 12
"""A source is cut into at least so many parts, where they are not too small, for every core to have some."""
EXPANSION_OF_GZIP = 10
BATCH_EVENTS = 60_000
TOO_LONG = "a message of more than 24 MB"
NO_MESSAGE = "text that is no message"


@dataclass(frozen=True)
class Hl7v2Source:
    """HL7 v2 messages in `path`: a file or a folder of them, each also ``.gz``.

    timezone : IANA name, for times without an offset in messages that have none either
    issuer : who gave the patient ids
    """

    path: Path
    timezone: str = "UTC"
    issuer: str = "hl7v2"
    kind: str = "hl7v2"
    rests_on_store: bool = False

    @cached_property
    def _files(self) -> list[SourceFile]:
        found = (p for p in files_in(self.path) if is_ours(p) or p == self.path)
        return listed(found, within=self.path)

    def files(self) -> list[SourceFile]:
        """The files, sorted by name."""
        return self._files

    @cached_property
    def _merges(self) -> list[Merge]:
        """Every merge of people in the messages."""
        return [merge for file in self._files for merge in _merges_of(file)]

    @cached_property
    def _merged(self) -> dict[str, str]:
        """Whom each key stands for that a message of any file merges into another."""
        return standing(self._merges)

    def same_people(self) -> list[list[str]]:
        """The keys that merges make one person's, also of people whom an earlier ingest holds."""
        return [[*merge.surviving.keys, *merge.prior.keys] for merge in dict.fromkeys(self._merges)]

    def units(self) -> list[Unit]:
        """Ranges of whole messages of at most about 8 MB; small files several together."""
        _ = self._merged  # found once, by the process that hands out the units
        share = sum(map(_unpacked_bytes, self._files)) // SHARES
        most = min(UNIT_BYTES, max(share, SMALLEST_BYTES))
        cut = [f for f in self._files if _unpacked_bytes(f) > most and not is_packed(f.path.name)]
        others = {file.index for file in self._files} - {file.index for file in cut}
        ranges = [unit for file in cut for unit in _ranges(file, most)]
        whole = [self._files[index] for index in sorted(others)]
        return [*ranges, *grouped(whole, _unpacked_bytes, most)]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The batches of one unit.

        Raises
        ------
        SourceError
            The source is this one file and there is no message in it.
        """
        rows, people = Rows(), People(merged=self._merged)
        for file in of_unit(unit, self._files):
            for _ in self._take(file, unit.start, unit.end, rows, people):
                if len(rows.events) + len(rows.rejects) >= BATCH_EVENTS:
                    yield rows.batch()
                    rows.clear()
        people.give(rows)
        yield rows.batch()

    def _take(
        self, file: SourceFile, start: int, end: int | None, rows: Rows, people: People
    ) -> Iterator[None]:
        place = Place(file=file.index, name=file.name, zone=self.timezone)
        row = 0
        is_alone = len(self._files) == 1 and start == 0
        try:
            with opened(file.path, start, end) as stream:
                for found in messages(stream):
                    if found.kind == ENVELOPE:
                        rows.count("headers and trailers of batches")
                        continue
                    row += 1
                    rows.rows_read += 1
                    if found.kind == MESSAGE and found.text is not None:
                        read_message(found.text, rows, people, place, row)
                    else:
                        if found.text is not None and is_alone and row == 1 and end is None:
                            self._check_has_message(file)
                        reason = TOO_LONG if found.text is None else NO_MESSAGE
                        raw = None if found.text is None else kept(found.text)
                        rows.rejects.append((file.name, row, reason, raw))
                    yield
        except DAMAGE as damage:
            if is_alone and row == 0:
                raise SourceError(
                    f"{file.name} cannot be read: {reason_of(damage)}. Export or copy it again."
                ) from None
            # What a cut file gave before the damage stands.
            rows.rows_read += 1
            rows.rejects.append((file.name, row + 1, reason_of(damage), None))

    def _check_has_message(self, file: SourceFile) -> None:
        with opened(file.path) as stream:
            if not any(found.kind == MESSAGE for found in messages(stream)):
                raise SourceError(
                    f"{file.name} has no HL7 v2 message: no line of it begins with MSH. "
                    "Give the file as the interface wrote it, or its kind with --as."
                )

    def row(self, file: SourceFile, number: int) -> str | None:
        """Message `number` of `file`, a line for each segment; None where there is none."""
        seen = 0
        with opened(file.path) as stream:
            for found in messages(stream):
                seen += found.kind != ENVELOPE
                if seen == number and found.kind != ENVELOPE:
                    if found.text is None:
                        return None
                    text, _ = decoded(found.text)
                    return text.replace("\r\n", "\n").replace("\r", "\n")
        return None


def _merges_of(file: SourceFile) -> Iterator[Merge]:
    """The merges in a file; most files have none, which is seen without taking messages apart."""
    with suppress(*DAMAGE):
        with opened(file.path) as stream:
            if not mentions_merge(stream):
                return
        with opened(file.path) as stream:
            for found in messages(stream):
                if found.kind == MESSAGE and found.text and b"MRG" in found.text:
                    with suppress(BadMessageError):
                        yield from merges_of(Message(*decoded(found.text)))


def _unpacked_bytes(file: SourceFile) -> int:
    """About how large a file is, unpacked."""
    return file.size_bytes * (EXPANSION_OF_GZIP if is_packed(file.path.name) else 1)


def _ranges(file: SourceFile, most: int) -> list[Unit]:
    """Ranges that begin with a message; a later one counts its messages from 1."""
    units: list[Unit] = []
    start = 0
    with file.path.open("rb") as handle:
        if handle.read(2) in framing.UTF16_MARKS:
            return [Unit(file=file)]
        while start < file.size_bytes:
            end = _next_message(handle, start + most, file.size_bytes)
            units.append(Unit(file=file, start=start, end=end, continues=start > 0))
            start = end
    return units


def _next_message(handle: IO[bytes], after: int, size: int) -> int:
    """Where the next message begins, at or after `after`; the end of the file where none does."""
    at = after - 1
    while at < size:
        handle.seek(at)
        piece = handle.read(framing.PIECE_BYTES)
        found = next_beginning(piece)
        if found is not None:
            return at + found
        if len(piece) < framing.PIECE_BYTES:
            break
        at += len(piece) - framing.AHEAD - 1
    return size
