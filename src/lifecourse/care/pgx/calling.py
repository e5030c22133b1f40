"""What a person's genotypes say about each pharmacogene: diplotypes, phenotype, and what was not tested."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lifecourse.care.pgx import dpyd
from lifecourse.care.pgx.genes import Gene, genes
from lifecourse.care.pgx.matching import Genotype, match
from lifecourse.care.pgx.phenotyping import INDETERMINATE, activity_of, phenotype_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOT_TESTED = "not tested"
ALSO = "; "
"""Between what is true of one carrier together, such as several HLA alleles."""
RISK_ALLELES = {"HLA-A": ("*31:01",), "HLA-B": ("*15:02", "*57:01", "*58:01")}
"""HLA alleles that CPIC's advice names."""
TWO_FIELDS = re.compile(r"\*?(\d{2,3}:\d{2,3})(?::|$|[A-Z])")
STATIN_POSITION = "rs4149056"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideCall:
    """A call that another laboratory or caller made; CYP2D6 and HLA are told in no other way."""

    diplotype: str
    phenotype: str | None = None
    activity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Of one gene.

    diplotypes : all equally good ones, of DPYD without known strands its variants; empty where nothing explains
        the genotypes
    also_possible : what the genotypes do not exclude, but fewer bases speak for
    alleles : the two that count for advice, or more pairs where the diplotypes differ
    phenotype : ``not tested`` where no defining position was, ``Indeterminate`` where alleles have no known function
    activity : the sum of both alleles' activity, where the gene has one
    missing : defining positions that were not tested, in the order of the genome
    """

    gene: str
    diplotypes: tuple[str, ...] = ()
    also_possible: tuple[str, ...] = ()
    alleles: tuple[tuple[str, str], ...] = ()
    phenotype: str = NOT_TESTED
    activity: float | None = None
    missing: tuple[str, ...] = ()
    is_outside: bool = False
    notes: tuple[str, ...] = ()


def call_genes(
    genotypes: Mapping[str, Mapping[str, Genotype]],
    outside: Mapping[str, OutsideCall] | None = None,
    only: Iterable[str] | None = None,
) -> dict[str, Call]:
    """The call of every gene of the tables (or of `only` some), from the genotypes seen and calls from outside.

    genotypes : by gene and position name; a position that is not there was not tested
    outside : by gene; an outside call stands before our own
    """
    wanted = list(genes()) if only is None else list(only)
    given = outside or {}
    wanted += [gene for gene in given if gene not in wanted]
    return {
        name: _outside(name, given[name]) if name in given else _called(name, genotypes.get(name))
        for name in wanted
    }


def genotypes_of(
    gene: str, given: Mapping[str, tuple[str, str]], *, phased: bool
) -> dict[str, Genotype]:
    """Genotypes of a gene by position, alleles spelled as VCF or as CPIC (``TA(7)``).

    Raises
    ------
    KeyError
        The gene, or a position of it, is not in the tables.
    """
    positions = genes()[gene].positions
    found = {}
    for name, bases in given.items():
        spelled = positions[name].spelled
        one, other = (spelled.get(base, base) for base in bases)
        found[name] = Genotype(bases=(one, other), block="all" if phased else None)
    return found


def _called(name: str, seen: Mapping[str, Genotype] | None) -> Call:
    gene = genes()[name]
    known = {place: found for place, found in (seen or {}).items() if place in gene.positions}
    missing = tuple(
        place for place in gene.positions if place not in known or not known[place].is_whole
    )
    if name == "DPYD" and known:
        return _dpyd(gene, known, missing)
    if len(missing) == len(gene.positions):
        return Call(gene=name, missing=missing)
    found = match(gene, known)
    if not found.best and name == "SLCO1B1" and STATIN_POSITION not in missing:
        return _statin_position(gene, known[STATIN_POSITION], missing)
    diplotypes = tuple("/".join(pair) for pair in found.best)
    call = Call(
        gene=name,
        diplotypes=diplotypes,
        also_possible=tuple("/".join(pair) for pair in found.others),
        alleles=found.best,
        missing=missing,
    )
    meant = _meant(gene, call)
    if name == "SLCO1B1" and " or " in meant.phenotype and STATIN_POSITION not in missing:
        # The diplotypes differ in what they mean; what advice on statins rests on was tested.
        alone = _statin_position(gene, known[STATIN_POSITION], missing)
        return replace(meant, phenotype=alone.phenotype, notes=("phenotype by rs4149056 alone",))
    return meant


def _meant(gene: Gene, call: Call) -> Call:
    """The call with phenotype and activity of its alleles; several phenotypes are said all, joined by ``or``."""
    phenotypes = dict.fromkeys(phenotype_of(gene, *pair) for pair in call.alleles)
    activities = {activity_of(gene, *pair) for pair in call.alleles}
    return replace(
        call,
        phenotype=" or ".join(phenotypes) or INDETERMINATE,
        activity=activities.pop() if len(activities) == 1 else None,
    )


def _dpyd(gene: Gene, known: dict[str, Genotype], missing: tuple[str, ...]) -> Call:
    reference = gene.reference.name
    sides = dpyd.strands(gene, known)
    if sides is None:
        carried = dpyd.components(gene, known)
        diplotypes = tuple(
            name if copies == 1 else f"{name} (homozygous)" for name, copies in carried
        )
        every = [name for name, copies in carried for _ in range(copies)]
        weakest = sorted(every, key=lambda name: _strength(gene, name))[:2]
    else:
        written = sorted(
            sides, key=lambda names: (gene.place(names[0]) if names else -1, len(names), names)
        )
        sides_said = [
            f"[{' + '.join(names)}]" if len(names) > 1 else (names or [reference])[0]
            for names in written
        ]
        diplotypes = ("/".join(sides_said),)
        weakest = [
            min(names or [reference], key=lambda name: _strength(gene, name)) for names in written
        ]
    pair = (*weakest, reference, reference)[:2]
    alleles = ((pair[0], pair[1]),)
    return _meant(gene, Call(gene="DPYD", diplotypes=diplotypes, alleles=alleles, missing=missing))


def _strength(gene: Gene, name: str) -> tuple[float, int]:
    found = next((allele for allele in gene.alleles if allele.name == name), None)
    activity = found.activity if found is not None and found.activity is not None else 1.0
    return activity, gene.place(name)


def _statin_position(gene: Gene, found: Genotype, missing: tuple[str, ...]) -> Call:
    """SLCO1B1 by rs4149056 alone, which statin advice rests on (CPIC 2022, doi:10.1002/cpt.2557)."""
    stands_for = {"T": "*1", "C": "*5"}
    if not set(found.bases) <= set(stands_for):
        return Call(gene=gene.name, phenotype=INDETERMINATE, missing=missing)
    one, other = sorted(found.bases)
    pair = tuple(sorted((stands_for[one], stands_for[other]), key=gene.place))
    call = Call(
        gene=gene.name,
        diplotypes=(f"{STATIN_POSITION} {one}/{STATIN_POSITION} {other}",),
        alleles=((pair[0], pair[1]),),
        missing=missing,
        notes=("no named alleles explain all positions: called by rs4149056 alone",),
    )
    return _meant(gene, call)


def _outside(name: str, given: OutsideCall) -> Call:
    one, _, other = given.diplotype.partition("/")
    call = Call(
        gene=name,
        diplotypes=(given.diplotype,),
        alleles=((one, other),) if other else (),
        phenotype=INDETERMINATE,
        is_outside=True,
    )
    if name in genes():
        call = _meant(genes()[name], call)
    told = given.phenotype
    if name in RISK_ALLELES:
        told = _with_risk_alleles(name, (one, other), told)
    return replace(
        call,
        phenotype=told or call.phenotype,
        activity=call.activity if given.activity is None else given.activity,
    )


def _with_risk_alleles(gene: str, alleles: tuple[str, str], told: str | None) -> str | None:
    """What the laboratory told, and of each risk allele it did not name whether the diplotype holds it.

    Only where both alleles are given to two fields (``*57:01``): a coarser one leaves it open.
    """
    found = [TWO_FIELDS.search(allele) for allele in alleles]
    if not all(found):
        return told
    carried = {f"*{each[1]}" for each in found if each}
    derived = [
        f"{allele} {'positive' if allele in carried else 'negative'}"
        for allele in RISK_ALLELES[gene]
        if allele not in (told or "")
    ]
    return ALSO.join([told, *derived] if told else derived)
