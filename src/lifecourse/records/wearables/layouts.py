"""The layouts of tables of readings that are known, read from YAML."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from lifecourse.base.yaml import Document, load_document

if TYPE_CHECKING:
    from collections.abc import Sequence


class Layout(Document):
    """Which columns of a table say whose reading, when, of what and how much."""

    name: str
    source: str
    time: str
    subject: str | None = None
    device: str | None = None
    measure: str | None = None
    value: str | None = None
    unit: str | None = None
    where: dict[str, str] = Field(default_factory=dict)
    values: dict[str, tuple[str, str]] = Field(default_factory=dict)
    words: dict[str, tuple[float, str]] = Field(default_factory=dict)

    def holds_for(self, columns: Sequence[str]) -> bool:
        """Whether a table with these columns is laid out so."""
        told = (self.time, self.subject, self.measure, self.value, *self.where)
        needed = {name for name in told if name}
        return needed <= set(columns) and (not self.values or bool({*self.values} & {*columns}))

    def columns(self, there: Sequence[str]) -> list[str]:
        """Its columns that are there, each once."""
        told = (self.time, self.subject, self.measure, self.value, self.unit, self.device)
        named = [name for name in (*told, *self.where, *self.values) if name]
        return [name for name in dict.fromkeys(named) if name in there]


class _Layouts(Document):
    version: str | float
    layouts: list[Layout]


@cache
def layouts() -> tuple[Layout, ...]:
    """The layouts that are known."""
    return tuple(load_document(Path(__file__).with_suffix(".yaml"), _Layouts).layouts)
