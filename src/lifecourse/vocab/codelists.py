"""Named lists of codes, read from ``codelists/*.yaml``; scores, rules and phenotypes name these and no codes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from lifecourse.base.errors import CodelistError
from lifecourse.base.yaml import Document, load_document
from lifecourse.schema.code import SEPARATOR, Codelist
from lifecourse.vocab.ingredients import ingredients

FOLDER = Path(__file__).parent / "codelists"
ALLERGY = "ALLERGY//"
"""What stands before the substance that somebody is allergic to: they do not take it."""

# WHO's and Germany's ICD-10 have the same categories as the US modification, which refines them.
SHARE_ICD10_CATEGORIES = ("ICD10", "ICD10GM")
SENSITIVE = "sensitive_"
"""Starts the names of lists of what is protected beyond other records: they say who may see a code, no more."""
TOLD_BY_TEXT = ("ICD10CM", "ICD10", "ICD10GM", "ICD9CM", "ICD9Proc", "ATC")
"""Systems in which what is under a code begins with it; others need a vocabulary to tell."""


def _codes(value: object) -> tuple[str, ...]:
    """Codes written as a list, as text between spaces, or as a mapping to their display."""
    if isinstance(value, float):
        raise ValueError("write this code in quotes: as a number it loses its zeros")
    if isinstance(value, str):
        return tuple(value.split()) or ("",)
    if isinstance(value, int):
        return (str(value),)
    if isinstance(value, (list, tuple, dict)):
        return tuple(str(item) for item in value)
    raise ValueError("codes are a list, text or a mapping from code to display")


Codes = Annotated[tuple[str, ...], BeforeValidator(_codes)]
BySystem = dict[str, Codes]


class Answers(Document):
    """Answers to a coded question, or to several that ask the same; each matches after its question and alone."""

    question: Codes
    SNOMED: Codes = ()
    LOINC: Codes = ()

    def codes(self) -> frozenset[str]:
        """The answers as code strings."""
        alone = {f"SNOMED//{code}" for code in self.SNOMED} | {
            f"LOINC//{code}" for code in self.LOINC
        }
        asked = {f"{each}{SEPARATOR}{code}" for each in self.question for code in alone}
        return frozenset(alone | asked)


class Entry(Document):
    """One codelist as its file has it."""

    title: str
    source: str | None = None
    version: str | None = None
    exact: BySystem = Field(default_factory=dict)
    prefixes: BySystem = Field(default_factory=dict)
    excluded: BySystem = Field(default_factory=dict)
    descendants: BySystem = Field(default_factory=dict)
    whole: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    ingredients: tuple[str, ...] = ()
    allergy_to: tuple[str, ...] = ()
    answers: Answers | None = None


class File(Document):
    """A file of codelists; its source and version are those of every list that states none."""

    version: str | float
    source: str
    codelists: dict[str, Entry]


def names() -> list[str]:
    """The names of all codelists, sorted; every ingredient is one besides, under its own name."""
    return sorted(entries())


def is_known(name: str) -> bool:
    """Whether there is a codelist, or an ingredient, of that name."""
    return name in entries() or name in ingredients()


@cache
def codelist(name: str) -> Codelist:
    """The codelist called `name`, with the lists it includes.

    Raises
    ------
    CodelistError
        There is no such list; the message names the nearest.
    """
    exact, prefixes, excluded, regexes, descendants = _gathered(name)
    return Codelist(
        name=name,
        exact=frozenset(exact),
        prefixes=tuple(sorted(prefixes)),
        regexes=tuple(sorted(regexes)),
        excluded=tuple(sorted(excluded)),
        descendants=frozenset(descendants),
    )


@cache
def members(name: str) -> tuple[str, ...]:
    """The ingredients that the codelist `name` holds, with those of the lists it includes; none for other lists."""
    entry = _entry(name)
    inside = (each for included in entry.includes for each in members(included))
    return tuple(dict.fromkeys((*entry.ingredients, *inside)))


def describe(name: str) -> dict[str, str]:
    """Title, source and version of a codelist."""
    entry = _entry(name)
    return {"title": entry.title, "source": entry.source or "", "version": entry.version or ""}


@cache
def entries() -> dict[str, Entry]:
    """Every codelist as its file has it, with its file's source and version."""
    found: dict[str, Entry] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        file = load_document(path, File, error=CodelistError)
        for name, entry in file.codelists.items():
            if name in found:
                raise CodelistError(f"{path.name}: codelist '{name}' is defined twice.")
            stated = {
                "source": entry.source or file.source,
                "version": entry.version or str(file.version),
            }
            found[name] = entry.model_copy(update=stated)
    return found


def _entry(name: str) -> Entry:
    from difflib import get_close_matches

    found = entries().get(name) or _of_ingredient(name)
    if found is None:
        near = get_close_matches(name, entries(), n=3)
        advice = f"Nearest: {', '.join(near)}." if near else "`vocab.codelists.names()` lists them."
        raise CodelistError(f"there is no codelist '{name}'. {advice}")
    return found


@cache
def _of_ingredient(name: str) -> Entry | None:
    """Of one ingredient, which needs no entry of its own."""
    found = ingredients().get(name)
    if found is None:
        return None
    return Entry(
        title=name.replace("_", " ").capitalize(),
        source="RxNorm ingredient (NLM, public); ATC code (WHO)",
        version="",
        prefixes={"ATC": (found.atc,)},
        ingredients=(name,),
    )


def _gathered(name: str) -> tuple[set[str], set[str], set[str], set[str], set[str]]:
    entry = _entry(name)
    exact = {*entry.whole, *_strings(entry.exact)}
    if entry.answers is not None:
        exact |= entry.answers.codes()
    exact |= {f"RxNorm//{ingredients()[drug].rxnorm}" for drug in entry.ingredients}
    exact |= {f"{ALLERGY}RxNorm//{ingredients()[drug].rxnorm}" for drug in entry.allergy_to}
    descendants = set(_strings(entry.descendants))
    below = {s: c for s, c in entry.descendants.items() if s in TOLD_BY_TEXT}
    prefixes = {*_strings(entry.prefixes, shared=True), *_strings(below, shared=True)}
    excluded = set(_strings(entry.excluded, shared=True))
    regexes = set(entry.regexes)
    for included in entry.includes:
        for mine, theirs in zip(
            (exact, prefixes, excluded, regexes, descendants), _gathered(included), strict=True
        ):
            mine |= theirs
    return exact, prefixes, excluded, regexes, descendants


def _strings(by_system: BySystem, *, shared: bool = False) -> list[str]:
    found = []
    for system, codes in by_system.items():
        found += [f"{system}{SEPARATOR}{code}" for code in codes]
        if shared and system == "ICD10CM":
            found += [
                f"{other}{SEPARATOR}{code}" for other in SHARE_ICD10_CATEGORIES for code in codes
            ]
    return found
