"""Open mHealth and IEEE 1752.1 data points: lines of JSON, or documents of one or a list of them.

A data point is a ``header`` and a ``body``; a series has a list as its body, each item like a body of its own. What is
measured is told by the body's own field (``blood_glucose``, ``step_count``, ``heart_rate``, ``sleep_duration`` or
``total_sleep_time``, ``minutes_moderate_activity``). When: ``effective_time_frame``, an instant or an interval. Counts
are of the day on which their interval began, a night's sleep of the day on which it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from lifecourse.base.errors import SourceError
from lifecourse.records.separated import LONGEST_RECORD_BYTES, opened
from lifecourse.records.series.readings import REJECTS, TOLD, Class, Read, judged
from lifecourse.records.times import parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifecourse.records.source import SourceFile

ENDINGS = (".json", ".ndjson", ".jsonl", ".json.gz", ".ndjson.gz", ".jsonl.gz")
PEEK_BYTES = 64 << 10
LARGEST_DOCUMENT = 256 << 20
ROWS_AT_ONCE = 50_000
BODIES = {
    "blood_glucose": "glucose", "step_count": "steps", "heart_rate": "heart_rate",
    "sleep_duration": "sleep_minutes", "total_sleep_time": "sleep_minutes",
    "minutes_moderate_activity": "activity_minutes",
}  # fmt: skip
AT_REST = "at rest"
OFFSET = r"\d(Z|UTC|[+-]\d{2}:?\d{2})\s*$"
Told = tuple[str | None, str | None, str | None, str | None, str | None, str | None, int]


def is_data_points(path: Path) -> bool:
    """Whether `path` begins as data points do."""
    if not path.name.lower().endswith(ENDINGS):
        return False
    try:
        with opened(path) as handle:
            head = handle.read(PEEK_BYTES)
    except (OSError, EOFError):
        return False
    return b'"schema_id"' in head and b'"header"' in head and b'"resourceType"' not in head


def read_points(file: SourceFile, person: str | None, people: Class) -> Iterator[Read]:
    """The readings of some `people` in `file`; `person` where the points name none.

    Raises
    ------
    SourceError
        A document is no JSON, or larger than any that is read.
    """
    told: list[Told] = []
    aside: list[tuple[str, int, str, None]] = []
    for row, point in _points(file):
        found = list(_of_point(point, person, row)) if isinstance(point, dict) else []
        told += [each for each in found if people.has(each[0])]
        if not found and people.has(None):
            aside.append((file.name, row, "no data point of a measure that is known", None))
        if len(told) + len(aside) >= ROWS_AT_ONCE:
            yield _read(file, told, aside)
            told, aside = [], []
    yield _read(file, told, aside)


def _points(file: SourceFile) -> Iterator[tuple[int, Any]]:
    with opened(file.path) as handle:
        first = handle.readline(LONGEST_RECORD_BYTES)
        if _is_json(first):
            row = 1
            while first:
                if len(first) >= LONGEST_RECORD_BYTES:
                    raise SourceError(f"{file.name} has a line without end. Export it again.")
                if first.strip():
                    yield from _numbered(row, first)
                    row += 1
                first = handle.readline(LONGEST_RECORD_BYTES)
            return
        whole = first + handle.read(LARGEST_DOCUMENT)
        if len(whole) >= LARGEST_DOCUMENT:
            raise SourceError(
                f"{file.name} is one document of over 256 MB. Give one data point a line (.ndjson)."
            )
        try:
            document = orjson.loads(whole)
        except orjson.JSONDecodeError:
            raise SourceError(
                f"{file.name} is no JSON, or is cut short. Export it again."
            ) from None
        yield from enumerate(document if isinstance(document, list) else [document], start=1)


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _numbered(row: int, line: bytes) -> Iterator[tuple[int, Any]]:
    try:
        yield row, orjson.loads(line)
    except orjson.JSONDecodeError:
        yield row, None


def _of_point(point: dict[str, Any], person: str | None, row: int) -> Iterator[Told]:
    header, bodies = _dict(point.get("header")), point.get("body")
    subject = header.get("user_id") or header.get("subject_id") or person
    provenance = _dict(header.get("acquisition_provenance"))
    device = _text(provenance.get("source_name"))
    for body in bodies if isinstance(bodies, list) else [bodies]:
        if not isinstance(body, dict):
            continue
        for name, measure in BODIES.items():
            if name in body:
                value, unit = _value(body[name])
                if name == "heart_rate" and _is_at_rest(body):
                    measure = "resting_heart_rate"
                time = _time(body, at_end=measure == "sleep_minutes")
                yield _text(subject), measure, value, unit, time, device, row


def _value(said: Any) -> tuple[str | None, str | None]:
    if isinstance(said, dict):
        return _text(said.get("value")), _text(said.get("unit"))
    return _text(said), None


def _is_at_rest(body: dict[str, Any]) -> bool:
    return AT_REST in str(body.get("temporal_relationship_to_physical_activity", ""))


def _time(body: dict[str, Any], *, at_end: bool) -> str | None:
    frame = _dict(body.get("effective_time_frame"))
    interval = _dict(frame.get("time_interval"))
    start, end = interval.get("start_date_time"), interval.get("end_date_time")
    first, second = (end, start) if at_end else (start, end)
    return _text(frame.get("date_time") or first or second)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return str(value)


def _read(file: SourceFile, told: list[Told], aside: list[tuple[str, int, str, None]]) -> Read:
    columns = ("subject_key", "measure", "value", "unit", "time", "device", "row")
    schema = {name: TOLD.get(name, pl.String()) for name in columns}
    table = pl.DataFrame(told, schema=schema, orient="row")
    moment = parse_moment(pl.col("time"), "UTC")
    has_offset = pl.col("time").str.contains(OFFSET)
    table = table.with_columns(
        local=pl.when(~has_offset).then(moment), instant=pl.when(has_offset).then(moment)
    ).select(pl.col(name).cast(kind) for name, kind in TOLD.items())
    readings, rejects = judged(table, {}, file.index, file.name)
    return Read(
        readings=readings,
        rejects=pl.concat([pl.DataFrame(aside, schema=REJECTS, orient="row"), rejects]),
    )
