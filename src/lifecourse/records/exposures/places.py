"""Names of places, so that an address and a table mean the same county by them.

A place is a key: ``fips:06037``, ``county:CA/losangeles`` or ``zip:90012``.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.schema.address import ADDRESS, ZIP

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent
KIND = re.compile(
    r"\s+(city and borough|county|parish|borough|census area|municipality|municipio|planning region)$"
)
SAINT = re.compile(r"\bst\b\.?|\bsaint\b")
SAINTE = re.compile(r"\bste\b\.?|\bsainte\b")
FIPS_DIGITS = 5


def county_name(told: str) -> str:
    """``Saint John the Baptist Parish``, ``St. John the Baptist`` -> ``saintjohnthebaptist``; a city keeps ``city``."""
    plain = unicodedata.normalize("NFKD", told).encode("ascii", "ignore").decode().lower().strip()
    plain = SAINTE.sub("sainte", SAINT.sub("saint", KIND.sub("", plain)))
    return re.sub(r"[^a-z0-9]", "", plain)


def county_place(state: str, county: str) -> str:
    """The key of a county by its state (code or name) and its name, whatever it was called at the time."""
    code = _states().get(state.strip().lower(), state.strip().upper())
    name = county_name(county)
    renamed = _renamed().get((state.strip().upper(), name)) or _renamed().get((code, name)) or name
    return f"county:{code}/{renamed}"


def fips_place(fips: str) -> str:
    """The key of a county by its FIPS code, which spreadsheets take the leading zero from."""
    return f"fips:{fips.strip().removesuffix('.0').zfill(FIPS_DIGITS)}"


def zip_place(postal: str) -> str:
    """The key of a US postal code: five digits."""
    return f"zip:{postal.strip()[:5].zfill(5)}"


def place_of_code(code: str) -> str | None:
    """The place that an address code names; None for a state alone, and for what is no address."""
    parts = code.split("//")
    if parts[0] != ADDRESS:
        return None
    told = parts[1:]
    if len(told) == 2 and told[0] == ZIP:
        return zip_place(told[1])
    if told[-1].isdigit() and len(told[-1]) == FIPS_DIGITS:
        return fips_place(told[-1])
    return county_place(told[0], told[1]) if len(told) == 2 else None


@cache
def _states() -> dict[str, str]:
    return {row["name"].lower(): row["code"] for row in _rows("states.csv")}


@cache
def _renamed() -> dict[tuple[str, str], str]:
    return {(row["state"], row["found"]): row["today"] for row in _rows("renamed.csv")}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(line for line in lines if not line.startswith("#"))
