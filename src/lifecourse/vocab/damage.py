"""Codes that came to harm on the way: digits lost or mistyped, zeros dropped by a spreadsheet.

A damaged code stays in the store as the source wrote it, so that it can be counted; what it surely meant is one of its
``parent_codes`` (`mapping`), so that codelists find it all the same.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from lifecourse.schema.code import SEPARATOR
from lifecourse.vocab.checkdigits import CHECKS
from lifecourse.vocab.systems import is_wellformed, system_of_name, systems, tidy


class Damage(StrEnum):
    """What is wrong with a code."""

    LOST_ZEROS = "leading zeros lost"
    CHECK_DIGIT = "check digit wrong"
    FORM = "not in its system's form"


# By system: what is left of a code whose leading zeros are gone, and how long its first part was. Only forms that
# can be nothing else: an undotted ICD-9 '845' is the sprain 845 or 008.45 without its zeros, so it is left alone.
_SHORTENED = {
    "ICD9CM": (re.compile(r"([0-9]{1,2})(\.[0-9]{1,2})?"), 3),
    "ICD9Proc": (re.compile(r"([0-9])(\.[0-9]{1,2})?"), 2),
    "CPT4": (re.compile(r"([1-9][0-9]{2,3})()"), 5),
    "ICD10PCS": (re.compile(r"([1-9][0-9]{4,5})()"), 7),
}
# An NDC of digits alone that is shorter than its 11 digits has lost zeros or hyphens: which, it does not say.
_SHORT_NDC = re.compile(r"[0-9]{6,10}")

BEGIN_WITH_ZERO = {
    "ICD9CM": "infectious diseases, 001 to 009, and the rest of 001 to 099",
    "ICD9Proc": "operations 00 to 09",
    "ICD10PCS": "everything medical and surgical",
    "NDC": "the large makers of drugs",
}
"""Systems in which zero begins a share of any real data: none at all among many codes means that zeros are lost."""


@lru_cache(maxsize=65536)
def restored(system: str, code: str) -> str | None:
    """`code` with the leading zeros it lost; None where it lost none, or where it does not say which it was."""
    if system not in _SHORTENED:
        return None
    pattern, width = _SHORTENED[system]
    found = pattern.fullmatch(code)
    if found is None:
        return None
    return f"{found[1].zfill(width)}{found[2] or ''}"


@lru_cache(maxsize=65536)
def damage_of(system: str, code: str) -> Damage | None:
    """What is wrong with `code`; None where nothing is, and for systems we do not know."""
    if system not in systems():
        return None
    if restored(system, code) is not None or (system == "NDC" and _SHORT_NDC.fullmatch(code)):
        return Damage.LOST_ZEROS
    if not is_wellformed(system, code):
        return Damage.FORM
    check = CHECKS.get(systems()[system].check)
    return Damage.CHECK_DIGIT if check is not None and not check(code) else None


@lru_cache(maxsize=65536)
def damages_in(code: str) -> tuple[tuple[str, Damage], ...]:
    """What is wrong with a whole code string: the system and the damage of each ``SYSTEM//CODE`` in it.

    The forms that sources give ICD codes (``DIAGNOSIS//ICD//9//389``) are read as `mapping` reads them.
    """
    found = ((system, damage_of(system, plain)) for system, plain in coded_parts(code))
    return tuple((system, damage) for system, damage in found if damage is not None)


def coded_parts(code: str) -> tuple[tuple[str, str], ...]:
    """Each system that we know in a code string, with the tidy code that follows it."""
    parts = code.split(SEPARATOR)
    if parts[0] in ICD_HEADS and len(parts) >= 3:
        system, plain = _of_icd_form(parts)
        return () if system is None else ((system, tidy(system, plain)),)
    return tuple(
        (part, after) for part, after in pairwise(parts) if part in systems() and part != "UCUM"
    )


ICD_HEADS = ("DIAGNOSIS", "PROCEDURE")
_ICD_EDITIONS = {
    ("DIAGNOSIS", "9"): "ICD9CM",
    ("DIAGNOSIS", "10"): "ICD10CM",
    ("PROCEDURE", "9"): "ICD9Proc",
    ("PROCEDURE", "10"): "ICD10PCS",
}


def _of_icd_form(parts: list[str]) -> tuple[str | None, str]:
    """``DIAGNOSIS//ICD//9//4019``, ``PROCEDURE//ICD//10//0BCJ8ZZ`` and ``DIAGNOSIS//ICD10CM//E119``."""
    if parts[1] == "ICD" and len(parts) >= 4:
        return _ICD_EDITIONS.get((parts[0], parts[2])), parts[3]
    return system_of_name(parts[1]), parts[2]
