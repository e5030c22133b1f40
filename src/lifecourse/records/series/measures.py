"""What devices measure, read from YAML."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from lifecourse.base.yaml import Document, load_document
from lifecourse.vocab.codelists import codelist
from lifecourse.vocab.units import convert

FOLDER = Path(__file__).parent
BY_MOLAR_MASS = "by molar mass"
GLUCOSE = "glucose"
OF_CODELISTS = {"glucose": ("cgm_glucose",), "heart_rate": ("heart_rate",)}
"""Whose codes are of single readings of a measure."""
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


class _Measures(Document):
    version: str | float
    source: str
    measures: dict[str, Measure]


@cache
def measures() -> dict[str, Measure]:
    """The measures by name."""
    return load_document(FOLDER / "measures.yaml", _Measures).measures


@cache
def measure_named(word: str) -> str | None:
    """The measure that a file calls `word`; None for one that is not known."""
    plain = word.strip().lower()
    return next((name for name, each in measures().items() if plain in each.words), None)


@cache
def measure_coded(code: str) -> str | None:
    """The measure whose single readings have `code`; None for one that is not known."""
    found = {each.code: name for name, each in measures().items()}
    for name, codelists in OF_CODELISTS.items():
        found |= {other: name for listed in codelists for other in codelist(listed).exact}
    return found.get(code)
