"""Where somebody lived, as a code: ``ADDRESS//CA//Los Angeles``, ``ADDRESS//ZIP//90012``; other countries first.

An event with such a code lasts from when the address was told to its end; without a time it always held. Streets and
house numbers are never part of it.
"""

from __future__ import annotations

ADDRESS = "ADDRESS"
HOME_COUNTRIES = ("", "US", "USA", "UNITED STATES", "UNITED STATES OF AMERICA")
ZIP = "ZIP"
ZIP_LENGTH = 5


def address_codes(
    *,
    country: str | None = None,
    state: str | None = None,
    county: str | None = None,
    postal: str | None = None,
) -> list[str]:
    """The codes of an address: one by state and county where it tells the state, one by postal code.

    State and county stand as they are told, a five-digit county as FIPS code. Of a US postal code five digits are kept.
    """
    nation = _word(country)
    at_home = nation.upper() in HOME_COUNTRIES
    start = [ADDRESS] if at_home else [ADDRESS, nation]
    codes = []
    if _word(state) or _word(county):
        codes.append("//".join([*start, *(part for part in (_word(state), _word(county)) if part)]))
    if _word(postal):
        kept = _word(postal)[:ZIP_LENGTH] if at_home else _word(postal)
        codes.append("//".join([*start, ZIP, kept]))
    return codes


def _word(text: str | None) -> str:
    """Without what would break a code."""
    return " ".join((text or "").replace("//", "/").split())
