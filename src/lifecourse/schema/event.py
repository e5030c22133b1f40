"""The event: one thing that became known about one subject at one moment (MEDS, with provenance).

Columns of an events table, in order:

- ``subject_id``       int64
- ``time``             microseconds UTC, when the record could have known it; null = static (birth place, sex)
- ``code``             ``SYSTEM//CODE``, see `lifecourse.schema.code`
- ``numeric_value``    float32 in ``unit``
- ``text_value``       text of a coded or free-text value
- ``unit``             UCUM, canonical for the code where `vocab.units` knows one
- ``end_time``         when it stopped being so (abatement, discharge, end of a prescription); null = not stated
- ``onset_time``       when it happened, where that differs from when it was known
- ``precision``        ``year | month | day`` where the source's time was no more exact; null = exact
- ``source_id``        the record's own id, ``Observation/123`` or ``measurement/77``; null where sources have none
- ``source_version``   orders versions of one ``source_id``; the largest stands
- ``source_file``      index into the store's list of source files
- ``source_row``       line or row in that file, counted from 1; in a Bundle the entry, counted from 1
- ``source_part``      where in that row, where one gives many facts: ``component[2]``, ``chars 120-164``; null = all

A date-only fact is known at the end of its day: its ``time`` is the last microsecond of the day and its
``onset_time`` the first. Events are sorted by subject, then time (static first), then code, numeric_value,
text_value, source_id, so that nothing depends on the order of files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

BIRTH = "MEDS_BIRTH"
DEATH = "MEDS_DEATH"

BACKGROUND = (
    "ADDRESS//",
    "EXPOSURE//",
    "PGS//",
    "PGS_PERCENTILE//",
    "GENOTYPE//",
    "CGM//",
    "SERIES//",
)
"""Start codes of what is known of a person without a contact with care: where they live, genes, days of devices."""

NOTED = "NOTED//"
"""Starts the code of what a note says in words: never taken for a coded fact."""

REFERENCE_CODE = "REF//"
"""Starts a code that stands for what another record says, until ingestion puts that code in its place."""

PRECISIONS = ("year", "month", "day")

PROVENANCE_COLUMNS = ("source_file", "source_row", "source_version", "source_part", "also_from")
"""Where an event came from: no part of what it says."""

EVENT_COLUMNS = (
    "subject_id",
    "time",
    "code",
    "numeric_value",
    "text_value",
    "unit",
    "end_time",
    "onset_time",
    "precision",
    "source_id",
    "source_version",
    "source_file",
    "source_row",
    "source_part",
)

ALSO_FROM = "also_from"
"""A further column of a store of several sources: where else the same fact is told (`timeline.sameness`)."""

SORT_COLUMNS = ("subject_id", "time", "code", "numeric_value", "text_value", "source_id")


def event_schema() -> dict[str, pl.DataType]:
    """Column name to Polars type of an events table."""
    import polars as pl

    moment = pl.Datetime("us")
    return {
        "subject_id": pl.Int64(),
        "time": moment,
        "code": pl.String(),
        "numeric_value": pl.Float32(),
        "text_value": pl.String(),
        "unit": pl.String(),
        "end_time": moment,
        "onset_time": moment,
        "precision": pl.String(),
        "source_id": pl.String(),
        "source_version": pl.Int64(),
        "source_file": pl.UInt32(),
        "source_row": pl.UInt32(),
        "source_part": pl.String(),
    }
