"""CodeableConcepts as code strings: the preferred coding of a fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.records.preferences import unknown_prefix
from lifecourse.schema.code import SEPARATOR
from lifecourse.vocab.systems import system_of_uri, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

Named = tuple[str, str | None]

_SEEN: dict[tuple[Any, ...], Named | None] = {}
"""Concepts of one coding, by what they say: a source repeats a few thousand of them all the time."""
MOST_SEEN = 65_536


def system_prefix(uri: Any) -> str:
    """Our prefix of a coding system; a local system's last word where we do not know it."""
    if not uri or not isinstance(uri, str):
        return "LOCAL"
    return system_of_uri(uri) or unknown_prefix(uri)


def coded(concept: Any, preferred: Sequence[str]) -> Named | None:
    """Code string and display of `concept` by its preferred coding; None where it has no code."""
    if type(concept) is not dict:
        return None
    codings = concept.get("coding")
    if type(codings) is not list:
        return None
    if len(codings) != 1:
        return _best(codings, concept, preferred)
    only = codings[0]
    if type(only) is not dict:
        return None
    says = (only.get("system"), only.get("code"), only.get("display"), concept.get("text"))
    try:
        return _SEEN[says]
    except KeyError:
        if len(_SEEN) >= MOST_SEEN:
            _SEEN.clear()
        found = _SEEN[says] = _best(codings, concept, preferred)
        return found
    except TypeError:  # a list or an object where a word should be
        return _best(codings, concept, preferred)


def _best(codings: list[Any], concept: dict[str, Any], preferred: Sequence[str]) -> Named | None:
    best: tuple[int, str, str | None] | None = None
    for coding in codings:
        code = word(coding.get("code")) if isinstance(coding, dict) else None
        if not code:
            continue
        system = system_prefix(coding.get("system"))
        rank = preferred.index(system) if system in preferred else len(preferred)
        if best is None or rank < best[0]:
            said = word(coding.get("display")) or word(concept.get("text"))
            best = (rank, f"{system}{SEPARATOR}{tidy(system, code)}", said)
    return None if best is None else best[1:]


def named(concept: Any, preferred: Sequence[str], kind: str) -> Named | None:
    """As `coded`; a concept in words alone is ``TEXT//<kind>`` with the words as text."""
    found = coded(concept, preferred)
    if found is None and isinstance(concept, dict):
        words = word(concept.get("text")) or _display(concept)
        if words:
            return f"TEXT{SEPARATOR}{kind}", words
    return found


def _display(concept: dict[str, Any]) -> str | None:
    """The words of the first coding that has some: codings without a code still name the thing."""
    codings = concept.get("coding")
    if not isinstance(codings, list):
        return None
    told = (word(coding.get("display")) for coding in codings if isinstance(coding, dict))
    return next((words for words in told if words), None)


def first_code(concept: Any) -> str | None:
    """The bare code of the first coding, else the words as one: for statuses, which FHIR binds to one system."""
    for coding in (concept or {}).get("coding") or ():
        if coding.get("code"):
            return str(coding["code"])
    words = (concept or {}).get("text")
    return "-".join(str(words).lower().split()) if words else None


def word(value: Any) -> str | None:
    """A text or number as text; None for what FHIR would not have there."""
    if type(value) is str:
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
