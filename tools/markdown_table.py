"""Tables of pages that tools write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def table(
    lines: Iterable[Mapping[str, Any]],
    columns: Mapping[str, str],
    said: Callable[[Any], str] = str,
) -> str:
    """A row a line; `columns` has the heading of each key, `said` how a value reads."""
    head = f"| {' | '.join(columns.values())} |\n|{' --- |' * len(columns)}"
    rows = (f"| {' | '.join(said(line[name]) for name in columns)} |" for line in lines)
    return "\n".join([head, *rows])
