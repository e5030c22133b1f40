"""The language of score files: arithmetic over named columns, and nothing else.

Parsed by Python's `ast`, then allowed node by node: numbers, text in comparisons, names, ``+ - * / **``,
comparisons, ``in``, ``and or not``, ``x if test else y``, ``table[key]``, and the functions below. An
expression is evaluated for many people at once; everything is a numpy column.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.errors import KnowledgeError

if TYPE_CHECKING:
    import numpy.typing as npt

    Column = npt.NDArray[Any]
    Columns = Mapping[str, Column]
    Step = Callable[[Columns], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A checked expression: its text, the names it reads, and the function that evaluates it."""

    text: str
    names: frozenset[str]
    evaluate: Step


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """The expression written as `text`.

    Raises
    ------
    KnowledgeError
        It is not an expression of this language.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise KnowledgeError(f"'{text}' is not an expression.") from None
    step = _step(tree, text)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = frozenset(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called
    )
    return Expression(text=text, names=names, evaluate=step)


def is_missing(column: Column) -> npt.NDArray[np.bool_]:
    """Where a column has no value: NaN, or None in columns of text."""
    if column.dtype == object:
        return np.array([value is None for value in column], dtype=bool)
    return np.asarray(np.isnan(column))


def _step(node: ast.expr, text: str) -> Step:
    make = _MAKERS.get(type(node))
    if make is None:
        raise KnowledgeError(
            f"'{text}' uses {type(node).__name__}, which score files may not. "
            "Use numbers, names, arithmetic, comparisons and the functions of expressions.py."
        )
    return make(node, text)


def _constant(node: Any, text: str) -> Step:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise KnowledgeError(f"'{text}' has a constant that is neither a number nor text.")
    return lambda _: value


def _name(node: Any, text: str) -> Step:
    name = node.id

    def read(columns: Columns) -> Any:
        if name not in columns:
            raise KnowledgeError(f"'{text}' reads '{name}', which nothing before it defines.")
        return columns[name]

    return read


def _binary(node: Any, text: str) -> Step:
    operation = _ARITHMETIC.get(type(node.op))
    if operation is None:
        raise KnowledgeError(f"'{text}' uses an operator that score files may not.")
    left, right = _step(node.left, text), _step(node.right, text)
    return lambda columns: operation(left(columns), right(columns))


def _unary(node: Any, text: str) -> Step:
    operand = _step(node.operand, text)
    if isinstance(node.op, ast.USub):
        return lambda columns: -_number(operand(columns))
    if isinstance(node.op, ast.Not):
        return lambda columns: np.logical_not(operand(columns))
    raise KnowledgeError(f"'{text}' uses an operator that score files may not.")


def _boolean(node: Any, text: str) -> Step:
    steps = [_step(value, text) for value in node.values]
    join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
    return lambda columns: join.reduce([_truth(step(columns), columns) for step in steps])


def _compare(node: Any, text: str) -> Step:
    steps = [_step(node.left, text)]
    operations = []
    for operator, comparator in zip(node.ops, node.comparators, strict=True):
        if isinstance(operator, ast.In):
            return _membership(node, text)
        if type(operator) not in _COMPARISONS:
            raise KnowledgeError(f"'{text}' uses a comparison that score files may not.")
        operations.append(_COMPARISONS[type(operator)])
        steps.append(_step(comparator, text))

    def compare(columns: Columns) -> Any:
        values = [step(columns) for step in steps]
        pairs = zip(operations, values[:-1], values[1:], strict=True)
        return np.logical_and.reduce([operation(a, b) for operation, a, b in pairs])

    return compare


def _membership(node: Any, text: str) -> Step:
    choices = node.comparators[0]
    if len(node.ops) != 1 or not isinstance(choices, (ast.Tuple, ast.List)):
        raise KnowledgeError(f"'{text}': `in` takes a list of constants.")
    allowed = [_step(element, text)({}) for element in choices.elts]
    left = _step(node.left, text)

    def contains(columns: Columns) -> Any:
        value = left(columns)
        return np.logical_or.reduce([value == each for each in allowed])

    return contains


def _conditional(node: Any, text: str) -> Step:
    test, yes, no = (_step(part, text) for part in (node.test, node.body, node.orelse))
    return lambda columns: np.where(test(columns), yes(columns), no(columns))


def _call(node: Any, text: str) -> Step:
    name = node.func.id if isinstance(node.func, ast.Name) else None
    if name is None or name not in FUNCTIONS or node.keywords:
        raise KnowledgeError(
            f"'{text}' calls what is no function here. Functions: {', '.join(sorted(FUNCTIONS))}."
        )
    function = FUNCTIONS[name]
    steps = [_step(argument, text) for argument in node.args]
    return lambda columns: function(*(step(columns) for step in steps))


def _lookup(node: Any, text: str) -> Step:
    if not isinstance(node.value, ast.Name):
        raise KnowledgeError(f"'{text}' looks up in what is no table.")
    table_step, key_step = _step(node.value, text), _step(node.slice, text)

    def look_up(columns: Columns) -> Any:
        table: Any = table_step(columns)
        if not isinstance(table, Mapping):
            raise KnowledgeError(f"'{text}': '{node.value.id}' is no table of this file.")
        return np.array([table.get(_key(key), np.nan) for key in np.atleast_1d(key_step(columns))])

    return look_up


def _key(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _number(value: Any) -> Any:
    return value.astype(float) if isinstance(value, np.ndarray) and value.dtype == bool else value


def _truth(value: Any, columns: Columns) -> Any:
    del columns
    return np.asarray(value, dtype=bool)


def _smallest(*values: Any) -> Any:
    found = values[0]
    for value in values[1:]:
        found = np.minimum(found, value)
    return found


def _largest(*values: Any) -> Any:
    found = values[0]
    for value in values[1:]:
        found = np.maximum(found, value)
    return found


def _has(sets: Column, member: str) -> Column:
    return np.array([each is not None and member in each for each in sets], dtype=bool)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ln": np.log,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "abs": np.abs,
    "min": _smallest,
    "max": _largest,
    "missing": is_missing,
    "has": _has,
}

_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: _number(a) + _number(b),
    ast.Sub: lambda a, b: _number(a) - _number(b),
    ast.Mult: lambda a, b: _number(a) * _number(b),
    ast.Div: lambda a, b: _number(a) / _number(b),
    ast.Pow: lambda a, b: _number(a) ** _number(b),
}

_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}

_MAKERS: dict[type, Callable[[Any, str], Step]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.Call: _call,
    ast.Subscript: _lookup,
}
