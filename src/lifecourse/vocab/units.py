"""Units: one spelling for each, the canonical one of a quantity, and how to get there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from pydantic import Field

from lifecourse.base.errors import UserError
from lifecourse.base.yaml import Document, load_document
from lifecourse.vocab.codelists import codelist

_SQUEEZED = re.compile(r"[\s_]+")
_EQUIVALENTS = re.compile(r"\b[munk]?eq\b")
_ANNOTATION = re.compile(r"\{[^{}]*\}")
_ELEMENT = re.compile(r"([A-Z][a-z]?)([0-9]*)")


class Quantity(Document):
    """A quantity's canonical unit and what it takes to convert others to it."""

    unit: str
    si: str
    possible: tuple[float, float]
    substance: str | None = None
    charge: int | None = None
    only: tuple[str, ...] = ()
    affine: dict[str, tuple[float, float]] = Field(default_factory=dict)
    accepts: tuple[str, ...] = ()
    native: dict[str, str] = Field(default_factory=dict)


class _File(Document):
    version: str | float
    source: str
    atomic_weights: dict[str, float]
    in_any_case: tuple[str, ...]
    spellings: dict[str, tuple[str, ...]]
    absent: tuple[str, ...]
    quantities: dict[str, Quantity]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What takes a value to another unit: value x `factor` + `offset`."""

    factor: float = 1.0
    offset: float = 0.0

    def __call__(self, value: float) -> float:
        """The converted value."""
        return value * self.factor + self.offset


SAME = Conversion()


def canonical_unit(code: str) -> str | None:
    """The canonical unit of the quantity that `code` measures; None where we know none."""
    quantity = quantity_of(code)
    return None if quantity is None else quantities()[quantity].unit


def possible_range(code: str) -> tuple[float, float] | None:
    """The least and greatest value of `code` that a living person can have, in its canonical unit, ends included."""
    quantity = quantity_of(code)
    return None if quantity is None else quantities()[quantity].possible


def quantity_of(code: str) -> str | None:
    """The quantity (a codelist's name) that `code` measures; None where we know none."""
    return _by_code().get(code)


@lru_cache(maxsize=8192)
def tidy_unit(unit: str | None) -> str | None:
    """`unit` in UCUM's spelling where we know it, else as it is; None where the source says there is none."""
    if unit is None:
        return None
    stripped = unit.strip()
    if stripped in known_units():
        return stripped
    squeezed = _SQUEEZED.sub("", stripped.lower())
    if squeezed in _absent():
        return None
    return _spellings().get(squeezed, stripped)


@lru_cache(maxsize=8192)
def to_canonical(code: str, unit: str | None) -> Conversion | None:
    """The conversion of values of `code` in `unit` to the code's canonical unit; None where there is none.

    Without a unit the one that the code implies is assumed (``LOINC//59261-8`` is in mmol/mol), else the
    canonical one.
    """
    name = quantity_of(code)
    if name is None:
        return None
    quantity = quantities()[name]
    tidied = tidy_unit(unit) or quantity.native.get(code.rsplit("//", 1)[-1])
    return _conversion(quantity, tidied)


def convert(value: float, code: str, from_unit: str, to_unit: str) -> float:
    """`value` of the quantity that `code` measures, from one unit to another.

    Raises
    ------
    UserError
        The code has no known quantity, or one of the units is not one of its.
    """
    name = quantity_of(code)
    if name is None:
        raise UserError(f"{code} is of no quantity that vocab/units.yaml knows. Add it there.")
    quantity = quantities()[name]
    there = _conversion(quantity, tidy_unit(from_unit))
    back = _conversion(quantity, tidy_unit(to_unit))
    if there is None or back is None:
        wrong = from_unit if there is None else to_unit
        raise UserError(
            f"'{wrong}' is not a unit of {name}, whose canonical unit is {quantity.unit}."
        )
    return (there(value) - back.offset) / back.factor


def si(code: str) -> tuple[str, float, float]:
    """What shows values of `code` in SI units: (unit, factor, offset) from the canonical unit.

    Raises
    ------
    UserError
        The code has no known quantity.
    """
    name = quantity_of(code)
    if name is None:
        raise UserError(f"{code} is of no quantity that vocab/units.yaml knows. Add it there.")
    quantity = quantities()[name]
    back = _conversion(quantity, quantity.si) or SAME
    return quantity.si, 1.0 / back.factor, -back.offset / back.factor


@lru_cache(maxsize=256)
def between(quantity: str, to_unit: str) -> float:
    """The factor that takes a canonical value of `quantity` to `to_unit`; 1 for quantities we do not know.

    Raises
    ------
    UserError
        There is no such factor.
    """
    known = quantities().get(quantity)
    if known is None or to_unit == known.unit:
        return 1.0
    back = _conversion(known, tidy_unit(to_unit))
    if back is None or back.offset != 0.0:
        raise UserError(f"{quantity} in {known.unit} does not become {to_unit} by a factor.")
    return 1.0 / back.factor


@cache
def quantities() -> dict[str, Quantity]:
    """All quantities by name; each is also a codelist."""
    return _file().quantities


def _conversion(quantity: Quantity, unit: str | None) -> Conversion | None:
    if unit is None or unit == quantity.unit or unit in quantity.accepts:
        return SAME
    plain = _ANNOTATION.sub("", unit)
    if plain in quantity.affine:
        factor, offset = quantity.affine[plain]
        return Conversion(factor=factor, offset=offset)
    if quantity.only and plain not in quantity.only:
        return None
    charge = 1
    if _EQUIVALENTS.search(unit):
        if quantity.charge is None:
            return None
        charge = quantity.charge
    from lifecourse.vocab.ucum import line_between

    mass = None if quantity.substance is None else molar_mass(quantity.substance)
    line = line_between(unit, quantity.unit, mass)
    # An equivalent is a mole of charges: of an ion with two, half a mole of it.
    return None if line is None else Conversion(factor=line[0] / charge, offset=line[1])


@cache
def molar_mass(formula: str) -> float:
    """Grams in a mole of the substance with that formula (``C6H12O6``), from standard atomic weights."""
    weights = _file().atomic_weights
    return sum(weights[element] * int(number or 1) for element, number in _ELEMENT.findall(formula))


@cache
def _file() -> _File:
    return load_document(Path(__file__).with_suffix(".yaml"), _File)


@cache
def known_units() -> frozenset[str]:
    """Every unit we spell, in UCUM's way."""
    canonical = (unit for each in quantities().values() for unit in (each.unit, each.si))
    return frozenset({*canonical, *_file().in_any_case, *_file().spellings})


@cache
def _absent() -> frozenset[str]:
    return frozenset(_SQUEEZED.sub("", word) for word in _file().absent)


@cache
def _spellings() -> dict[str, str]:
    found = {_SQUEEZED.sub("", unit.lower()): unit for unit in known_units()}
    for unit, written in _file().spellings.items():
        found |= {_SQUEEZED.sub("", word.lower()): unit for word in written}
    return found


@cache
def _by_code() -> dict[str, str]:
    return {code: name for name in quantities() for code in codelist(name).exact}
