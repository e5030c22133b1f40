"""What devices measure, and the layouts of their tables, read from YAML."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lifecourse.base.yaml import Document, load_document
from lifecourse.vocab.units import convert

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).parent
BY_MOLAR_MASS = "by molar mass"
GLUCOSE = "glucose"
GLUCOSE_CODE = "LOINC//2345-7"
"""Whose molar mass `vocab.units` knows."""


class Measure(Document):
    """A measure: `unit` and factors to it of `units`; `limits` in it, inclusive; `edges` of ranges by unit.

    code : of single readings, where they are kept
    """

    words: list[str]
    unit: str
    units: dict[str, float | str]
    edges: dict[str, list[float]] = Field(default_factory=dict)
    limits: tuple[float, float]
    summary: Literal["sensor_glucose", "sum", "mean"]
    code: str

    def factor(self, unit: str) -> float | None:
        """What takes a number in `unit` to the measure's unit; None for a unit that is not one of its."""
        known = self.units.get(unit)
        if known == BY_MOLAR_MASS:
            return convert(1.0, GLUCOSE_CODE, unit, self.unit)
        return None if known is None else float(known)


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
        told = (self.time, self.subject, self.measure, self.value, self.unit, *self.where)
        needed = {name for name in told if name}
        return needed <= set(columns) and (not self.values or bool({*self.values} & {*columns}))

    def columns(self, there: Sequence[str]) -> list[str]:
        """Its columns that are there, each once."""
        told = (self.time, self.subject, self.measure, self.value, self.unit, self.device)
        named = [name for name in (*told, *self.where, *self.values) if name]
        return [name for name in dict.fromkeys(named) if name in there]


class _Measures(Document):
    version: str | float
    source: str
    measures: dict[str, Measure]


class _Layouts(Document):
    version: str | float
    layouts: list[Layout]


@cache
def measures() -> dict[str, Measure]:
    """The measures by name."""
    return load_document(FOLDER / "measures.yaml", _Measures).measures


@cache
def layouts() -> tuple[Layout, ...]:
    """The layouts that are known."""
    return tuple(load_document(FOLDER / "layouts.yaml", _Layouts).layouts)


@cache
def measure_named(word: str) -> str | None:
    """The measure that a file calls `word`; None for one that is not known."""
    plain = word.strip().lower()
    return next((name for name, each in measures().items() if plain in each.words), None)
