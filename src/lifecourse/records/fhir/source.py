"""FHIR files as a source: lines in ranges, documents by file, small files together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lifecourse.records.fhir import intake
from lifecourse.records.fhir.files import Begun, is_archive, is_lines, is_ours
from lifecourse.records.fhir.intake import Intake
from lifecourse.records.fhir.rows import Rows
from lifecourse.records.fhir.showing import shown
from lifecourse.records.files import files_in, grouped, listed, of_unit
from lifecourse.records.source import Unit
from lifecourse.records.unpacking import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.records.source import Batch, SourceFile

UNIT_BYTES = 12 << 20
SMALLEST_BYTES = 2 << 20
BATCH_RESOURCES = 16_000
TOGETHER_BYTES = 32 << 20
"""Files are read together up to so many bytes, unpacked."""
LITTLE_BYTES = 512 << 10
SHARES = 24
"""A source is cut into at least so many parts, where they are not too small, for every core to have some."""
EXPANSION_OF_GZIP = 10


@dataclass(frozen=True)
class FhirSource:
    """FHIR R4 in `path`: a file or a folder of ``.ndjson``, ``.jsonl``, ``.json``, each also ``.gz``, and ``.tar``.

    timezone : IANA name, for times without an offset
    issuer : who gave the patient ids
    """

    path: Path
    timezone: str = "UTC"
    issuer: str = "fhir"
    kind: str = "fhir"
    rests_on_store: bool = False

    @cached_property
    def _files(self) -> list[SourceFile]:
        return listed((p for p in files_in(self.path) if is_ours(p.name)), within=self.path)

    def files(self) -> list[SourceFile]:
        """The files, sorted by name."""
        return self._files

    def units(self) -> list[Unit]:
        """Ranges of whole lines of at most about 12 MB; other files are a unit each, small ones several together."""
        share = sum(map(_unpacked_bytes, self._files)) // SHARES
        cut = min(UNIT_BYTES, max(share, SMALLEST_BYTES))
        least = min(UNIT_BYTES, SMALLEST_BYTES)
        lines = [f for f in self._files if f.size_bytes > least and _has_lines(f)]
        others = {file.index for file in self._files} - {file.index for file in lines}
        ranges = [unit for file in lines for unit in _line_ranges(file, cut)]
        room = min(TOGETHER_BYTES, max(share, LITTLE_BYTES))
        whole = [self._files[index] for index in sorted(others)]
        return [*ranges, *grouped(whole, _unpacked_bytes, room)]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The batches of one unit.

        Raises
        ------
        SourceError
            The source is this one file and nothing of it can be read.
        """
        rows = Rows()
        taking = Intake(rows, self.timezone, is_alone=len(self._files) == 1)
        taking.most_lines = min(intake.MOST_LINES, BATCH_RESOURCES)
        options = dict(unit.options)
        for file in of_unit(unit, self._files):
            for _ in taking.take(file, unit.start, unit.end, options.get("first_line", 1)):
                if rows.rows_read >= BATCH_RESOURCES:
                    yield rows.batch()
                    rows.clear()
        yield rows.batch()

    def row(self, file: SourceFile, number: int) -> str | None:
        """Row `number` of `file`: a line as it stands, or the resource of an entry; None where there is none."""
        return shown(file, number)


def _unpacked_bytes(file: SourceFile) -> int:
    """About how large a file is, unpacked."""
    is_packed = file.path.suffix.lower() in (".gz", ".tgz")
    return file.size_bytes * (EXPANSION_OF_GZIP if is_packed else 1)


def _has_lines(file: SourceFile) -> bool:
    """Whether ranges can be read by themselves: not those of an archive, nor of Bundles, whose rows are entries."""
    if is_archive(file.path.name) or file.path.suffix.lower() == ".gz":
        return False
    with opened(file.path) as stream:
        head = Begun(stream).head
    return is_lines(head, file.path.name) and b'"Bundle"' not in head.split(b"\n", 1)[0]


def _line_ranges(file: SourceFile, most: int) -> list[Unit]:
    """Ranges that end with a line, each with the number of its first line."""
    units, start, first = [], 0, 1
    with file.path.open("rb") as handle:
        while start < file.size_bytes:
            piece = handle.read(most)
            size, lines = len(piece), piece.count(b"\n")
            while piece and not piece.endswith(b"\n"):
                # A line may be of any length: it is never held whole here.
                piece = handle.readline(most)
                size, lines = size + len(piece), lines + piece.count(b"\n")
            options = (("first_line", first),)
            units.append(Unit(file=file, start=start, end=start + size, options=options))
            start += size
            first += lines
    return units
