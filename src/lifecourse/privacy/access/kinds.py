"""What kind of fact a code is, for policies: the FHIR types it may have come from, and its sensitivity labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.trees import load_shipped
from lifecourse.schema.code import SEPARATOR, Codelist
from lifecourse.schema.event import NOTED

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = Path(__file__).with_name("categories.yaml")
CODELISTS = {
    "substance_use": "sensitive_substance_use",
    "behavioural_health": "sensitive_behavioural_health",
    "hiv": "sensitive_hiv",
    "reproductive": "sensitive_reproductive",
}
"""By label, the codelist whose codes have it."""

ABOUT = ("ALLERGY", "FAMILY_HISTORY")
"""Come before the code of what somebody has an allergy to, or a relative has: as telling as the code itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Categories:
    """``categories.yaml``."""

    version: str | float
    source: str
    status: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]


@cache
def _file() -> Categories:
    return Categories(**load_shipped(FILE))


@cache
def _by_system() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for category, systems in _file().categories.items():
        for system in systems:
            found.setdefault(system, set()).add(category)
    return {system: frozenset(categories) for system, categories in found.items()}


OTHER = frozenset({"Other"})


def every_category() -> frozenset[frozenset[str]]:
    """All that `categories_of` may answer."""
    return frozenset({*_by_system().values(), OTHER})


def categories_of(names: Iterable[str]) -> frozenset[str]:
    """The FHIR types of a code, given as itself and what it stands for; ``Other`` where the first of them says none."""
    for name in names:
        parts = name.split(SEPARATOR)
        while len(parts) > 1 and parts[0] in _file().status:
            parts = parts[1:]
        found = _by_system().get(parts[0])
        if found is not None:
            return found
    return OTHER


def bare(name: str) -> str:
    """A code without what is said of it before: whether it happened, was planned, or is a relative's."""
    before = (*_file().status, *ABOUT)
    head, separator, rest = name.partition(SEPARATOR)
    while separator and head in before:
        name = rest
        head, separator, rest = name.partition(SEPARATOR)
    return name


def noted_labels(name: str) -> frozenset[str]:
    """The labels of what a note says: those of the codelist it names, where the two share a code."""
    if not name.startswith(NOTED):
        return frozenset()
    return _labels_of_codelist(name.rpartition(SEPARATOR)[2])


@cache
def _labels_of_codelist(name: str) -> frozenset[str]:
    from lifecourse.base.errors import CodelistError
    from lifecourse.vocab.codelists import codelist

    try:
        noted = codelist(name)
    except CodelistError:
        # A dictionary of the site's own: nobody knows what it means, so it may be anything.
        return frozenset(CODELISTS)
    return frozenset(
        label for label, listed in CODELISTS.items() if _overlap(noted, codelist(listed))
    )


def _overlap(one: Codelist, other: Codelist) -> bool:
    return _touches(one, other) or _touches(other, one)


def _touches(one: Codelist, other: Codelist) -> bool:
    named = {*one.exact, *one.prefixes, *one.descendants}
    if named & {*other.exact, *other.descendants}:
        return True
    return any(
        name.startswith(other.prefixes) and not name.startswith(other.excluded or ("\0",))
        for name in named
    )
