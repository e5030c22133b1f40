"""Codes and lists of codes.

A code is text of parts joined by ``//``: ``LOINC//4548-4``, ``ICD10CM//E11.9``, ``SNOMED//44054006``,
``RxNorm//860975``, ``SEX//female``. A coded answer follows its question: ``LOINC//72166-2//SNOMED//449868002``.
A fact that did not happen carries that first: ``NOT_DONE//SNOMED//73761001``, so no list of things that
happened ever matches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecourse.base.errors import CodelistError

if TYPE_CHECKING:
    from collections.abc import Sequence

SEPARATOR = "//"


@dataclass(frozen=True, slots=True, kw_only=True)
class Codelist:
    """A named set of codes across systems, with exact codes and prefixes.

    `exact` matches whole codes; `prefixes` match the start of a code (``ICD10CM//E11`` for E11 and all below
    it); `regexes` match anywhere, as ACES does. `excluded` takes prefixes away again.
    A code also matches when one of its mapped codes (``parent_codes`` in the store) does. `descendants` match codes
    that are one of these or a kind of it, as far as a vocabulary told when the code came in (``ancestor_codes``).
    """

    name: str
    exact: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    descendants: frozenset[str] = frozenset()
    everything: bool = False

    def __post_init__(self) -> None:
        """Refuse a list that can match nothing."""
        if not (self.exact or self.prefixes or self.regexes or self.descendants or self.everything):
            raise CodelistError(f"codelist '{self.name}' is empty. Give at least one code.")

    @property
    def named(self) -> tuple[str, ...]:
        """Every code and start of a code that is named, but the excluded."""
        return (*self.exact, *self.prefixes, *self.descendants)

    @property
    def systems(self) -> list[str]:
        """The code systems named, sorted."""
        return sorted({code.split(SEPARATOR, 1)[0] for code in self.named})


def codes(name: str, *exact: str) -> Codelist:
    """A codelist of exact codes."""
    return Codelist(name=name, exact=frozenset(exact))


def codelist_of(name: str, written: Sequence[str]) -> Codelist:
    """A codelist of codes as people write them: exact and, where they end in ``*``, prefixes."""
    return Codelist(
        name=name,
        exact=frozenset(code for code in written if not code.endswith("*")),
        prefixes=tuple(code[:-1] for code in written if code.endswith("*")),
    )


ANY_CODE = Codelist(name="any", everything=True)


def titled(code: str, title: str) -> str:
    """The title, with the code where the title does not begin with it: two systems may call different things alike."""
    system, _, value = code.partition(SEPARATOR)
    said = f"{system} {value}".strip().replace("_", " ")
    return title if title.startswith(value or system) else f"{title} ({said})"
