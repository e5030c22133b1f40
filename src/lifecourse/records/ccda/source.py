"""C-CDA documents as a source: found by what their files begin with, small ones read together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from xml.etree.ElementTree import tostring

from lifecourse.base.errors import SourceError
from lifecourse.records.ccda.intake import document_of, pieces, take
from lifecourse.records.ccda.markup import RefusedError, content, head, is_document, tree_of
from lifecourse.records.files import files_in, grouped, listed, of_unit
from lifecourse.records.rows import Rows
from lifecourse.records.unpacking import is_packed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.records.source import Batch, SourceFile, Unit

KIND = "ccda"
ENDINGS = (".xml", ".ccda", ".ccd", ".cda")
TOGETHER_BYTES = 16 << 20
LITTLE_BYTES = 256 << 10
SHARES = 24
"""A source is cut into at least so many parts, where they are not too small, for every core to have some."""
EXPANSION_OF_GZIP = 10
BATCH_EVENTS = 50_000


def is_ours(path: Path) -> bool:
    """Whether a file is named as a C-CDA document may be."""
    return path.name.lower().removesuffix(".gz").endswith(ENDINGS)


def holds_document(path: Path) -> bool:
    """Whether a file begins as a clinical document of HL7 v3."""
    return is_ours(path) and is_document(head(path))


@dataclass(frozen=True)
class CcdaSource:
    """C-CDA R2.1, R1.1 or CCD documents in `path`: a file or a folder of ``.xml``, ``.ccda``, ``.cda``, also ``.gz``.

    timezone : IANA name, for times without an offset
    issuer : who sent the documents; people are told apart by the ids within
    """

    path: Path
    timezone: str = "UTC"
    issuer: str = KIND
    kind: str = KIND
    rests_on_store: bool = False

    @cached_property
    def _files(self) -> list[SourceFile]:
        found = (p for p in files_in(self.path) if is_ours(p) or p == self.path)
        return listed(found, within=self.path)

    def files(self) -> list[SourceFile]:
        """The files, sorted by name."""
        return self._files

    def units(self) -> list[Unit]:
        """Some documents together, of at most about 16 MB."""
        share = sum(map(_bytes, self._files)) // SHARES
        return grouped(self._files, _bytes, min(TOGETHER_BYTES, max(share, LITTLE_BYTES)))

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The batches of one unit.

        Raises
        ------
        SourceError
            The source is this one file and nothing of it can be read.
        """
        rows = Rows()
        for file in of_unit(unit, self._files):
            try:
                take(file, rows, self.timezone)
            except RefusedError as refused:
                if len(self._files) == 1:
                    raise SourceError(
                        f"{file.name} cannot be read: {refused}. Export it again."
                    ) from None
                rows.rows_read += 1
                rows.rejects.append((file.name, 1, str(refused), None))
            if len(rows.events) >= BATCH_EVENTS:
                yield rows.batch()
                rows.clear()
        yield rows.batch()

    def row(self, file: SourceFile, number: int) -> str | None:
        """Row `number` of `file` as XML: a person, the document's head, a section's text, an entry."""
        try:
            root = document_of(tree_of(content(file.path)))
        except RefusedError:
            return None
        for place, piece in enumerate(pieces(root), start=1):
            if place == number:
                return tostring(piece.element, encoding="unicode")
        return None


def _bytes(file: SourceFile) -> int:
    """About how large a file is, unpacked."""
    return file.size_bytes * (EXPANSION_OF_GZIP if is_packed(file.path.name) else 1)
