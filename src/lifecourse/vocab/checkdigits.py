"""Check digits: what a mistyped or rounded code gives itself away by."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# The dihedral group D5, by rule: 0-4 are rotations, 5-9 reflections.
_PERIOD = 8
_SHIFT = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def verhoeff_holds(code: str) -> bool:
    """Whether the last digit of a SNOMED CT identifier is the check digit of the others.

    Verhoeff's scheme finds every single wrong digit and every swap of neighbours (J. Verhoeff, Error Detecting Decimal
    Codes, Mathematical Centre Tracts 29, Amsterdam 1969; SNOMED CT Release File Specification, "Check-digit").
    """
    check = 0
    for place, digit in enumerate(reversed(code)):
        shifted = int(digit)
        for _ in range(place % _PERIOD):
            shifted = _SHIFT[shifted]
        check = _product(check, shifted)
    return check == 0


def _product(a: int, b: int) -> int:
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5


def mod10_holds(code: str) -> bool:
    """Whether the digit after the hyphen of a LOINC code is the check digit of those before it.

    Modulus 10, every second digit from the right doubled (LOINC Users' Guide, appendix "Calculating mod 10 check
    digits"). Parts, answers and groups (LP, LA, LL, LG) are numbered by the same rule or by none: they pass.
    """
    number, _, check = code.partition("-")
    if not number.isdigit():
        return True
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return (10 - total % 10) % 10 == int(check)


CHECKS: dict[str, Callable[[str], bool]] = {"verhoeff": verhoeff_holds, "mod10": mod10_holds}
"""By the name that ``systems.yaml`` calls them."""
