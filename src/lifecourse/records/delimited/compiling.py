"""Expressions turned into columns: the tree of an expression in, the Polars expression that works it out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.records.delimited.expressions import ExpressionError
from lifecourse.records.delimited.moments import format_of, read_any
from lifecourse.records.delimited.tree import (
    Among,
    Call,
    Cast,
    Choice,
    Column,
    Joined,
    Missing,
    Moment,
    Node,
    Operation,
    Pattern,
    Slice,
    cell,
)
from lifecourse.records.delimited.tree import Literal as Constant
from lifecourse.records.delimited.values import (
    BOOLEANS,
    COMPARED,
    DURATIONS,
    FALSE,
    NUMBERS,
    SCALE,
    TEXTS,
    TRUE,
    WHOLE_DAYS,
    WHOLE_NUMBERS,
    WORKED,
    Value,
    as_number,
    as_text,
    mapped,
    moved,
    plain,
    together,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Columns worked out before the expressions that use them: `prefix` and what ``read_any`` gives of `text`."""

    prefix: str
    text: pl.Expr

    def applied(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`rows` with the columns."""
        texts = rows.select(self.text.alias("text")).to_series()
        return rows.hstack([s.alias(f"{self.prefix}{s.name}") for s in read_any(texts)])


class Compiler:
    """Turns trees into columns; `known` are columns that stand for something else than the table's text."""

    def __init__(self, known: Mapping[str, Value] | None = None) -> None:
        self.known: dict[str, Value] = dict(known or {})
        self.steps: list[Step] = []
        self._done: dict[Node, Value] = {}
        self._moments: dict[Node, Value] = {}

    def value(self, node: Node) -> Value:
        """The column of `node`.

        Raises
        ------
        ExpressionError
            Types that do not go together, or a function or type that is not known.
        """
        # What several events say of a row, its time mostly, is worked out once.
        if node not in self._done:
            self._done[node] = self._value(node)
        return self._done[node]

    def _value(self, node: Node) -> Value:  # noqa: C901 -- one line a kind of node
        match node:
            case Constant(bool() as truth):
                return Value(kind="boolean", expr=pl.lit(truth))
            case Constant(str() as text):
                return Value(kind="text", expr=pl.lit(text))
            case Constant(number):
                return Value(kind="number", expr=pl.lit(float(number)))
            case Moment(text):
                return self._moment(pl.lit(text), "day" if len(text) == 10 else None)
            case Column(name):
                return self.known.get(name) or Value(kind="text", expr=pl.col(cell(name)))
            case Joined(parts):
                texts = [self.text(part) for part in parts]
                return Value(kind="text", expr=pl.concat_str(texts) if texts else pl.lit(""))
            case Cast(inner, to):
                return self._cast(self.value(inner), to)
            case Call(name, arguments):
                return self._call(name, arguments)
            case Operation(sign, operands):
                return self._operation(sign, operands)
            case Choice(condition, then, otherwise):
                return self._choice(condition, then, otherwise)
            case Among(inner, values):
                return self._among(inner, values)
            case Missing(inner):
                return Value(kind="boolean", expr=self.value(inner).expr.is_null())
            case Pattern(regex, inner, group):
                return self._pattern(regex, self.text(inner), group)
            case Slice(inner, start, stop):
                return Value(kind="text", expr=_sliced(self.text(inner), start, stop))

    def text(self, node: Node) -> pl.Expr:
        """`node` as text: whole numbers without a point."""
        return as_text(self.value(node))

    def number(self, node: Node) -> pl.Expr:
        """`node` as Float64; null where it is none."""
        return as_number(self.value(node))

    def truth(self, node: Node) -> pl.Expr:
        """`node` as a truth value."""
        value = self.value(node)
        return (value if value.kind == "boolean" else self._cast(value, "bool")).expr

    def moment(self, node: Node) -> Value:
        """`node` as a moment: text is read as ISO 8601."""
        if node in self._moments:
            return self._moments[node]
        value = self.value(node)
        if value.kind in ("text", "number"):
            value = self._any_moment(as_text(value))
        if value.kind != "moment":
            raise ExpressionError(f"a time is needed, and this is a {value.kind}")
        self._moments[node] = value
        return value

    # -- moments ---------------------------------------------------------------------------------------------

    def _moment(self, text: pl.Expr, precision: str | None) -> Value:
        form = "%Y-%m-%d" if precision == "day" else "%Y-%m-%d %H:%M"
        return Value(
            kind="moment",
            expr=text.str.to_datetime(form, time_unit="us", strict=False),
            precision=precision,
        )

    def _any_moment(self, text: pl.Expr) -> Value:
        prefix = f"moment {len(self.steps)} "
        self.steps.append(Step(prefix=prefix, text=text))
        return Value(
            kind="moment",
            expr=pl.col(f"{prefix}local"),
            utc=pl.col(f"{prefix}utc"),
            precision=pl.col(f"{prefix}precision"),
        )

    def _formatted(self, value: Value, form: str) -> Value:
        told = format_of(form)
        read = told.read(as_text(value))
        if told.has_offset:
            return Value(kind="moment", expr=read, utc=read)
        return Value(kind="moment", expr=read, precision=told.precision)

    # -- casts and functions -----------------------------------------------------------------------------------

    def _cast(self, value: Value, to: str) -> Value:
        if "%" in to:
            return self._formatted(value, to)
        name = to.lower()
        if name in TEXTS:
            return Value(kind="text", expr=as_text(value))
        if name in NUMBERS:
            return Value(kind="number", expr=as_number(value))
        if name in WHOLE_NUMBERS:
            number = as_number(value)
            return Value(kind="number", expr=pl.when(number.is_finite()).then(number.floor()))
        if name in BOOLEANS:
            word = as_text(value).str.to_lowercase()
            truth = pl.when(word.is_in(TRUE)).then(True).when(word.is_in(FALSE)).then(False)
            return Value(kind="boolean", expr=truth)
        if name in DURATIONS:
            micros = (
                (as_number(value) * DURATIONS[name] * SCALE).round().cast(pl.Int64, strict=False)
            )
            return Value(
                kind="duration",
                expr=pl.duration(microseconds=micros),
                whole_days=name in WHOLE_DAYS,
            )
        if name in ("date", "datetime", "year"):
            moment = value if value.kind == "moment" else self._any_moment(as_text(value))
            if name == "datetime":
                return moment
            step = "1d" if name == "date" else "1y"
            start = moment.expr.dt.truncate(step)
            return Value(kind="moment", expr=start, precision="day" if name == "date" else "year")
        known = ", ".join(("str", "int", "float", "bool", "date", "datetime", "year", *DURATIONS))
        raise ExpressionError(
            f"there is no type '{to}'; those known are {known}, or a format with %"
        )

    def _call(self, name: str, arguments: tuple[Node, ...]) -> Value:  # noqa: C901 -- one case a function
        match name, arguments:
            case ("coalesce", [first, *rest]):
                value = self.value(first)
                for other in rest:
                    value = self._either(value, self.value(other))
                return value
            case (("hash" | "signed_hash"), [inner]):
                # Ids are texts here, whatever they look like: nothing needs to be hashed into a number.
                return Value(kind="text", expr=self.text(inner))
            case ("substring", [inner, Constant(float() as start), *stop]):
                end = stop[0].value if stop and isinstance(stop[0], Constant) else None
                return self.value(
                    Slice(inner, int(start), int(end) if isinstance(end, float) else None)
                )
            case ("lower", [inner]):
                return Value(kind="text", expr=self.text(inner).str.to_lowercase())
            case ("upper", [inner]):
                return Value(kind="text", expr=self.text(inner).str.to_uppercase())
            case ("replace", [inner, Constant(str() as old), Constant(str() as new)]):
                return Value(
                    kind="text", expr=self.text(inner).str.replace_all(old, new, literal=True)
                )
            case ("split", [inner, Constant(str() as by), Constant(float() as place)]):
                parts = self.text(inner).str.split(by)
                return Value(kind="text", expr=parts.list.get(int(place), null_on_oob=True))
            case ("len_chars", [inner]):
                length = self.text(inner).str.len_chars().cast(pl.Float64)
                return Value(kind="number", expr=length)
            case (("min" | "max" | "mean"), [_, *_]):
                numbers = [self.number(argument) for argument in arguments]
                worked: dict[str, Callable[..., pl.Expr]] = {
                    "min": pl.min_horizontal, "max": pl.max_horizontal, "mean": pl.mean_horizontal,
                }  # fmt: skip
                return Value(kind="number", expr=worked[name](*numbers))
        known = "coalesce hash substring lower upper replace split len_chars min max mean"
        raise ExpressionError(
            f"there is no function {name} of {len(arguments)} such arguments; those known are {known}"
        )

    # -- operations --------------------------------------------------------------------------------------------

    def _operation(self, sign: str, operands: tuple[Node, ...]) -> Value:
        if sign in ("and", "or"):
            left, right = (self.truth(operand) for operand in operands)
            return Value(kind="boolean", expr=left & right if sign == "and" else left | right)
        if sign == "not":
            return Value(kind="boolean", expr=~self.truth(operands[0]))
        if sign == "negate":
            return Value(kind="number", expr=-self.number(operands[0]))
        if sign == "??":
            return self._either(self.value(operands[0]), self.value(operands[1]))
        if sign == "@":
            return self._at_clock(self.moment(operands[0]), operands[1])
        left_value, right_value = (self.value(operand) for operand in operands)
        if sign in COMPARED:
            return self._compared(sign, left_value, right_value)
        return self._arithmetic(sign, left_value, right_value)

    def _arithmetic(self, sign: str, left: Value, right: Value) -> Value:
        kinds = (left.kind, right.kind)
        if sign in ("+", "-") and kinds == ("moment", "duration"):
            return moved(left, right, sign)
        if sign == "+" and kinds == ("duration", "moment"):
            return moved(right, left, sign)
        if sign == "-" and kinds == ("moment", "moment"):
            return Value(kind="duration", expr=left.expr - right.expr)
        if sign in ("+", "-") and kinds == ("duration", "duration"):
            both = left.expr + right.expr if sign == "+" else left.expr - right.expr
            whole = left.whole_days and right.whole_days
            return Value(kind="duration", expr=both, whole_days=whole)
        if not set(kinds) <= {"number", "text", "boolean"}:
            raise ExpressionError(f"a {kinds[0]} {sign} a {kinds[1]} is nothing")
        numbers = (as_number(left), as_number(right))
        return Value(kind="number", expr=WORKED[sign](*numbers))

    def _compared(self, sign: str, left: Value, right: Value) -> Value:
        if "moment" in (left.kind, right.kind):
            sides = [self._as_moment(side).expr for side in (left, right)]
        elif "number" in (left.kind, right.kind):
            sides = [as_number(left), as_number(right)]
        elif left.kind == right.kind:
            sides = [left.expr, right.expr]
        else:
            sides = [as_text(left), as_text(right)]
        return Value(kind="boolean", expr=COMPARED[sign](*sides))

    def _as_moment(self, value: Value) -> Value:
        return value if value.kind == "moment" else self._any_moment(as_text(value))

    def _at_clock(self, moment: Value, clock: Node) -> Value:
        parts = str(clock.value).split(":") if isinstance(clock, Constant) else ["0"]
        hours, minutes, seconds = (int(part) for part in (*parts, "0", "0")[:3])
        away = pl.duration(hours=hours, minutes=minutes, seconds=seconds)
        return Value(kind="moment", expr=moment.expr.dt.truncate("1d") + away)

    def _choice(self, condition: Node, then: Node, otherwise: Node | None) -> Value:
        holds = self.truth(condition)
        chosen = self.value(then)
        if otherwise is None:
            return mapped(chosen, lambda expr: pl.when(holds).then(expr))
        other = self.value(otherwise)
        chosen, other = self._alike(chosen, other)
        return together(chosen, other, lambda a, b: pl.when(holds).then(a).otherwise(b))

    def _either(self, first: Value, second: Value) -> Value:
        first, second = self._alike(first, second)
        there = first.expr.is_not_null()
        return together(first, second, lambda a, b: pl.when(there).then(a).otherwise(b))

    def _alike(self, first: Value, second: Value) -> tuple[Value, Value]:
        if first.kind == second.kind:
            return first, second
        if "moment" in (first.kind, second.kind):
            return self._as_moment(first), self._as_moment(second)
        if "duration" in (first.kind, second.kind):
            raise ExpressionError(f"a {first.kind} cannot stand for a {second.kind}")
        return (
            Value(kind="text", expr=as_text(first)),
            Value(kind="text", expr=as_text(second)),
        )

    def _among(self, node: Node, values: tuple[Node, ...]) -> Value:
        constants = [value.value for value in values if isinstance(value, Constant)]
        if len(constants) < len(values):
            raise ExpressionError("the values after 'in' are texts or numbers, not columns")
        if all(isinstance(value, float) for value in constants):
            return Value(kind="boolean", expr=self.number(node).is_in(constants))
        texts = [plain(value) for value in constants]
        return Value(kind="boolean", expr=self.text(node).is_in(texts))

    def _pattern(self, regex: str, text: pl.Expr, group: int | None) -> Value:
        try:
            re.compile(regex)
        except re.error as wrong:
            raise ExpressionError(f"/{regex}/ is no regular expression ({wrong})") from None
        if group is None:
            return Value(kind="boolean", expr=text.str.contains(regex))
        return Value(kind="text", expr=text.str.extract(regex, group))


def _sliced(text: pl.Expr, start: int, stop: int | None) -> pl.Expr:
    if start < 0:
        if stop is not None:
            raise ExpressionError("a slice from the end goes to the end: [-3:]")
        return text.str.tail(-start)
    if stop is not None and stop < 0:
        return text.str.head(stop).str.slice(start)
    return text.str.slice(start, None if stop is None else max(stop - start, 0))
