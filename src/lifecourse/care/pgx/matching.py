"""Which two named alleles a person's genotypes are made of.

A pair of alleles fits when, position by position, one explains one base and the other explains the other: the same
way round within each block of phase. Every fitting pair is found; they are ranked by how many bases define the two
alleles (the reference is defined by all), as PharmCAT ranks them (Sangkuhl 2020, doi:10.1002/cpt.1568). Positions that
were not tested are left out of the comparison, and alleles that they alone define out of the candidates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lifecourse.care.pgx.genes import Gene, NamedAllele

NOT_SEEN = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Genotype:
    """The two bases at a position, as a VCF writes them; ``.`` for one that was not seen.

    block : positions of one block are phased with each other, first base with first base; None is unphased
    """

    bases: tuple[str, str]
    block: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether both bases were seen."""
        return NOT_SEEN not in self.bases

    @property
    def is_heterozygous(self) -> bool:
        """Whether the two differ."""
        return self.bases[0] != self.bases[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The pairs that fit: the equally good `best`, and the `others` that the genotypes do not exclude."""

    best: tuple[tuple[str, str], ...]
    others: tuple[tuple[str, str], ...]


def match(gene: Gene, genotypes: Mapping[str, Genotype]) -> Match:
    """The pairs of named alleles that explain `genotypes`, whole ones only."""
    tested = {name: found for name, found in genotypes.items() if found.is_whole}
    told = [allele for allele in gene.alleles if _is_told(allele, tested)]
    bases = {allele.name: _bases(gene, allele, tested) for allele in told}
    # An allele with a base that was not seen at all is in no pair.
    candidates = [
        allele
        for allele in told
        if all(bases[allele.name][name] & set(found.bases) for name, found in tested.items())
    ]
    blocks: dict[str | None, list[str]] = {}
    for name, found in tested.items():
        # A position by itself is a block of one: which way round it lies says nothing.
        own = found.block if found.block is not None and found.is_heterozygous else f"alone {name}"
        blocks.setdefault(own, []).append(name)
    fitting = [
        (one, other)
        for one, other in combinations_with_replacement(candidates, 2)
        if all(
            _fits(bases[one.name], bases[other.name], names, tested) for names in blocks.values()
        )
    ]
    score = [sum(_score(allele, tested) for allele in pair) for pair in fitting]
    named = [_in_order(one.core, other.core) for one, other in fitting]
    most = max(score, default=0)
    best = dict.fromkeys(pair for pair, points in zip(named, score, strict=True) if points == most)
    ranked = sorted(zip(named, score, strict=True), key=lambda each: -each[1])
    others = dict.fromkeys(pair for pair, _ in ranked if pair not in best)
    return Match(best=tuple(best), others=tuple(others))


def _in_order(one: str, other: str) -> tuple[str, str]:
    """Star alleles by their numbers, other names as they stand."""
    first, second = sorted((one, other), key=_numbers) if "*" in one + other else (one, other)
    return first, second


def _numbers(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _is_told(allele: NamedAllele, tested: Mapping[str, Genotype]) -> bool:
    return (allele.is_whole and bool(tested)) or any(name in tested for name in allele.defined)


def _bases(
    gene: Gene, allele: NamedAllele, tested: Mapping[str, Genotype]
) -> dict[str, frozenset[str]]:
    return {
        name: allele.defined.get(name) or frozenset((gene.positions[name].reference,))
        for name in tested
    }


def _score(allele: NamedAllele, tested: Mapping[str, Genotype]) -> int:
    return len(tested) if allele.is_whole else sum(name in tested for name in allele.defined)


def _fits(
    one: Mapping[str, frozenset[str]],
    other: Mapping[str, frozenset[str]],
    names: Sequence[str],
    tested: Mapping[str, Genotype],
) -> bool:
    pairs = [(one[name], other[name], *tested[name].bases) for name in names]
    return all(x in a and y in b for a, b, x, y in pairs) or all(
        y in a and x in b for a, b, x, y in pairs
    )
