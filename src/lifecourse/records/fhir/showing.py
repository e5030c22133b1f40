"""A row of a FHIR file shown again: the line as it stands, or the resource of that entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lifecourse.base.json_text import parse
from lifecourse.records.fhir.intake import Intake
from lifecourse.records.fhir.rows import Rows
from lifecourse.records.fhir.splitting import ENTRY

if TYPE_CHECKING:
    from lifecourse.records.fhir.splitting import Part
    from lifecourse.records.source import SourceFile


def shown(file: SourceFile, number: int) -> str | None:
    """Row `number` of `file` as text, None where it has none: the file is taken in up to there."""
    finder = _Finder(Rows(), "UTC", is_alone=False, wanted=number)
    for _ in finder.take(file):
        if finder.row >= number:
            break
    return finder.found


@dataclass(slots=True)
class _Finder(Intake):
    """Counts rows as an ingest does, and keeps the one that is wanted instead of reading any."""

    wanted: int = 0
    found: str | None = None

    def _chunk(self, lines: list[bytes]) -> None:
        for line in lines:
            before = self.row
            self._line(line)
            # Of a Bundle in a line, the entry is the row.
            if self.row == self.wanted == before + 1 and b'"Bundle"' not in line:
                self.found = line.decode("utf-8", "replace")

    def _parsed(self, raw: bytes) -> Any:
        return parse(raw)

    def _take_all(self, held: list[Part]) -> None:
        for what, text in held:
            self._text(text, is_entry=what == ENTRY)

    def _resource(self, body: Any, row: int, full_url: Any = None) -> None:
        if row == self.wanted:
            self.found = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
