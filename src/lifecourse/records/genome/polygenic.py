"""Polygenic sums: each person's dosage of the effect alleles times their weights.

A variant is found by position where score and file have the same build, else by rs number. Its alleles must be those
of the file, or their complements (the other strand); where the two alleles are each other's complement the strand
cannot be told, and the variant counts as not found. What a person has no call for counts as expected: twice the
frequency of the effect allele, that of the score's file where it tells one, else that among those called here, if they
are 50 or more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.records.genome.scores import COMPLEMENT

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.records.genome.scores import Score, Variant

LEAST_OVERLAP = 0.75
LEAST_CALLED = 50


@dataclass(slots=True)
class Sum:
    """A score in the making: sums so far, float64[people], and of how many variants each person's is."""

    score: Score
    by_position: dict[tuple[str, int], list[Variant]]
    by_rsid: dict[str, list[Variant]]
    total: npt.NDArray[np.float64]
    found: npt.NDArray[np.int64]
    matched: set[int] = field(default_factory=set)
    flipped: int = 0
    ambiguous: int = 0

    @classmethod
    def of(cls, score: Score, people: int, build: str | None) -> Sum:
        """Nothing added yet. Positions count unless both builds are told and differ."""
        same_build = score.build is None or build is None or score.build == build
        by_position: dict[tuple[str, int], list[Variant]] = {}
        by_rsid: dict[str, list[Variant]] = {}
        for variant in score.variants:
            if same_build and variant.chromosome and variant.position:
                by_position.setdefault((variant.chromosome, variant.position), []).append(variant)
            elif variant.rsid:
                by_rsid.setdefault(variant.rsid, []).append(variant)
        return cls(score, by_position, by_rsid, np.zeros(people), np.zeros(people, dtype=np.int64))

    def needs(self, place: tuple[str, int], rsid: str | None) -> bool:
        """Whether the score has a variant at a site."""
        return place in self.by_position or (rsid is not None and rsid in self.by_rsid)

    def add(
        self,
        place: tuple[str, int],
        rsid: str | None,
        alleles: list[str],
        calls: npt.NDArray[np.int16],
    ) -> None:
        """Add a site: `calls` is int16[people, ploidy], the number of the allele, -1 not called, -2 no second copy."""
        for variant in (*self.by_position.get(place, ()), *self.by_rsid.get(rsid or "", ())):
            number = self._effect(variant, alleles)
            if number is None or id(variant) in self.matched:
                continue
            called = (calls != MISSING).all(axis=1)
            dosage = (calls == number).sum(axis=1).astype(np.float64)
            expected = _expected(variant, dosage, called, (calls != ABSENT).sum(axis=1))
            if expected is not None:
                dosage = np.where(called, dosage, expected)
                called = np.ones_like(called)
            self.total += np.where(called, dosage * variant.weight, 0.0)
            self.found += called
            self.matched.add(id(variant))

    def _effect(self, variant: Variant, alleles: list[str]) -> int | None:
        """The number of the effect allele among the site's; None where they are not the same alleles."""
        if variant.is_ambiguous:
            self.ambiguous += 1
            return None
        wanted = {variant.effect, *variant.other}
        if variant.effect in alleles and (not variant.other or variant.other & set(alleles)):
            # Without the other allele told, the site's own tells whether the strand is sure.
            here = {alleles[0], *(alleles[1:2])} | {variant.effect}
            if not variant.other and any(a.translate(COMPLEMENT) in here - {a} for a in here):
                self.ambiguous += 1
                return None
            return alleles.index(variant.effect)
        turned = {allele.translate(COMPLEMENT) for allele in wanted}
        effect = variant.effect.translate(COMPLEMENT)
        if effect in alleles and variant.other and (turned - {effect}) & set(alleles):
            self.flipped += 1
            return alleles.index(effect)
        return None

    @property
    def overlap(self) -> float:
        """The share of the score's variants that the file has."""
        return len(self.matched) / self.score.variants_told if self.score.variants_told else 0.0

    def sums(self) -> npt.NDArray[np.float64]:
        """float64[people]; NaN for everyone where the overlap is too small, and for those with too few calls."""
        enough = self.found >= LEAST_OVERLAP * self.score.variants_told
        return np.where(enough & (self.overlap >= LEAST_OVERLAP), self.total, np.nan)

    def told(self) -> str:
        """What to tell of the overlap."""
        share = f"{len(self.matched)} of {self.score.variants_told} variants ({100 * self.overlap:.0f} %)"
        if self.overlap >= LEAST_OVERLAP:
            return f"score {self.score.name}: {share} found"
        return f"score {self.score.name} refused: {share} found, {100 * LEAST_OVERLAP:.0f} % needed"


MISSING, ABSENT = -1, -2


def _expected(
    variant: Variant,
    dosage: npt.NDArray[np.float64],
    called: npt.NDArray[np.bool_],
    ploidy: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64] | None:
    """The dosage to expect of those without a call; None where no frequency is known."""
    if called.all():
        return None
    if variant.frequency is not None:
        return np.asarray(ploidy * variant.frequency)
    if int(called.sum()) >= LEAST_CALLED:
        return np.asarray(ploidy * (dosage[called].sum() / ploidy[called].sum()))
    return None
