"""Conversions between UCUM units, by ucumvert (UCUM's grammar) and Pint (dimensions and factors).

Loaded when a value comes in another unit than the canonical one of its quantity, and this machine has not seen the two
together before: the libraries take 0.6 s of processor time.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any

from lifecourse.base.remembering import remembered

# A line's slope is told from two points so far apart that what they add to it is below the last digit.
_FAR = 2.0**30
WORTH_REMEMBERING = 40
"""Characters of a unit; longer texts are rarely units, and there may be any number of them."""


@lru_cache(maxsize=4096)
def is_ucum(unit: str) -> bool:
    """Whether `unit` is written as UCUM writes units (case matters)."""
    return _parsed(unit) is not None


@lru_cache(maxsize=4096)
def line_between(
    unit: str, to_unit: str, grams_per_mole: float | None = None
) -> tuple[float, float] | None:
    """The factor and offset that take a value in `unit` to `to_unit`; None where nothing does.

    grams_per_mole : of the substance, where one unit is of mass and the other of amount of substance
    """
    if max(len(unit), len(to_unit)) > WORTH_REMEMBERING:
        return _line(unit, to_unit, grams_per_mole)
    question = repr((*_libraries(), unit, to_unit, grams_per_mole))
    line = remembered("units", question, lambda: _line(unit, to_unit, grams_per_mole))
    return None if line is None else (line[0], line[1])


@cache
def _libraries() -> tuple[str, str]:
    return version("ucumvert"), version("pint")


def _line(unit: str, to_unit: str, grams_per_mole: float | None) -> tuple[float, float] | None:
    here, there = _parsed(unit), _parsed(to_unit)
    if here is None or there is None:
        return None
    from pint import DimensionalityError, OffsetUnitCalculusError

    for mole in _moles(grams_per_mole):
        try:
            start, end = (_in(here, value, there, mole) for value in (0.0, _FAR))
        except (DimensionalityError, OffsetUnitCalculusError):
            continue
        return _rounded((end - start) / _FAR), _rounded(start)
    return None


def _in(here: Any, value: float, there: Any, mole: Any) -> float:
    # `value * here` would be refused for degrees: an absolute temperature is no multiple of anything.
    held = _registry().Quantity(value * here.magnitude, here.units)
    if mole is not None:
        held = held * mole
    return float(held.to(there.units).magnitude / there.magnitude)


def _rounded(number: float) -> float:
    """Without what adding and taking away left in the last digit: a pound is 0.45359237 kg."""
    return float(f"{number:.14g}") if abs(number) > 1e-12 else 0.0


def _moles(grams_per_mole: float | None) -> list[Any]:
    """Nothing first; then what takes moles to grams, and what takes grams to moles."""
    if grams_per_mole is None:
        return [None]
    mass = _registry().Quantity(grams_per_mole, "gram / mole")
    return [None, mass, 1.0 / mass]


@lru_cache(maxsize=4096)
def _parsed(unit: str) -> Any | None:
    from lark.exceptions import LarkError
    from pint import PintError
    from ucumvert import InvalidUcumError

    try:
        return _registry().from_ucum(unit)
    except (InvalidUcumError, LarkError, PintError, ValueError, AttributeError):
        return None


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()
