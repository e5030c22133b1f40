"""Tables with a mapping beside them, written by tests, and what a store has of them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import polars as pl

from lifecourse.timeline.assembly import IngestReport
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.store import Store

HEAD = """
_defaults:
  subject_id: $mrn
"""
LABS = """
labs:
  lab:
    code: f"LAB//{$test}"
    time: $taken
    numeric_value: $result
    unit: $unit
"""


def folder_of(tmp_path: Path, mapping: str, **tables: str) -> Path:
    """A folder with tables, and a mapping beside them."""
    folder = tmp_path / "tables"
    folder.mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(dedent(text).lstrip())
    (folder / "mapping.yaml").write_text(dedent(mapping))
    return folder


def stored(tmp_path: Path, folder: Path, **options: Any) -> tuple[IngestReport, pl.DataFrame]:
    """The report and the events of a store of `folder`; every row of it is accounted for."""
    report = ingest(folder, tmp_path / "store", plain=True, **options)
    told = report.event_rows + sum(report.reference_rows.values()) + sum(report.rejects.values())
    assert told + report.duplicate_rows == report.rows_read
    return report, events_of(tmp_path)


def events_of(tmp_path: Path) -> pl.DataFrame:
    """All events of the store."""
    store = Store(tmp_path / "store")
    return pl.concat(store.read(part) for part in store.manifest().parts)


def rejects_of(tmp_path: Path) -> list[tuple[Any, ...]]:
    """The rows that were laid aside: file, row, reason and text."""
    store = Store(tmp_path / "store")
    table = store.read(store.manifest().rejects)
    return table.select("file", "row", "reason", "raw").rows()
