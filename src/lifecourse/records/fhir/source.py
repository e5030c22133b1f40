"""FHIR files as a source: NDJSON in ranges of whole lines, Bundles and single resources by file."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.errors import SourceError
from lifecourse.records.fhir.reading import read_resource
from lifecourse.records.fhir.rows import Rows
from lifecourse.records.source import SourceFile, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.records.source import Batch

UNIT_BYTES = 4 << 20
BATCH_RESOURCES = 8_000
LINES = (".ndjson", ".jsonl")
ENDINGS = (*LINES, ".json")
SPACED_KEY = re.compile(rb'"\s+:')
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class FhirSource:
    """FHIR R4 in `path`: a file, or a folder of ``.ndjson``, ``.jsonl`` and ``.json``, each also ``.gz``.

    timezone : IANA name, for times without an offset
    issuer : who gave the patient ids
    """

    path: Path
    timezone: str = "UTC"
    issuer: str = "fhir"
    kind: str = "fhir"

    @cached_property
    def _files(self) -> list[SourceFile]:
        root = self.path if self.path.is_dir() else self.path.parent
        found = self.path.rglob("*") if self.path.is_dir() else [self.path]
        paths = sorted(p for p in found if p.is_file() and _plain_name(p).endswith(ENDINGS))
        return [
            SourceFile(index=i, path=p, name=str(p.relative_to(root)), size_bytes=p.stat().st_size)
            for i, p in enumerate(paths)
        ]

    def files(self) -> list[SourceFile]:
        """The files, sorted by name."""
        return self._files

    def units(self) -> list[Unit]:
        """Ranges of whole lines of about 4 MB; other files are a unit each."""
        units: list[Unit] = []
        for file in self._files:
            ranged = file.path.suffix in LINES
            units.extend(_line_ranges(file) if ranged else [Unit(file=file)])
        return units

    def read(self, unit: Unit) -> Iterator[Batch]:
        """The batches of one unit.

        Raises
        ------
        SourceError
            The source is this one file and it is not JSON.
        """
        rows = Rows()
        for body, row, full_url in self._resources(unit, rows):
            read_resource(
                body,
                rows,
                file=unit.file.index,
                file_name=unit.file.name,
                row=row,
                zone=self.timezone,
                full_url=full_url,
            )
            if rows.rows_read >= BATCH_RESOURCES:
                yield rows.batch()
                rows.clear()
        yield rows.batch()

    def _resources(self, unit: Unit, rows: Rows) -> Iterator[tuple[Any, int, str | None]]:
        if _plain_name(unit.file.path).endswith(LINES):
            yield from self._of_lines(unit, rows)
        else:
            yield from self._of_document(unit, rows)

    def _of_lines(self, unit: Unit, rows: Rows) -> Iterator[tuple[Any, int, str | None]]:
        row = dict(unit.options).get("first_line", 1) - 1
        try:
            for line in _lines(unit):
                row += 1
                yield from self._of_line(unit, rows, row, line)
        except (OSError, EOFError, zlib.error):
            if len(self._files) == 1 and row < 1:
                raise SourceError(f"{unit.file.name} is a damaged file. Export it again.") from None
            # What a cut or flipped file gave before the damage stands; the report says where it ends.
            _reject(rows, unit, row + 1, "a damaged file", None)

    def _of_line(
        self, unit: Unit, rows: Rows, row: int, line: bytes
    ) -> Iterator[tuple[Any, int, str | None]]:
        if not line.strip():
            return
        try:
            body = parse(line)
        except ValueError as broken:
            _reject(rows, unit, row, str(broken), line)
            return
        if isinstance(body, dict) and body.get("resourceType") == "Bundle":
            for inner, _, full_url in _entries(body, rows):
                yield inner, row, full_url
        else:
            yield body, row, None

    def _of_document(self, unit: Unit, rows: Rows) -> Iterator[tuple[Any, int, str | None]]:
        try:
            raw = _whole(unit.file.path)
            body = parse(raw)
        except (ValueError, OSError, EOFError, zlib.error) as broken:
            if len(self._files) == 1:
                raise SourceError(
                    f"{unit.file.name} cannot be read: {_reason(broken)}. Export it again."
                ) from None
            _reject(rows, unit, 1, _reason(broken), None)
            return
        if isinstance(body, dict) and body.get("resourceType") == "Bundle":
            yield from _entries(body, rows)
        else:
            yield body, 1, None


def parse(raw: bytes) -> Any:
    """The JSON in `raw`.

    Raises
    ------
    ValueError
        It is not JSON, has NaN, or an object names a key twice: readers disagree on which one counts.
    """
    try:
        body = orjson.loads(raw.removeprefix(BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        raise ValueError("not valid JSON") from None
    # A key that stands twice is in `raw` once more than in what was kept; spaces before colons need the slow look.
    try:
        kept = orjson.dumps(body)
    except TypeError:
        raise ValueError("nested too deeply") from None
    if raw.count(b'":') != kept.count(b'":') or SPACED_KEY.search(raw):
        try:
            json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_without_duplicates)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    return body


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _entries(bundle: dict[str, Any], rows: Rows) -> Iterator[tuple[Any, int, str | None]]:
    """The resources of a Bundle with their place; deletions are noted."""
    entries = bundle.get("entry") or []
    if not isinstance(entries, list):
        yield None, 1, None
        return
    for row, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            yield entry, row, None
            continue
        request = entry.get("request")
        if isinstance(request, dict) and request.get("method") == "DELETE":
            rows.rows_read += 1
            rows.refer("deletion")
            rows.deletions.append(
                "/".join(str(request.get("url") or "").rstrip("/").split("/")[-2:])
            )
            continue
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") == "Bundle":
            # What a batch of searches answers: a Bundle of Bundles.
            for inner, _, full_url in _entries(resource, rows):
                yield inner, row, full_url
        else:
            yield resource, row, entry.get("fullUrl")


def _reject(rows: Rows, unit: Unit, row: int, reason: str, line: bytes | None) -> None:
    rows.rows_read += 1
    raw = line.decode("utf-8", "replace") if line is not None else None
    rows.rejects.append((unit.file.name, row, reason, raw))


def _reason(broken: Exception) -> str:
    return str(broken) if isinstance(broken, ValueError) else "a damaged file"


def _plain_name(path: Path) -> str:
    return path.name.lower().removesuffix(".gz")


def _whole(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if path.suffix == ".gz" else raw


def _lines(unit: Unit) -> Iterator[bytes]:
    if unit.file.path.suffix == ".gz":
        with gzip.open(unit.file.path, "rb") as lines:
            yield from lines
        return
    with unit.file.path.open("rb") as lines:
        lines.seek(unit.start)
        left = (unit.end if unit.end is not None else unit.file.size_bytes) - unit.start
        while left > 0:
            line = lines.readline()
            if not line:
                return
            left -= len(line)
            yield line


def _line_ranges(file: SourceFile) -> list[Unit]:
    """Ranges that end with a line, each with the number of its first line."""
    units, start, first = [], 0, 1
    with file.path.open("rb") as handle:
        while start < file.size_bytes:
            chunk = handle.read(UNIT_BYTES) + handle.readline()
            options = (("first_line", first),)
            units.append(Unit(file=file, start=start, end=start + len(chunk), options=options))
            start += len(chunk)
            first += chunk.count(b"\n")
    return units
