"""From two alleles to a phenotype: by the gene's own table of pairs of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lifecourse.care.pgx.genes import Gene

INDETERMINATE = "Indeterminate"


def phenotype_of(gene: Gene, one: str, other: str) -> str:
    """The phenotype of a diplotype; ``Indeterminate`` where an allele has no assigned function."""
    functions = [_function(gene, name) for name in (one, other)]
    if None in functions:
        return INDETERMINATE
    first, second = sorted(str(function) for function in functions)
    return gene.phenotypes.get((first, second), INDETERMINATE)


def activity_of(gene: Gene, one: str, other: str) -> float | None:
    """The sum of both alleles' activity; None where either has none assigned."""
    scores = [
        next(
            (allele.activity for allele in gene.alleles if name in (allele.name, allele.core)), None
        )
        for name in (one, other)
    ]
    values = [score for score in scores if score is not None]
    return sum(values) if len(values) == 2 else None


def _function(gene: Gene, name: str) -> str | None:
    return next(
        (allele.function for allele in gene.alleles if name in (allele.name, allele.core)), None
    )
