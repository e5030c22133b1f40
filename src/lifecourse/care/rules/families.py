"""Rules that differ in their facts alone: a template, and a table with a row for each of them.

``families/<name>.yaml`` is a rule with ``$column`` where a row's cell goes; ``families/<name>.csv`` has the rows. A key
whose whole value is an empty cell is left out. Columns named ``column[]`` hold lists, parted by ``;``.
"""

from __future__ import annotations

import csv
from string import Template
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import KnowledgeError
from lifecourse.base.shipped import read_shipped
from lifecourse.base.trees import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LIST = "[]"
ABSENT = object()


def expanded(template: Path) -> Iterator[tuple[str, Any]]:
    """Where each rule of the family of `template` is written, and the rule as a plain tree.

    Raises
    ------
    KnowledgeError
        The template names a column that the table has not, or there is no table.
    """
    tree = load_yaml(
        read_shipped(template, KnowledgeError), where=template.name, error=KnowledgeError
    )
    table = template.with_suffix(".csv")
    if not table.is_file():
        raise KnowledgeError(f"{template.name} has no table {table.name} beside it. Write one.")
    lines = read_shipped(table, KnowledgeError).splitlines()
    rows = csv.DictReader(line for line in lines if line and not line.startswith("#"))
    for number, row in enumerate(rows, start=1):
        where = f"{table.name}, row {number}"
        if None in row or None in row.values():
            raise KnowledgeError(
                f"{where} has not as many cells as the head. Quote those with commas."
            )
        yield where, _filled(tree, dict(_cells(row)), where)


def _cells(row: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name, text in row.items():
        if name.endswith(LIST):
            yield (
                name.removesuffix(LIST),
                [part.strip() for part in text.split(";") if part.strip()],
            )
        else:
            yield name, _value(text.strip())


def _value(text: str) -> Any:
    if not text:
        return ABSENT
    try:
        return float(text)
    except ValueError:
        return text


def _filled(tree: Any, cells: Mapping[str, Any], where: str) -> Any:
    """The tree with the cells of a row in the places of their names."""
    if isinstance(tree, dict):
        filled = {
            _filled(key, cells, where): _filled(value, cells, where) for key, value in tree.items()
        }
        return {key: value for key, value in filled.items() if value is not ABSENT}
    if isinstance(tree, list):
        return [part for each in tree if (part := _filled(each, cells, where)) is not ABSENT]
    if not isinstance(tree, str) or "$" not in tree:
        return tree
    name = tree[1:]
    if tree[0] == "$" and name in cells:
        return cells[name]
    words = {key: _word(value) for key, value in cells.items()}
    try:
        return Template(tree).substitute(words)
    except (KeyError, ValueError) as wrong:
        raise KnowledgeError(
            f"{where}: the template asks for {wrong}, which no column is."
        ) from None


def _word(value: Any) -> str:
    if value is ABSENT:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return " or ".join(value) if isinstance(value, list) else str(value)
