"""HL7 v2 files as a source: messages in ranges, small files together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lifecourse.records.hl7v2 import framing
from lifecourse.records.hl7v2.files import Range, is_ours
from lifecourse.records.hl7v2.framing import ENVELOPE, MESSAGE, messages, next_beginning
from lifecourse.records.hl7v2.people import People
from lifecourse.records.hl7v2.reading import read_message
from lifecourse.records.rows import Place, Rows
from lifecourse.records.source import SourceFile, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.records.source import Batch

UNIT_BYTES = 8 << 20
TOGETHER_BYTES = 4 << 20
BATCH_EVENTS = 60_000
TOO_LONG = "a message of more than 24 MB"
NO_MESSAGE = "text that is no message"


@dataclass(frozen=True)
class Hl7v2Source:
    """HL7 v2 messages in `path`: a file or a folder of them.

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
        root = self.path if self.path.is_dir() else self.path.parent
        found = self.path.rglob("*") if self.path.is_dir() else [self.path]
        paths = sorted(p for p in found if p.is_file() and (is_ours(p) or p == self.path))
        return [
            SourceFile(
                index=i, path=p, name=p.relative_to(root).as_posix(), size_bytes=p.stat().st_size
            )
            for i, p in enumerate(paths)
        ]

    def files(self) -> list[SourceFile]:
        """The files, sorted by name."""
        return self._files

    def units(self) -> list[Unit]:
        """Ranges of whole messages of about 8 MB; small files several together."""
        units: list[Unit] = []
        together: list[SourceFile] = []
        held = 0
        for file in self._files:
            if file.size_bytes > UNIT_BYTES:
                units.extend(_ranges(file))
                continue
            if together and held + file.size_bytes > TOGETHER_BYTES:
                units.append(_one_unit(together))
                together, held = [], 0
            together.append(file)
            held += file.size_bytes
        if together:
            units.append(_one_unit(together))
        return units

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The batches of one unit.

        Raises
        ------
        SourceError
            The source is this one file and there is no message in it.
        """
        rows, people = Rows(), People(merged={})
        others = [self._files[index] for index in dict(unit.options).get("together", ())]
        for file in (unit.file, *others):
            for _ in self._take(file, unit.start, unit.end, rows, people):
                if len(rows.events) >= BATCH_EVENTS:
                    yield rows.batch()
                    rows.clear()
        people.give(rows)
        yield rows.batch()

    def _take(
        self, file: SourceFile, start: int, end: int | None, rows: Rows, people: People
    ) -> Iterator[None]:
        place = Place(file=file.index, name=file.name, zone=self.timezone)
        row = 0
        with file.path.open("rb") as handle:
            handle.seek(start)
            stream: Any = handle if end is None else Range(handle, end - start)
            for found in messages(stream):
                if found.kind == ENVELOPE:
                    rows.count("headers and trailers of batches")
                    continue
                row += 1
                rows.rows_read += 1
                if found.text is None:
                    rows.rejects.append((file.name, row, TOO_LONG, None))
                elif found.kind == MESSAGE:
                    read_message(found.text, rows, people, place, row)
                else:
                    rows.rejects.append((file.name, row, NO_MESSAGE, None))
                yield


def _one_unit(files: list[SourceFile]) -> Unit:
    others = tuple(file.index for file in files[1:])
    return Unit(file=files[0], options=(("together", others),) if others else ())


def _ranges(file: SourceFile) -> list[Unit]:
    """Ranges that begin with a message; a later one counts its messages from 1."""
    units: list[Unit] = []
    start = 0
    with file.path.open("rb") as handle:
        while start < file.size_bytes:
            end = _next_message(handle, start + UNIT_BYTES, file.size_bytes)
            units.append(Unit(file=file, start=start, end=end, continues=start > 0))
            start = end
    return units


def _next_message(handle: Any, after: int, size: int) -> int:
    """Where the next message begins, at or after `after`; the end of the file where none does."""
    at = after - 1
    while at < size:
        handle.seek(at)
        piece = handle.read(framing.PIECE_BYTES)
        found = next_beginning(piece)
        if found is not None:
            return int(at + found)
        if len(piece) < framing.PIECE_BYTES:
            break
        at += len(piece) - framing.AHEAD - 1
    return size
