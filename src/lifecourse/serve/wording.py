"""Numbers, units and names as a person reads them."""

from __future__ import annotations

import math
import re

UNITS = {
    "mL/min/{1.73_m2}": "mL/min/1.73 m²",
    "mm[Hg]": "mmHg",
    "kg/m2": "kg/m²",
    "10*3/uL": "10³/µL",
    "10*9/L": "10⁹/L",
    "/min": "per minute",
    "Cel": "°C",
    "1": "",
    "index": "",
}
ANNOTATION = re.compile(r"\{([^}]*)\}")


def percent(share: float | None) -> str:
    """A share between 0 and 1 in percent, with a digit after the point below 10 %."""
    if share is None or math.isnan(share):
        return "not known"
    value = 100 * share
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.1f} %"


def spelled(unit: str | None) -> str:
    """A UCUM unit as it is printed on a report."""
    if not unit:
        return ""
    return UNITS.get(unit) or ANNOTATION.sub(r"\1", UNITS.get(unit, unit)).replace("_", " ")


def capital(name: str) -> str:
    """A name of a file or field as a title."""
    words = name.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]
