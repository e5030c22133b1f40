"""DPYD, whose variants are named one by one: what each strand carries, and the two that do least.

CPIC takes the two alleles of lowest activity (Amstutz 2018, doi:10.1002/cpt.911, 2023 supplement). HapB3 is told by its
intronic variant, which causes the harm; the exonic one speaks only where the intronic one was not tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.care.pgx.matching import NOT_SEEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lifecourse.care.pgx.genes import Gene, NamedAllele
    from lifecourse.care.pgx.matching import Genotype

INTRONIC, EXONIC = "rs75017182", "rs56038477"
HAPB3 = "c.1129-5923C>G, c.1236G>A (HapB3)"
INTRONIC_ALONE = "c.1129-5923C>G"


def strands(gene: Gene, genotypes: Mapping[str, Genotype]) -> tuple[list[str], list[str]] | None:
    """The variants of each strand, in the order of the table; None where it is not known which strand they are on."""
    carried = _carriers(gene, genotypes)
    if carried is None:
        return None
    variant = [
        found
        for name, found in genotypes.items()
        if found.is_heterozygous and _differs(gene, name, found)
    ]
    blocks = {found.block for found in variant}
    is_known = len(variant) <= 1 or (len(blocks) == 1 and None not in blocks)
    if not is_known and not _is_hapb3_alone(variant, genotypes):
        return None
    return _on_strand(gene, genotypes, 0), _on_strand(gene, genotypes, 1)


def components(gene: Gene, genotypes: Mapping[str, Genotype]) -> list[tuple[str, int]]:
    """Every variant with the number of its copies, in the order of the table; whichever strand they are on."""
    found = _carriers(gene, genotypes) or {}
    intronic, exonic = (found.pop(name, 0) for name in (INTRONIC_ALONE, "exonic"))
    both = (
        min(intronic, exonic) if INTRONIC in genotypes and genotypes[INTRONIC].is_whole else exonic
    )
    for name, copies in ((HAPB3, both), (INTRONIC_ALONE, intronic - both if intronic else 0)):
        if copies > 0:
            found[name] = copies
    return sorted(found.items(), key=lambda each: gene.place(each[0]))


def _carriers(gene: Gene, genotypes: Mapping[str, Genotype]) -> dict[str, int] | None:
    """Copies of each variant; HapB3's exonic variant as ``exonic``; None where a base is of no known allele."""
    by_base = {(name, base): allele for allele in gene.alleles for name, base in _base_of(allele)}
    found: dict[str, int] = {}
    for name, genotype in genotypes.items():
        for base in genotype.bases:
            if base in (NOT_SEEN, gene.positions[name].reference):
                continue
            if name == EXONIC:
                found["exonic"] = found.get("exonic", 0) + 1
                continue
            allele = by_base.get((name, base))
            if allele is None:
                return None
            found[allele.name] = found.get(allele.name, 0) + 1
    return found


def _base_of(allele: NamedAllele) -> list[tuple[str, str]]:
    if len(allele.defined) != 1:
        return []
    ((name, bases),) = allele.defined.items()
    return [(name, base) for base in bases]


def _differs(gene: Gene, name: str, found: Genotype) -> bool:
    return any(base not in (NOT_SEEN, gene.positions[name].reference) for base in found.bases)


def _is_hapb3_alone(variant: list[Genotype], genotypes: Mapping[str, Genotype]) -> bool:
    """The two variants of HapB3 travel together: both once and nothing else is one strand with both."""
    own = [genotypes[name] for name in (INTRONIC, EXONIC) if name in genotypes]
    return len(own) == 2 and variant == [each for each in genotypes.values() if each in own]


def _on_strand(gene: Gene, genotypes: Mapping[str, Genotype], strand: int) -> list[str]:
    reference = {name: gene.positions[name].reference for name in genotypes}
    carried = {
        name: found.bases[strand]
        for name, found in genotypes.items()
        if found.bases[strand] not in (NOT_SEEN, reference[name])
    }
    seen = genotypes[INTRONIC].bases[strand] != NOT_SEEN if INTRONIC in genotypes else False
    names = []
    for allele in gene.alleles:
        told = _base_of(allele)
        if told and all(carried.get(name) == base for name, base in told):
            names.append(allele.name)
    if INTRONIC in carried and EXONIC in carried:
        names[names.index(INTRONIC_ALONE)] = HAPB3
    elif EXONIC in carried and not seen:
        names.append(HAPB3)
    return sorted(names, key=gene.place)
