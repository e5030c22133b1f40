"""The positions that tell the alleles of pharmacogenes, and which of them a line of a VCF speaks of."""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lifecourse.records.genome.vcf import chromosome_of

POSITIONS = Path(__file__).parent / "positions.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A position of a pharmacogene on GRCh38: its rs number or place for a name, and the reference allele."""

    name: str
    gene: str
    position: int
    reference: str

    @property
    def last(self) -> int:
        """The last position of the reference allele."""
        return self.position + len(self.reference) - 1


@cache
def _by_chromosome() -> dict[str, list[Wanted]]:
    found: dict[str, list[Wanted]] = {}
    with POSITIONS.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            chromosome = chromosome_of(row["chromosome"])
            found.setdefault(chromosome, []).append(
                Wanted(
                    name=row["rsid"] or f"{chromosome}:{row['position']}",
                    gene=row["gene"],
                    position=int(row["position"]),
                    reference=row["reference"],
                )
            )
    return {name: sorted(each, key=lambda w: w.position) for name, each in found.items()}


@cache
def _places() -> dict[tuple[str, int], Wanted]:
    return {(c, w.position): w for c, each in _by_chromosome().items() for w in each}


@cache
def _rsids() -> dict[str, Wanted]:
    return {w.name: w for w in _places().values() if w.name.startswith("rs")}


@cache
def _columns() -> dict[str, list[int]]:
    return {name: [w.position for w in each] for name, each in _by_chromosome().items()}


def wanted_at(place: tuple[str, int], rsid: str | None, build: str | None) -> Wanted | None:
    """The position that a site tells of: by place on GRCh38, else by rs number."""
    if build == "GRCh38" and (found := _places().get(place)) is not None:
        return found
    return _rsids().get(rsid) if rsid else None


def wanted_within(chromosome: str, first: int, last: int, build: str | None) -> list[Wanted]:
    """The positions that lie wholly in a run, both ends included; none on another build than GRCh38."""
    places = _columns().get(chromosome) if build == "GRCh38" else None
    if not places:
        return []
    inside = _by_chromosome()[chromosome][bisect_left(places, first) : bisect_right(places, last)]
    return [wanted for wanted in inside if wanted.last <= last]
