"""HL7 v2 messages written by tests, and what is read of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.records.registry import open_source
from lifecourse.schema.event import event_schema

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.records.source import Batch

MSH = "MSH|^~\\&|LAB|HOSP|STORE|HOSP|{sent}||{kind}|{control}|P|2.5.1"
PID = "PID|1||{patient}^^^HOSP^MR||DOE^JANE||19600229|F"
COMPARED = (
    "time", "code", "numeric_value", "unit", "text_value", "end_time", "onset_time", "precision",
)  # fmt: skip
"""What an event says, without where it was read from and whose it is."""


def message(
    *segments: str,
    kind: str = "ORU^R01",
    sent: str = "20200102030405+0000",
    control: str = "1",
    patient: str | None = "7",
    end: str = "\r",
) -> str:
    """A message of `segments` about `patient` (None: without a PID)."""
    first = [MSH.format(sent=sent, kind=kind, control=control)]
    about = [] if patient is None else [PID.format(patient=patient)]
    return end.join([*first, *about, *segments]) + end


def segment(name: str, fields: dict[int, str]) -> str:
    """A segment with `fields` by their numbers."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def write(folder: Path, *messages: str | bytes, name: str = "feed.hl7") -> Path:
    """A file of messages in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"".join(m if isinstance(m, bytes) else m.encode() for m in messages))
    return path


def read(path: Path, *, kind: str = "hl7v2", timezone: str = "UTC") -> list[Batch]:
    """Every batch of a source."""
    source = open_source(path, kind=kind, timezone=timezone)
    return [batch for unit in source.units() for batch in source.read(unit)]


def events(batches: list[Batch]) -> pl.DataFrame:
    """The events of `batches`, together."""
    tables = [batch.events for batch in batches if batch.events is not None and batch.events.height]
    empty = pl.DataFrame(schema={"subject_key": pl.String, **event_schema()}).drop("subject_id")
    return pl.concat(tables) if tables else empty


def told(folder: Path, *messages: str | bytes, timezone: str = "UTC") -> list[dict[str, Any]]:
    """The events of messages, without those of the person's demographics, in the order they were told."""
    found = events(read(write(folder, *messages), timezone=timezone))
    kept = found.filter(~pl.col("code").str.contains("^(SEX|MEDS_BIRTH|ADDRESS)"))
    return [dict(row) for row in kept.iter_rows(named=True)]


def counts(batches: list[Batch]) -> Counter[str]:
    """What `batches` count, together."""
    total: Counter[str] = Counter()
    for batch in batches:
        total.update(batch.counts)
    return total


def rejects(batches: list[Batch]) -> list[tuple[int, str]]:
    """Row and reason of each reject."""
    tables = [b.rejects for b in batches if b.rejects is not None]
    return [row for table in tables for row in table.select("row", "reason").iter_rows()]


def multiset(batches: list[Batch]) -> Counter[tuple[Any, ...]]:
    """The events of `batches` by what they say, as text."""
    rows = events(batches).select(COMPARED).iter_rows()
    return Counter(tuple("" if value is None else str(value) for value in row) for row in rows)
