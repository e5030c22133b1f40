"""Readings of devices written by tests, and what their days say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from lifecourse.records.registry import open_source


def told(path: Path, timezone: str = "UTC") -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """The events, rejects and counts of a source of series; every row of it is accounted for."""
    opened = open_source(path, timezone=timezone)
    assert opened.kind == "series"
    batches = [batch for unit in opened.units() for batch in opened.read(unit)]
    events = pl.concat([b.events for b in batches if b.events is not None], how="diagonal")
    rejects = pl.concat([b.rejects for b in batches if b.rejects is not None])
    counts: dict[str, int] = {}
    for batch in batches:
        for what, n in batch.counts.items():
            counts[what] = counts.get(what, 0) + n
    rows = sum(b.rows_read for b in batches)
    references = sum(sum(b.reference_rows.values()) for b in batches)
    event_rows = events.select("source_file", "source_row").unique().height
    assert rows == references + event_rows + rejects.height, "every row is accounted for once"
    return events, rejects, counts


def days(events: pl.DataFrame, subject: str = "7") -> dict[str, dict[str, float]]:
    """What the days of `subject` say: by date, by code."""
    found: dict[str, dict[str, float]] = {}
    rows = events.filter(pl.col("subject_key") == subject)
    for source_id, code, value in rows.select("source_id", "code", "numeric_value").iter_rows():
        found.setdefault(source_id.split("/")[1], {})[code] = value
    return found


def generic(folder: Path, rows: Sequence[tuple[object, ...]], name: str = "readings.csv") -> Path:
    """A file of readings in the generic form: subject, time, measure, value and unit."""
    path = folder / name
    lines = ["subject,time,measure,value,unit", *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def sensor(
    start: datetime, values: Sequence[object], minutes: int = 5, unit: str = "mg/dL"
) -> list[tuple[object, ...]]:
    """Rows of a glucose sensor of person 7, one value every so many `minutes`."""
    step = timedelta(minutes=minutes)
    return [
        (7, (start + n * step).isoformat(), "glucose", value, unit)
        for n, value in enumerate(values)
    ]
