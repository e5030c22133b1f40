"""Code systems: our prefix for each, under whatever name a source has it, and the tidy form of its codes."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lifecourse.base.yaml import Document, load_document
from lifecourse.schema.code import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Callable

OID_URN = "urn:oid:"


class System(Document):
    """A code system as its file has it."""

    title: str
    uris: tuple[str, ...] = ()
    oids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    pattern: str
    tidy: str = "none"
    check: Literal["none", "verhoeff", "mod10"] = "none"


class _File(Document):
    systems: dict[str, System]


@cache
def systems() -> dict[str, System]:
    """All known systems by our prefix."""
    return load_document(Path(__file__).with_suffix(".yaml"), _File).systems


@lru_cache(maxsize=4096)
def system_of_uri(uri: str) -> str | None:
    """Our prefix of a FHIR system URI or an OID (``urn:oid:`` or bare); None where it is not known.

    A trailing slash, the case of the letters, https for http and a version after ``|`` do not matter.
    """
    return _by_uri().get(_plain_uri(uri))


@lru_cache(maxsize=4096)
def system_of_name(name: str) -> str | None:
    """Our prefix of a system's short name: ours, HL7 v2's (``SCT``) or OMOP's (``RxNorm Extension``)."""
    return _by_name().get(name.strip().lower())


@lru_cache(maxsize=65536)
def tidy(system: str, code: str) -> str:
    """The form `code` has in `system`: dots, leading zeros and case put right, spaces taken away.

    Codes that do not fit the system's pattern afterwards come back stripped and otherwise as they were.
    """
    stripped = code.strip()
    known = systems().get(system)
    if known is None:
        return stripped
    tidied = _TIDY[known.tidy](stripped)
    return tidied if re.fullmatch(known.pattern, tidied) else stripped


@lru_cache(maxsize=65536)
def is_wellformed(system: str, code: str) -> bool:
    """Whether `code`, as it is, has the form of `system`; True for systems we do not know."""
    known = systems().get(system)
    return known is None or re.fullmatch(known.pattern, code) is not None


def tidy_code(code: str) -> str:
    """A whole code string with each ``SYSTEM//CODE`` pair in it tidied: ``ICD10CM//E119`` -> ``ICD10CM//E11.9``."""
    parts = code.split(SEPARATOR)
    for place, part in enumerate(parts[:-1]):
        if part in systems():
            parts[place + 1] = tidy(part, parts[place + 1])
    return SEPARATOR.join(parts)


@cache
def _by_uri() -> dict[str, str]:
    found = {}
    for prefix, system in systems().items():
        for uri in (*system.uris, *system.oids):
            found[_plain_uri(uri)] = prefix
    return found


@cache
def _by_name() -> dict[str, str]:
    found = {}
    for prefix, system in systems().items():
        for name in (prefix, *system.names):
            found[name.lower()] = prefix
    return found


def _plain_uri(uri: str) -> str:
    plain = uri.strip().split("|", 1)[0].lower().rstrip("/")
    return plain.removeprefix(OID_URN).replace("https://", "http://", 1)


def _unchanged(code: str) -> str:
    return code


def _digits(code: str) -> str:
    return code.lstrip("0") or code


def _undotted(code: str) -> str:
    return code.upper().replace(".", "")


def _icd10(code: str) -> str:
    plain = _undotted(code).rstrip("-")
    return plain if len(plain) <= 3 else f"{plain[:3]}.{plain[3:]}"


def _icd9(code: str) -> str:
    category, dot, detail = code.upper().partition(".")
    if dot:
        return f"{category}.{detail}" if detail else category
    length = 4 if category.startswith("E") else 3
    # Lost zeros are not put back here: the code would no longer show that it is damaged (see damage.py).
    return category if len(category) <= length else f"{category[:length]}.{category[length:]}"


def _icd9_procedure(code: str) -> str:
    category, dot, detail = code.partition(".")
    if dot:
        return f"{category}.{detail}" if detail else category
    return category if len(category) <= 2 else f"{category[:2]}.{category[2:]}"


def _ndc(code: str) -> str:
    # 10-digit codes with hyphens are 4-4-2, 5-3-2 or 5-4-1; the short part gets the zero (FDA to HIPAA form).
    parts = code.split("-")
    if len(parts) == 3:
        return "".join(part.zfill(width) for part, width in zip(parts, (5, 4, 2), strict=True))
    if len(parts) == 2:
        return parts[0].zfill(5) + parts[1].zfill(4)
    return code


def _cvx(code: str) -> str:
    return code.zfill(2)


_TIDY: dict[str, Callable[[str], str]] = {
    "none": _unchanged,
    "upper": str.upper,
    "digits": _digits,
    "undotted": _undotted,
    "icd10": _icd10,
    "icd9": _icd9,
    "icd9proc": _icd9_procedure,
    "ndc": _ndc,
    "cvx": _cvx,
}
