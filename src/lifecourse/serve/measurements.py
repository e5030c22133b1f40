"""What is drawn as a course: which codes, in which units, against which band. Read from data."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.yaml import Document, load_document
from lifecourse.figures.lanes import number
from lifecourse.vocab.codelists import codelist

if TYPE_CHECKING:
    from lifecourse.schema.code import Codelist


class Band(Document):
    """A reference range; an absent end is open, both ends belong to it."""

    low: float | None = None
    high: float | None = None


class Conversion(Document):
    """SI value = value x factor + offset."""

    unit: str
    factor: float
    offset: float = 0.0


class Measurement(Document):
    """A quantity that is drawn; `unit` is the store's canonical (US) one."""

    codelist: str
    title: str
    unit: str
    source: str
    band: Band | None = None
    si: Conversion | None = None

    @property
    def codes(self) -> Codelist:
        """The codes it is recorded under."""
        return codelist(self.codelist)

    @property
    def limits(self) -> tuple[float | None, float | None] | None:
        """The band in the canonical unit."""
        return (self.band.low, self.band.high) if self.band else None

    def in_us(self, value: float) -> str:
        """`value` with its US unit."""
        return f"{number(value)} {self.unit}"

    def in_si(self, value: float) -> str:
        """`value` with its SI unit; the same as US where both use one."""
        if self.si is None:
            return self.in_us(value)
        return f"{number(value * self.si.factor + self.si.offset)} {self.si.unit}"


class _File(Document):
    measurements: tuple[Measurement, ...]


@cache
def measurements() -> tuple[Measurement, ...]:
    """All measurements, in the order they are drawn."""
    return load_document(Path(__file__).with_suffix(".yaml"), _File).measurements
