"""Pharmacogenes as data: the positions that tell their alleles, what each allele does, and what two of them mean."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLES = Path(__file__).parent / "tables"

OUTSIDE_ONLY = ("CYP2D6", "HLA-A", "HLA-B")
"""Genes that no positions tell: their calls come from elsewhere."""

# IUPAC letters for several bases: an allele that has one of them may carry any.
ANY_OF = {
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in the genome (GRCh38, 1-based, alleles of the plus strand as a VCF has them).

    spelled : other ways to write an allele, ``{"TA(7)": "CAT"}``
    """

    name: str
    chromosome: str
    position: int
    reference: str
    alternatives: tuple[str, ...]
    spelled: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAllele:
    """An allele: the bases that define it (`defined`, by position), its function and activity where they are assigned.

    A position that does not define it has the reference. `is_whole` alleles are defined by every position of the gene.
    """

    name: str
    defined: dict[str, frozenset[str]]
    is_reference: bool
    is_whole: bool
    core: str
    function: str | None
    activity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gene:
    """A pharmacogene; `phenotypes` by the functions of the two alleles, sorted."""

    name: str
    positions: dict[str, Position]
    alleles: tuple[NamedAllele, ...]
    phenotypes: dict[tuple[str, str], str]

    @property
    def reference(self) -> NamedAllele:
        """The allele that every other differs from."""
        return next(allele for allele in self.alleles if allele.is_reference)

    def place(self, name: str) -> int:
        """The place of an allele in the table; after the last for one that is not in it."""
        names = [allele.name for allele in self.alleles]
        return names.index(name) if name in names else len(names)


@cache
def genes() -> dict[str, Gene]:
    """All genes by name."""
    positions: dict[str, dict[str, Position]] = {}
    for row in _rows("positions"):
        spelled = dict(each.split("=") for each in row["spelled"].split())
        positions.setdefault(row["gene"], {})[row["name"]] = Position(
            name=row["name"],
            chromosome=row["chromosome"],
            position=int(row["position"]),
            reference=row["ref"],
            alternatives=tuple(row["alts"].split()),
            spelled=spelled,
        )
    alleles: dict[str, list[NamedAllele]] = {}
    for row in _rows("alleles"):
        alleles.setdefault(row["gene"], []).append(_allele(row))
    phenotypes: dict[str, dict[tuple[str, str], str]] = {}
    for row in _rows("phenotypes"):
        pair = (row["function"], row["other"])
        phenotypes.setdefault(row["gene"], {})[pair] = row["phenotype"]
    return {
        name: Gene(
            name=name,
            positions=positions.get(name, {}),
            alleles=tuple(alleles[name]),
            phenotypes=phenotypes.get(name, {}),
        )
        for name in alleles
    }


def _allele(row: dict[str, str]) -> NamedAllele:
    defined = (each.split("=") for each in row["defined"].split())
    return NamedAllele(
        name=row["allele"],
        defined={name: frozenset(ANY_OF.get(bases, [bases])) for name, bases in defined},
        is_reference=row["kind"] == "reference",
        is_whole=row["kind"] in ("reference", "whole"),
        core=row["core"] or row["allele"],
        function=row["function"] or None,
        activity=float(row["activity"]) if row["activity"] else None,
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))
