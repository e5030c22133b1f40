"""The tree of an expression: what kinds of node there are, and what can be asked of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """Text, a number or a truth value."""

    value: str | float | bool


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or a date and time, as ISO 8601 writes it."""

    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """What a column says."""

    name: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Texts one after the other; missing where one of them is."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """`node` as another kind of value: a type's name, or a format with ``%``."""

    node: Node
    to: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function of values."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """``+ - * / ** == != < <= > >= and or not negate ?? @`` of one or two values."""

    sign: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`then` where `condition` holds, else `otherwise` (missing where None)."""

    condition: Node
    then: Node
    otherwise: Node | None


@dataclass(frozen=True, slots=True)
class Among:
    """Whether `node` is one of `values`."""

    node: Node
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether `node` is missing."""

    node: Node


@dataclass(frozen=True, slots=True)
class Pattern:
    """Whether `node` has a match of `regex`, or with `group` what that group of it matches."""

    regex: str
    node: Node
    group: int | None


@dataclass(frozen=True, slots=True)
class Slice:
    """Characters `start` (from 0) to `stop` (not included) of `node`; below 0 they count from its end."""

    node: Node
    start: int
    stop: int | None


Node: TypeAlias = (
    Literal | Moment | Column | Joined | Cast | Call | Operation | Choice | Among | Missing
    | Pattern | Slice
)  # fmt: skip


def cell(name: str) -> str:
    """What a table's column is called while its rows are read: never as one of the columns that reading adds."""
    return f"${name}"


def columns_of(node: Node) -> set[str]:
    """The names of the columns that `node` looks at."""
    if isinstance(node, Column):
        return {node.name}
    return set().union(*(columns_of(child) for child in children_of(node)))


def children_of(node: Node) -> tuple[Node, ...]:
    """The nodes directly below `node`."""
    match node:
        case Joined(parts):
            return parts
        case Cast(inner, _) | Missing(inner) | Pattern(_, inner, _) | Slice(inner, _, _):
            return (inner,)
        case Call(_, arguments):
            return arguments
        case Operation(_, operands):
            return operands
        case Choice(condition, then, otherwise):
            return (condition, then) if otherwise is None else (condition, then, otherwise)
        case Among(inner, values):
            return (inner, *values)
        case _:
            return ()


def replaced(node: Node, stands_for: Mapping[str, Node]) -> Node:  # noqa: C901 -- a case a node
    """`node` with other nodes in the place of some columns, by their names."""

    def inner(child: Node) -> Node:
        return replaced(child, stands_for)

    match node:
        case Column(name):
            return stands_for.get(name, node)
        case Joined(parts):
            return Joined(tuple(inner(part) for part in parts))
        case Cast(child, to):
            return Cast(inner(child), to)
        case Call(name, arguments):
            return Call(name, tuple(inner(argument) for argument in arguments))
        case Operation(sign, operands):
            return Operation(sign, tuple(inner(operand) for operand in operands))
        case Choice(condition, then, otherwise):
            other = None if otherwise is None else inner(otherwise)
            return Choice(inner(condition), inner(then), other)
        case Among(child, values):
            return Among(inner(child), tuple(inner(value) for value in values))
        case Missing(child):
            return Missing(inner(child))
        case Pattern(regex, child, group):
            return Pattern(regex, inner(child), group)
        case Slice(child, start, stop):
            return Slice(inner(child), start, stop)
        case _:
            return node
