"""What a template makes of rows: events of the columns that every source gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.records.delimited.values import Value, as_number
from lifecourse.schema.event import BIRTH

if TYPE_CHECKING:
    from lifecourse.records.delimited.mapping import Event

COLUMNS = {
    "subject_key": pl.String(),
    "time": pl.Datetime("us"),
    "code": pl.String(),
    "numeric_value": pl.Float32(),
    "text_value": pl.String(),
    "unit": pl.String(),
    "end_time": pl.Datetime("us"),
    "onset_time": pl.Datetime("us"),
    "precision": pl.String(),
    "source_id": pl.String(),
    "source_row": pl.UInt32(),
    "source_part": pl.String(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An event of the mapping, ready to be asked of rows; `spread` makes one of each column.

    told : what is worked out of each row, by name
    timed : whether the event has a time
    time_columns : the columns that the time is made of
    components : the columns that the code is made of
    own : what the row itself says of its code: ``description``, ``parent_codes``
    """

    name: str
    part: str | None
    event: Event
    told: dict[str, pl.Expr]
    timed: bool
    time_columns: tuple[str, ...]
    components: dict[str, pl.Expr]
    own: dict[str, pl.Expr]


def number_of(value: Value) -> dict[str, pl.Expr]:
    """The number that a value is, as an event holds it, and the text that is none."""
    number = as_number(value).cast(pl.Float32)
    number = pl.when(number.is_finite()).then(number)
    if value.kind != "text":
        return {"numeric_value": number}
    return {"numeric_value": number, "not a number": pl.when(number.is_null()).then(value.expr)}


def events_of(coded: pl.DataFrame, template: Template) -> pl.DataFrame:
    """The events (columns of `COLUMNS`) that rows with the columns of ``template.told`` tell."""
    there = coded.columns
    empty = {name: pl.lit(None, kind).alias(name) for name, kind in COLUMNS.items()}
    text = pl.col("text_value") if "text_value" in there else pl.lit(None, pl.String)
    if "not a number" in there:
        text = pl.coalesce(text, "not a number")
    columns = {
        **empty,
        "subject_key": pl.col("subject_key"),
        "code": pl.col("code"),
        "text_value": text,
        "source_id": pl.col("source_id"),
        "source_row": pl.col("row"),
        "source_part": pl.lit(template.part, pl.String),
    }
    columns |= {name: pl.col(name) for name in ("numeric_value", "unit") if name in there}
    if template.timed:
        is_birth = pl.col("code") == BIRTH
        is_inexact = pl.col("time precision").is_not_null() & ~is_birth
        columns["time"] = pl.when(is_birth).then("time first").otherwise("time last")
        columns["onset_time"] = pl.when(is_inexact).then("time first")
        columns["precision"] = pl.col("time precision")
    if "end_time first" in there:
        columns["end_time"] = pl.col("end_time last")
    if "onset_time first" in there:
        columns["onset_time"] = pl.coalesce("onset_time first", columns["onset_time"])
    return coded.select(expr.cast(COLUMNS[name]).alias(name) for name, expr in columns.items())
