"""What is known while a chunk of rows is read, what comes of it, and how rows are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from lifecourse.records.omop.concepts import Concepts

STRAIGHT = ("source_file", "source_row", "source_id", "subject_key")
KEPT = (
    *STRAIGHT,
    "time",
    "code",
    "numeric_value",
    "text_value",
    "unit",
    "end_time",
    "onset_time",
    "precision",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What reading a chunk needs to know.

    is_dated : the table's datetimes are dates spelled longer
    places : address codes by location
    has_moves : addresses are told with their times, so that a person's one location says nothing more
    """

    table: str
    file_index: int
    row_base: int
    timezone: str
    is_dated: bool
    people: pl.Series | None
    concepts: Concepts
    places: dict[str, list[str]]
    has_moves: bool


@dataclass(slots=True, kw_only=True)
class Read:
    """Events of a chunk, and the rows that gave none with the reason."""

    events: pl.DataFrame
    rejected: pl.DataFrame
    counts: dict[str, int]
    identities: pl.DataFrame | None = None


def identifier(name: str) -> pl.Expr:
    """An id as text, without the ``.0`` of those that went through a floating-point column."""
    return pl.col(name).str.strip_chars().str.replace(r"\.0+$", "").replace("", None)


def concept_id(name: str) -> pl.Expr:
    """A concept id, tidy already, as Int64; 0 where there is none."""
    return pl.col(name).cast(pl.Int64, strict=False).fill_null(0)


def split(judged: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows whose ``reason`` is null, and ``source_row`` and ``reason`` of the others."""
    good = judged.filter(pl.col("reason").is_null()).drop("reason")
    rejected = judged.filter(pl.col("reason").is_not_null()).select("source_row", "reason")
    return good, rejected


def subject_reason(reading: Reading) -> pl.Expr:
    """Why a row is nobody's whom the source knows; null where it is somebody's."""
    no_subject = pl.when(pl.col("subject_key").is_null()).then(pl.lit("no subject"))
    if reading.people is None:
        return no_subject
    return no_subject.when("is_stranger").then(pl.lit("person not in the person table"))


def selected(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with the columns of events alone."""
    return rows.select(name for name in KEPT if name in rows.columns)
