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
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from lifecourse.records.source import Batch

UNIT_BYTES = 4 << 20
BATCH_RESOURCES = 8_000
LINES = (".ndjson", ".jsonl")
ENDINGS = (*LINES, ".json")
SPACED_KEY = re.compile(rb'"\s+:')
ESCAPED_QUOTE = b"\\u0022"
RECORD_URL = re.compile(r"(?:[^?]*/)?([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})/?")
HEAD_BYTES = 4096
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
            ranged = file.path.suffix.lower() in LINES
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

    def row(self, file: SourceFile, number: int) -> str | None:
        """The resource of line or entry `number`, as JSON; found as reading finds it, so numbers mean the same."""
        for unit in reversed([unit for unit in self.units() if unit.file.index == file.index]):
            if dict(unit.options).get("first_line", 1) > number:
                continue
            for body, row, _ in self._resources(unit, Rows()):
                if row == number:
                    return orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
            return None
        return None

    def _resources(self, unit: Unit, rows: Rows) -> Iterator[tuple[Any, int, str | None]]:
        if _plain_name(unit.file.path).endswith(LINES):
            yield from self._of_lines(unit, rows)
        else:
            yield from self._of_document(unit, rows)

    def _of_lines(self, unit: Unit, rows: Rows) -> Iterator[tuple[Any, int, str | None]]:
        row = dict(unit.options).get("first_line", 1) - 1
        try:
            for line in _lines(unit):
                row += yield from self._of_line(unit, rows, row + 1, line)
        except (OSError, EOFError, zlib.error):
            if len(self._files) == 1 and row < 1:
                raise SourceError(f"{unit.file.name} is a damaged file. Export it again.") from None
            # What a cut or flipped file gave before the damage stands; the report says where it ends.
            _reject(rows, unit, row + 1, "a damaged file", None)

    def _of_line(
        self, unit: Unit, rows: Rows, row: int, line: bytes
    ) -> Generator[tuple[Any, int, str | None], None, int]:
        """The resources of a line; returns how many rows it takes: one, or one for each entry of its Bundle."""
        if not line.strip():
            return 1
        try:
            body = parse(line)
        except ValueError as broken:
            _reject(rows, unit, row, str(broken), line)
            return 1
        if _is_bundle(body):
            return (yield from _entries(body, rows, unit, row))
        yield body, row, None
        return 1

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
        if _is_bundle(body):
            yield from _entries(body, rows, unit, 1)
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
    # A key that stands twice is in `raw` once more than in what was kept; spaces before colons need the slow look,
    # and so do escaped quotes, which could make up for it.
    try:
        kept = orjson.dumps(body)
    except TypeError:
        raise ValueError("nested too deeply") from None
    is_suspect = raw.count(b'":') != kept.count(b'":') or ESCAPED_QUOTE in raw
    if is_suspect or SPACED_KEY.search(raw):
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


def _is_bundle(body: Any) -> bool:
    return isinstance(body, dict) and body.get("resourceType") == "Bundle"


def _entries(
    bundle: dict[str, Any], rows: Rows, unit: Unit, first: int
) -> Generator[tuple[Any, int, str | None], None, int]:
    """The resources of a Bundle, numbered from `first`, deletions noted; returns how many rows, at least one."""
    row = first - 1
    for row, entry in enumerate(_flat(bundle), start=first):
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict) and request.get("method") == "DELETE":
            _delete(request.get("url"), rows, unit, row)
        elif isinstance(entry, dict):
            yield entry.get("resource"), row, entry.get("fullUrl")
        else:
            yield entry, row, None
    return max(row - first + 1, 1)


def _flat(bundle: dict[str, Any]) -> Iterator[Any]:
    """The entries of a Bundle, and of Bundles in it: a batch of searches is answered by a Bundle of Bundles."""
    entries = bundle.get("entry") or []
    for entry in entries if isinstance(entries, list) else [None]:
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict) and _is_bundle(inner):
            yield from _flat(inner)
        else:
            yield entry


def _delete(url: Any, rows: Rows, unit: Unit, row: int) -> None:
    """Note a deletion; one by a search, or of one past version, takes no record away."""
    named = RECORD_URL.fullmatch(str(url or ""))
    if named is None or "/_history/" in str(url):
        _reject(rows, unit, row, "a deletion that names no record", None)
        return
    rows.rows_read += 1
    rows.refer("deletion")
    rows.deletions.append((named[1], None))


def _reject(rows: Rows, unit: Unit, row: int, reason: str, line: bytes | None) -> None:
    rows.rows_read += 1
    raw = line.decode("utf-8", "replace") if line is not None else None
    rows.rejects.append((unit.file.name, row, reason, raw))


def _reason(broken: Exception) -> str:
    return str(broken) if isinstance(broken, ValueError) else "a damaged file"


def _plain_name(path: Path) -> str:
    return path.name.lower().removesuffix(".gz")


def _is_gzipped(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _whole(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if _is_gzipped(path) else raw


def _lines(unit: Unit) -> Iterator[bytes]:
    if _is_gzipped(unit.file.path):
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
    """Ranges that end with a line, each with the number of its first line; one for Bundles, whose rows are entries."""
    units, start, first = [], 0, 1
    with file.path.open("rb") as handle:
        if b'"Bundle"' in handle.read(HEAD_BYTES).split(b"\n", 1)[0]:
            return [Unit(file=file)]
        handle.seek(0)
        while start < file.size_bytes:
            chunk = handle.read(UNIT_BYTES) + handle.readline()
            options = (("first_line", first),)
            units.append(Unit(file=file, start=start, end=start + len(chunk), options=options))
            start += len(chunk)
            first += chunk.count(b"\n")
    return units
