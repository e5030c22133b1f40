"""CodeableConcepts as code strings: the preferred coding of a fact."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lifecourse.schema.code import SEPARATOR
from lifecourse.vocab.systems import system_of_uri, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

CONDITIONS = ("SNOMED", "ICD10CM", "ICD10", "ICD9CM")
DRUGS = ("RxNorm", "NDC", "ATC", "SNOMED")
MEASUREMENTS = ("LOINC", "SNOMED")
PROCEDURES = ("SNOMED", "CPT4", "HCPCS", "ICD10PCS")
VACCINES = ("CVX", "NDC", "SNOMED")
ANY: tuple[str, ...] = ()


def system_prefix(uri: str | None) -> str:
    """Our prefix of a coding system; a local system's last word where we do not know it."""
    if not uri:
        return "LOCAL"
    known = system_of_uri(uri)
    if known:
        return known
    words = re.findall(r"[A-Za-z0-9_.-]+", uri)
    return words[-1] if words else "LOCAL"


def coded(concept: Any, preferred: Sequence[str]) -> tuple[str, str | None] | None:
    """Code string and display of `concept` by its preferred coding; None where it has no code."""
    if not isinstance(concept, dict):
        return None
    best: tuple[int, str, str | None] | None = None
    for coding in concept.get("coding") or ():
        if not isinstance(coding, dict) or not coding.get("code"):
            continue
        system = system_prefix(coding.get("system"))
        rank = preferred.index(system) if system in preferred else len(preferred)
        if best is None or rank < best[0]:
            code = f"{system}{SEPARATOR}{tidy(system, str(coding['code']))}"
            best = (rank, code, coding.get("display") or concept.get("text"))
    return None if best is None else best[1:]


def named(concept: Any, preferred: Sequence[str], kind: str) -> tuple[str, str | None] | None:
    """As `coded`; a concept in words alone is ``TEXT//<kind>`` with the words as text."""
    found = coded(concept, preferred)
    if found is None and isinstance(concept, dict) and concept.get("text"):
        return f"TEXT{SEPARATOR}{kind}", str(concept["text"])
    return found


def first_code(concept: Any) -> str | None:
    """The bare code of the first coding, else the words as one: for statuses, which FHIR binds to one system."""
    for coding in (concept or {}).get("coding") or ():
        if coding.get("code"):
            return str(coding["code"])
    words = (concept or {}).get("text")
    return "-".join(str(words).lower().split()) if words else None
