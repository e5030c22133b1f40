"""SMART on FHIR scopes, version 2: what an access token was given for, by the published grammar and nothing else.

``patient/Observation.rs?category=laboratory`` is a level, a resource type, what may be done with it and a filter
(HL7 SMART App Launch 2.2, "Scopes for requesting FHIR resources"). What does not fit the grammar gives nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import quote_plus, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["patient", "user", "system"]
LEVELS = get_args(Level)
INTERACTIONS = "cruds"
"""Create, read, update, delete, search; a scope names those it gives, in this order."""
EVERY_RESOURCE = "*"
LONGEST = 16_384
"""Characters of all scopes of a token; more is no scope of ours."""

SCOPE = re.compile(
    r"(?P<level>patient|user|system)/(?P<resource>\*|[A-Z][A-Za-z]{1,63})\.(?P<may>c?r?u?d?s?)"
    r"(?:\?(?P<query>[^\s?]+))?"
)
# A parameter, perhaps with a modifier or a chain, is not empty and does not name what is outside the resource.
PARAMETER = re.compile(r"(?P<name>[a-z][a-z-]{0,63})=(?P<value>[^\s=&]{1,1000})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One scope: at this level, these interactions with this type, of resources that match every filter.

    level : ``patient`` (the one in context), ``user`` (whom the user may see) or ``system`` (no user)
    resource : a FHIR type, or ``*``
    interactions : a subset of ``cruds``
    filters : (search parameter, value) pairs, all of which must match; a value with commas is any of its parts
    """

    level: Level
    resource: str
    interactions: frozenset[str]
    filters: tuple[tuple[str, str], ...] = ()

    def allows(self, resource: str, interaction: str) -> bool:
        """Whether it gives `interaction` (of ``cruds``) with a type; filters are left to who holds the resources."""
        return interaction in self.interactions and self.resource in (EVERY_RESOURCE, resource)

    def covers(self, other: Scope) -> bool:
        """Whether all that `other` gives is given here too."""
        return (
            self.level == other.level
            and self.resource in (EVERY_RESOURCE, other.resource)
            and other.interactions <= self.interactions
            and set(self.filters) <= set(other.filters)
        )

    def __str__(self) -> str:
        may = "".join(letter for letter in INTERACTIONS if letter in self.interactions)
        query = "&".join(f"{name}={quote_plus(value, safe='/:|,')}" for name, value in self.filters)
        return f"{self.level}/{self.resource}.{may}" + (f"?{query}" if query else "")


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """The scopes on resources in the space-separated `text`, each once.

    Launch and identity scopes (``openid``, ``launch``, ``offline_access``) give no resource, and neither does what
    cannot be parsed, version 1 scopes among it.
    """
    if len(text) > LONGEST:
        return ()
    found = (parse_scope(word) for word in text.split(" "))
    return tuple(dict.fromkeys(scope for scope in found if scope is not None))


def parse_scope(word: str) -> Scope | None:
    """One scope; None where it is no SMART scope of version 2."""
    match = SCOPE.fullmatch(word)
    if match is None or not match["may"]:
        return None
    filters = _filters(match["query"])
    if filters is None:
        return None
    level: Level = next(name for name in LEVELS if name == match["level"])
    return Scope(
        level=level,
        resource=match["resource"],
        interactions=frozenset(match["may"]),
        filters=filters,
    )


def _filters(query: str | None) -> tuple[tuple[str, str], ...] | None:
    if query is None:
        return ()
    pairs = [PARAMETER.fullmatch(part) for part in query.split("&")]
    if any(pair is None for pair in pairs):
        return None
    return tuple(sorted((pair["name"], unquote_plus(pair["value"])) for pair in pairs if pair))


def allowing(scopes: Iterable[Scope], resource: str, interaction: str) -> tuple[Scope, ...]:
    """Those of `scopes` that give `interaction` with a type; what is given is the union of what each lets through."""
    return tuple(scope for scope in scopes if scope.allows(resource, interaction))
