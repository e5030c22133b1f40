"""What an expression is worth: a column of texts, numbers, moments ..., and what can be done with two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from lifecourse.records.delimited.expressions import ExpressionError

Kind = Literal["text", "number", "boolean", "moment", "duration", "clock"]
DAYS_A_YEAR = 365.25
"""A year of a difference of ages, as in MEDS-Extract; a month is a twelfth of it."""
DURATIONS = {
    "microseconds": 1e-6,
    "milliseconds": 1e-3,
    "seconds": 1.0,
    "minutes": 60.0,
    "hours": 3600.0,
    "days": 86400.0,
    "weeks": 7 * 86400.0,
    "months": DAYS_A_YEAR / 12 * 86400,
    "years": DAYS_A_YEAR * 86400,
}
WHOLE_DAYS = ("days", "weeks", "months", "years")
NUMBERS = ("float", "float32", "float64", "double", "number")
WHOLE_NUMBERS = ("int", "integer", "long", "int8", "int16", "int32", "int64",
                 "uint", "uint8", "uint16", "uint32", "uint64")  # fmt: skip
TEXTS = ("str", "string", "utf8")
BOOLEANS = ("bool", "boolean")
TRUE, FALSE = ("true", "1", "yes", "t", "y"), ("false", "0", "no", "f", "n")
SCALE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A column of values.

    expr : Text, Float64, Boolean, naive local Datetime(us) or Duration(us), by `kind`
    utc : of moments: naive UTC where the text gave an offset, else null; None where none does
    precision : of moments: year, month, day or null (exact), for all of them or row by row
    whole_days : of durations: whether a date stays a date when one is added to it
    """

    kind: Kind
    expr: pl.Expr
    utc: pl.Expr | None = None
    precision: pl.Expr | str | None = None
    whole_days: bool = False


def as_text(value: Value) -> pl.Expr:
    """The text of a value."""
    match value.kind:
        case "text":
            return value.expr
        case "number":
            whole = value.expr.cast(pl.Int64, strict=False)
            is_whole = value.expr == whole
            return (
                pl.when(is_whole).then(whole.cast(pl.String)).otherwise(value.expr.cast(pl.String))
            )
        case "moment":
            return value.expr.dt.to_string("%Y-%m-%dT%H:%M:%S")
        case "duration":
            raise ExpressionError("a duration has no text; add it to a time")
        case _:
            return value.expr.cast(pl.String)


def as_number(value: Value) -> pl.Expr:
    """The number that a value is or writes."""
    if value.kind in ("moment", "duration"):
        raise ExpressionError(f"a number is needed, and this is a {value.kind}")
    return value.expr.cast(pl.Float64, strict=False)


def plain(value: str | float | bool) -> str:
    """A constant as a table would write it."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def moved(moment: Value, duration: Value, sign: str) -> Value:
    """A moment with a duration added or taken away; a date stays one when whole days are."""

    def move(expr: pl.Expr) -> pl.Expr:
        return expr + duration.expr if sign == "+" else expr - duration.expr

    precision = moment.precision if duration.whole_days else None
    utc = None if moment.utc is None else move(moment.utc)
    return replace(moment, expr=move(moment.expr), utc=utc, precision=precision)


def mapped(value: Value, change: Callable[[pl.Expr], pl.Expr]) -> Value:
    """A value with each of its columns changed alike."""
    utc = None if value.utc is None else change(value.utc)
    return replace(value, expr=change(value.expr), utc=utc)


def together(first: Value, second: Value, choose: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Value:
    """One of two values of a kind, as `choose` does it with each of their columns."""

    def side(part: pl.Expr | str | None, kind: pl.DataType) -> pl.Expr:
        return part if isinstance(part, pl.Expr) else pl.lit(part, kind)

    precision: pl.Expr | str | None = first.precision
    if isinstance(precision, pl.Expr) or precision != second.precision:
        precision = choose(side(first.precision, pl.String()), side(second.precision, pl.String()))
    utc = None
    if first.utc is not None or second.utc is not None:
        moment = pl.Datetime("us")
        utc = choose(side(first.utc, moment), side(second.utc, moment))
    return replace(
        first, expr=choose(first.expr, second.expr), utc=utc, precision=precision,
        whole_days=first.whole_days and second.whole_days,
    )  # fmt: skip


COMPARED: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
WORKED: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}
