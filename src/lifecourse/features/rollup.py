"""Codes rolled up: chapters and categories of ICD-10-CM, levels of ATC and whole codelists as columns of their own.

What the groups are is data, `rollup.yaml` and the codelists. A group is a word of the vocabulary beside the codes,
``icd10cm_category:E11`` or ``codelist:statin``, and counts the events of all its codes, also of those that stand for
them: a diagnosis in SNOMED counts in the chapter of the ICD-10-CM code that it was mapped to.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from lifecourse.base.errors import CodelistError, RecipeError
from lifecourse.base.yaml import Document, load_document
from lifecourse.schema.code import SEPARATOR, Codelist

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lifecourse.timeline.shard import CodeTable

HIERARCHIES = Path(__file__).parent / "rollup.yaml"
CODELIST = "codelist"
MARK = ":"


class Hierarchy(Document):
    """Groups of the codes of one system: by their first `length` characters, or as listed."""

    title: str
    system: str
    length: int | None = Field(default=None, ge=1)
    groups: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _of_one_kind(self) -> Hierarchy:
        if (self.length is None) != bool(self.groups):
            raise ValueError("a hierarchy has either a length or groups")
        return self

    def names(self, codes: CodeTable) -> set[str]:
        """The groups that the codes of a store can be in."""
        if self.length is None:
            return set(self.groups)
        start = f"{self.system}{SEPARATOR}"
        every = (name for names in (codes.codes, *codes.parents) for name in names)
        texts = (name.removeprefix(start) for name in every if name.startswith(start))
        return {text[: self.length] for text in texts if len(text) >= self.length}

    def beginnings(self, group: str) -> tuple[str, ...]:
        """What the codes of a group begin with; nothing for a group that is not there."""
        found = self.groups.get(group, "").split()
        if self.length is not None and len(group) == self.length:
            found = [group]
        return tuple(f"{self.system}{SEPARATOR}{text}" for text in found)


class _File(Document):
    source: str
    hierarchies: dict[str, Hierarchy]


@cache
def hierarchies() -> dict[str, Hierarchy]:
    """The hierarchies there are, by name."""
    return load_document(HIERARCHIES, _File, error=RecipeError).hierarchies


def words(asked: Iterable[str], codes: CodeTable) -> list[str]:
    """The words for all groups that `asked` (hierarchies, or ``codelist:NAME``) has in a store, sorted."""
    found: set[str] = set()
    for name in asked:
        if name.startswith(f"{CODELIST}{MARK}"):
            found.add(name)
        else:
            found |= {f"{name}{MARK}{group}" for group in hierarchies()[name].names(codes)}
    return sorted(found)


def check(asked: Iterable[str]) -> None:
    """Refuse what is neither a hierarchy nor a codelist.

    Raises
    ------
    ValueError
        One is not known; the message names those that are.
    """
    for name in asked:
        kind, _, inner = name.partition(MARK)
        try:
            known = name in hierarchies() or (kind == CODELIST and _codelist(inner) is not None)
        except CodelistError as unknown:
            raise ValueError(Exception.__str__(unknown)) from None
        if not known:
            raise ValueError(
                f"'{name}' rolls nothing up. There are {', '.join(sorted(hierarchies()))} and codelist:NAME"
            )


def meant_by(word: str) -> Codelist | None:
    """The codes of a group; None where the word is no group's."""
    kind, mark, inner = word.partition(MARK)
    if not mark:
        return None
    if kind == CODELIST:
        return _codelist(inner)
    if kind not in hierarchies():
        return None
    beginnings = hierarchies()[kind].beginnings(inner)
    return Codelist(name=word, prefixes=beginnings) if beginnings else None


def _codelist(name: str) -> Codelist:
    from lifecourse.vocab.codelists import codelist

    return codelist(name)


def is_code(word: str, codes: list[str]) -> int:
    """The place of `word` among the sorted `codes`; -1 where it is none of them."""
    place = bisect_left(codes, word)
    return place if place < len(codes) and codes[place] == word else -1
