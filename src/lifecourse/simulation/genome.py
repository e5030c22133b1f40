"""Genotypes: pharmacogenes at published frequencies, and made polygenic scores of common variants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lifecourse.simulation.parameters import Genes, Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The variants of the polygenic scores.

    frequency : float64[v], of the effect allele; weight : float64[v], per allele; score : int64[v], place in `scores`
    """

    scores: tuple[str, ...]
    frequency: np.ndarray
    weight: np.ndarray
    score: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Genotypes:
    """Alleles of `n` people: uint8[n, 2, v], 1 where the alternate (or effect) allele is carried."""

    pharmacogenes: np.ndarray
    polygenic: np.ndarray


def catalogue(genes: Genes) -> Catalogue:
    """The made scores; the same for every simulation."""
    said = genes.polygenic
    return _catalogue(int(said["seed"]), int(said["variants"]), tuple(said["scores"]))


@cache
def _catalogue(seed: int, variants: int, scores: tuple[str, ...]) -> Catalogue:
    rng = np.random.default_rng(seed)
    total = variants * len(scores)
    return Catalogue(
        scores=scores,
        frequency=rng.uniform(0.05, 0.5, total),
        weight=rng.normal(0.0, 1.0, total),
        score=np.repeat(np.arange(len(scores)), variants),
    )


def inherit(
    ancestry: np.ndarray, sibling_of: np.ndarray, model: Parameters, rng: np.random.Generator
) -> Genotypes:
    """Alleles of each person; a sibling shares each parental allele with chance a half.

    ancestry : int64[n], places in the ancestries; sibling_of : int64[n], -1 or the place of the elder sibling
    """
    names = list(model.people.ancestries)
    known = np.array(
        [[v.frequency[name] for v in model.genes.pharmacogenes] for name in names], dtype=np.float32
    )
    made = catalogue(model.genes).frequency.astype(np.float32)
    n = len(ancestry)
    return Genotypes(
        pharmacogenes=_draw(known[ancestry][:, None, :], (n, 2, known.shape[1]), sibling_of, rng),
        polygenic=_draw(made[None, None, :], (n, 2, len(made)), sibling_of, rng),
    )


def _draw(
    frequency: np.ndarray,
    shape: tuple[int, int, int],
    sibling_of: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    alleles = (rng.random(shape, dtype=np.float32) < frequency).astype(np.uint8)
    younger = np.flatnonzero(sibling_of >= 0)
    shares = rng.random((len(younger), *shape[1:]), dtype=np.float32) < 0.5
    alleles[younger] = np.where(shares, alleles[sibling_of[younger]], alleles[younger])
    return alleles


def scores(genotypes: Genotypes, genes: Genes) -> dict[str, np.ndarray]:
    """Polygenic scores in standard deviations, float64[n] each."""
    listed = catalogue(genes)
    dosage = genotypes.polygenic.sum(axis=1, dtype=np.uint8)
    found = {}
    for place, name in enumerate(listed.scores):
        mine = listed.score == place
        frequency, weight = listed.frequency[mine], listed.weight[mine]
        raw = dosage[:, mine] @ weight
        centre = 2.0 * frequency @ weight
        spread = np.sqrt(2.0 * (frequency * (1.0 - frequency)) @ weight**2)
        found[name] = (raw - centre) / spread
    return found


def dosage(genotypes: Genotypes, rsid: str, genes: Genes) -> np.ndarray:
    """Alternate alleles of a pharmacogene's variant, 0 to 2, int64[n]."""
    place = [variant.rsid for variant in genes.pharmacogenes].index(rsid)
    return genotypes.pharmacogenes[:, :, place].sum(axis=1).astype(np.int64)
