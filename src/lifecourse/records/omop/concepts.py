"""Codes of OMOP rows: the concept's own, else the source value where its form proves its system, else the id."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.yaml import Document, load_document
from lifecourse.vocab.systems import is_wellformed, system_of_name, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable

# OMOP gave the ICD-9-CM concepts these ids in one go (Athena); tells E and V codes from those of ICD-10-CM.
ICD9CM_CONCEPTS = range(44819000, 44839000)
LONGEST_SNOMED_ITEM = 18
FROM_CONCEPT, FROM_SOURCE, FROM_ID = "concept", "source value", "OMOP id"
NO_CONCEPT = "No matching concept"


class Standard(Document):
    """Concept ids that are understood without a CONCEPT table."""

    visits: dict[str, tuple[int, ...]]
    sexes: dict[int, str]
    races: dict[int, str]
    ethnicities: dict[int, str]
    units: dict[int, str]
    codes: dict[int, str]
    family_history: tuple[int, ...]

    def visit_kinds(self) -> dict[int, str]:
        """Concept id to our kind of visit."""
        return {concept: kind for kind, concepts in self.visits.items() for concept in concepts}


@cache
def standard() -> Standard:
    """The concept ids of `standard.yaml`."""
    return load_document(Path(__file__).with_name("standard.yaml"), Standard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """What a concept id stands for."""

    code: str
    name: str | None = None


class Concepts:
    """The CONCEPT table of a source, or as much as is known without one."""

    def __init__(self, parts: Iterable[pl.DataFrame] = ()) -> None:
        kept = [part.filter(pl.col("concept_id") != "0") for part in parts]
        empty = pl.DataFrame(schema=dict.fromkeys(_COLUMNS, pl.String))
        self._table = pl.concat([empty, *kept], how="vertical").with_columns(
            pl.col("concept_id").cast(pl.Int64, strict=False)
        )
        self._looked_up: dict[int, Concept | None] = {}

    def lookup(self, ids: Iterable[int]) -> dict[int, Concept]:
        """The concepts of those of `ids` that are known."""
        wanted = set(ids)
        self._look_up(wanted - self._looked_up.keys())
        found = ((i, self._looked_up[i]) for i in wanted)
        return {i: concept for i, concept in found if concept is not None}

    def named(self) -> pl.DataFrame:
        """What the source says the concepts mean that were looked up: ``code``, ``description``, ``parent_codes``."""
        said = {
            found.code: found.name
            for _, found in sorted(self._looked_up.items())
            if found is not None and found.name
        }
        schema = {
            "code": pl.String(),
            "description": pl.String(),
            "parent_codes": pl.List(pl.String()),
        }
        columns = {"code": list(said), "description": list(said.values())}
        return pl.DataFrame({**columns, "parent_codes": [None] * len(said)}, schema=schema)

    def _look_up(self, ids: set[int]) -> None:
        if not ids:
            return
        wanted = pl.Series("concept_id", list(ids), dtype=pl.Int64)
        rows = self._table.filter(pl.col("concept_id").is_in(wanted.implode())).rows()
        codes = standard().codes
        self._looked_up |= {i: Concept(code=codes[i]) if i in codes else None for i in ids}
        for concept, name, vocabulary, code in rows:
            if vocabulary and code:
                self._looked_up[concept] = Concept(code=_code(vocabulary, code), name=name)


_COLUMNS = ("concept_id", "concept_name", "vocabulary_id", "concept_code")


def _code(vocabulary: str, code: str) -> str:
    system = system_of_name(vocabulary)
    return f"{system}//{tidy(system, code)}" if system else f"{vocabulary.strip()}//{code.strip()}"


def choose_code(
    table: str,
    concept: int,
    source_concept: int,
    source_value: str | None,
    systems: tuple[str, ...],
    known: dict[int, Concept],
) -> tuple[str | None, str]:
    """The code of a row and where it is from; None where the row says nothing at all."""
    if concept in known:
        return known[concept].code, FROM_CONCEPT
    source = known.get(source_concept)
    if source is not None and system_of_name(source.code.split("//", 1)[0]) is not None:
        return source.code, FROM_CONCEPT
    value = (source_value or "").strip()
    system = system_of(value, source_concept, systems) if value else None
    if system is not None:
        return f"{system}//{tidy(system, value)}", FROM_SOURCE
    if concept:
        return f"OMOP//{concept}", FROM_ID
    if source_concept:
        return (source.code if source else f"OMOP//{source_concept}"), FROM_ID
    return (f"OMOP_SOURCE//{table}//{value}", FROM_SOURCE) if value else (None, FROM_ID)


def system_of(value: str, source_concept: int, systems: tuple[str, ...]) -> str | None:
    """The one of `systems` whose form `value` has, check digits included; None where none or it is unsure."""
    for system in systems:
        tidied = tidy(system, value)
        if is_wellformed(system, tidied) and _CHECKS[system](value.upper(), source_concept):
            return system
    return None


def _is_icd9cm(value: str, source_concept: int) -> bool:
    if value[0].isdigit():
        return "." in value or len(value) <= 5
    if value[0] == "V":
        return True  # ICD-10-CM has V only for transport accidents, with a letter or five characters or more
    # E876 is hypokalaemia in ICD-10-CM and a misadventure in ICD-9-CM: the dot or the concept tells.
    return value.find(".") == 4 or source_concept in ICD9CM_CONCEPTS


def _is_icd10cm(value: str, source_concept: int) -> bool:
    return source_concept not in ICD9CM_CONCEPTS


def _is_snomed(value: str, source_concept: int) -> bool:
    """SNOMED's partition (concepts only) and Verhoeff check digit (SNOMED CT Release File Specification 5.4)."""
    return value.isdigit() and value[-3:-1] in ("00", "10") and _verhoeff(value)


def _is_loinc(value: str, source_concept: int) -> bool:
    """LOINC's mod 10 check digit (LOINC Users' Guide, appendix C)."""
    body, _, check = value.partition("-")
    if not body.isdigit():
        return False
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return (10 - total % 10) % 10 == int(check)


def _is_ndc(value: str, source_concept: int) -> bool:
    return len(value.replace("-", "")) in (10, 11) and ("-" in value or len(value) == 11)


def _is_icd10pcs(value: str, source_concept: int) -> bool:
    return len(value) == 7 and not value.isdigit()


def _is_icd9proc(value: str, source_concept: int) -> bool:
    return len(value.replace(".", "")) in (3, 4)


def _is_anything(value: str, source_concept: int) -> bool:
    return True


_CHECKS = {
    "ICD9CM": _is_icd9cm,
    "ICD10CM": _is_icd10cm,
    "SNOMED": _is_snomed,
    "LOINC": _is_loinc,
    "NDC": _is_ndc,
    "ICD10PCS": _is_icd10pcs,
    "ICD9Proc": _is_icd9proc,
    "CPT4": _is_anything,
    "HCPCS": _is_anything,
}

_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _verhoeff(number: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = _PERMUTATION[value]
        check = _dihedral(check, value)
    return check == 0


def _dihedral(a: int, b: int) -> int:
    """The product in the symmetries of a pentagon: 0-4 turn it, 5-9 also flip it."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5
