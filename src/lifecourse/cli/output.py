"""Results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lifecourse.base.errors import LifecourseError
    from lifecourse.cli.command import Command

NAMING = frozenset({"subject_id", "subject"})
"""Numbers that name somebody: written as they are typed again."""
MOST_FAULTS = 8
SCALARS = frozenset({str, int, float, bool, type(None)})


def show_result(command: Command, result: Any, *, as_json: bool) -> None:
    """Write `result` to stdout as JSON or as text; None writes nothing."""
    if result is None:
        return
    if as_json:
        from lifecourse.base.files import to_json

        sys.stdout.write(to_json(result).decode())
    else:
        sys.stdout.write(command.text(result).rstrip("\n") + "\n")
    sys.stdout.flush()


def show_error(error: LifecourseError, *, as_json: bool) -> None:
    """Write `error` to stderr; with `as_json` also as an error object on stdout."""
    sys.stderr.write(f"{error}\n")
    if as_json:
        from lifecourse.base.files import to_json

        kind = type(error).__name__
        body = {"number": error.number, "kind": kind, "message": Exception.__str__(error)}
        sys.stdout.write(to_json({"error": body}).decode())


def show_fault(fault: BaseException) -> None:
    """Write to stderr where we went wrong: types and places, and no words of theirs, which may quote a record."""
    import traceback

    told: list[str] = []
    while fault is not None and len(told) < MOST_FAULTS:
        frames = "".join(traceback.format_list(traceback.extract_tb(fault.__traceback__)))
        told.insert(0, f"{frames}{type(fault).__name__}\n")
        after = fault.__cause__ or fault.__context__
        if after is None:
            break
        fault = after
    sys.stderr.write("Our mistake, not yours:\n" + "\nand then\n\n".join(told))
    sys.stderr.write("What the error itself said is not shown: it may quote a record.\n")


def facts(pairs: Mapping[str, Any]) -> str:
    """One ``name  value`` line for each of `pairs`, aligned; nested mappings are indented."""
    return "\n".join(_fact_lines(pairs, indent=0))


def _fact_lines(pairs: Mapping[str, Any], indent: int) -> Iterable[str]:
    width = max((len(str(name)) for name in pairs), default=0)
    for name, value in pairs.items():
        margin = " " * indent
        if isinstance(value, dict):
            yield f"{margin}{name}" + ("" if value else "  none")
            yield from _fact_lines(value, indent + 2)
        else:
            yield f"{margin}{name!s:<{width}}  {_said_of(str(name), value)}"


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """`rows` as aligned text under a line of column names; numbers to the right."""
    if not rows:
        return "(none)"
    names = list(columns or rows[0])
    cells = [[_said_of(name, row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells)) for i, name in enumerate(names)]
    numeric = [all(isinstance(row.get(name), int | float) for row in rows) for name in names]
    lines = [_line(names, widths, numeric), _line(["-" * w for w in widths], widths, numeric)]
    return "\n".join([*lines, *(_line(row, widths, numeric) for row in cells)])


def _line(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    aligned = zip(row, widths, numeric, strict=True)
    return "  ".join(c.rjust(w) if right else c.ljust(w) for c, w, right in aligned).rstrip()


def _said_of(name: str, value: Any) -> str:
    return str(value) if name in NAMING and type(value) is int else said(value)


def said(value: Any) -> str:
    """`value` as a person reads it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(said(item) for item in value) or "none"
    return str(value)


def three_places(value: float | None) -> str:
    """A measure such as an AUROC; "-" where it could not be had."""
    return said(None) if value is None else f"{value:.3f}"


def with_interval(found: Mapping[str, float | None]) -> str:
    """``value low high`` as one cell; "-" in place of what could not be had."""
    middle, low, high = (found[name] for name in ("value", "low", "high"))
    if low is None and high is None:
        return three_places(middle)
    return f"{three_places(middle)} ({three_places(low)} to {three_places(high)})"


def plainly(value: Any) -> Any:
    """`value` as dicts, lists and scalars: what JSON can say of a dataclass, table or object."""
    if type(value) in SCALARS:  # most values of a plan: asked first
        return value
    if hasattr(value, "to_dict"):
        return plainly(value.to_dict())
    if hasattr(value, "to_dicts"):
        return value.to_dicts()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(name): plainly(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plainly(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(plainly(item) for item in value)
    return _fields(value)


def _fields(value: Any) -> Any:
    from dataclasses import fields, is_dataclass
    from pathlib import Path

    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plainly(getattr(value, field.name)) for field in fields(value)}
    return str(value) if isinstance(value, Path) else value
