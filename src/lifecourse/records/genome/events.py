"""Events of what a genome says: genotypes at the positions of pharmacogenes, scores and their percentiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.records.genome.vcf import ABSENT, MISSING, Site

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.records.genome.distributions import Distribution
    from lifecourse.records.genome.polygenic import Sum
    from lifecourse.records.genome.positions import Wanted

EVENTS = {
    "subject_key": pl.String(),
    "time": pl.Datetime("us"),
    "code": pl.String(),
    "numeric_value": pl.Float32(),
    "text_value": pl.String(),
    "unit": pl.String(),
    "source_file": pl.UInt32(),
    "source_row": pl.UInt32(),
    "source_id": pl.String(),
}


def genotypes(site: Site, wanted: Wanted, people: list[str], file: int) -> pl.DataFrame:
    """A static event for each person with a whole call: the alleles, and how many are not the reference.

    ``A/G`` is unphased, ``A|G`` phased, ``A|G:1017`` phased within the set of that name.
    """
    called = np.flatnonzero((site.calls != MISSING).all(axis=1))
    texts = [_written(site, int(place)) for place in called]
    return _events(
        [people[place] for place in called],
        f"GENOTYPE//{wanted.gene}//{wanted.name}",
        (site.calls[called] > 0).sum(axis=1).astype(np.float32),
        file,
        site.row,
        texts,
    )


def references(
    site: Site, wanted: Wanted, sure: npt.NDArray[np.intp], people: list[str], file: int
) -> pl.DataFrame:
    """As `genotypes`, of those who surely have the reference at a position inside of a block."""
    copies = (site.calls[sure] != ABSENT).sum(axis=1).tolist()
    return _events(
        [people[place] for place in sure],
        f"GENOTYPE//{wanted.gene}//{wanted.name}",
        np.zeros(len(sure), dtype=np.float32),
        file,
        site.row,
        ["/".join([wanted.reference] * count) for count in copies],
    )


def _written(site: Site, place: int) -> str:
    numbers = [int(number) for number in site.calls[place] if number >= 0]
    if not site.phased[place] or len(numbers) < 2:
        return "/".join(site.alleles[number] for number in sorted(numbers))
    said = "|".join(site.alleles[number] for number in numbers)
    # A set that is missing is the smallest number of its kind.
    named = site.sets is not None and site.sets[place] >= 0
    return f"{said}:{site.sets[place]}" if named and site.sets is not None else said


def scored(running: Sum, people: list[str], file: int) -> pl.DataFrame:
    """A static event for each person with a sum: the score."""
    sums = running.sums()
    known = np.flatnonzero(np.isfinite(sums))
    return _events(
        [people[place] for place in known],
        f"PGS//{running.score.name}",
        sums[known].astype(np.float32),
        file,
        1,
        [None] * len(known),
    )


def percentiles(
    running: Sum, distribution: Distribution, people: list[str], file: int
) -> pl.DataFrame:
    """A static event for each person with a sum: its percentile among the people of `distribution`."""
    sums = running.sums()
    known = np.flatnonzero(np.isfinite(sums))
    return _events(
        [people[place] for place in known],
        distribution.code,
        distribution.percentiles(sums[known]).astype(np.float32),
        file,
        1,
        [None] * len(known),
        unit="%",
    )


def _events(
    people: list[str],
    code: str,
    values: npt.NDArray[np.float32],
    file: int,
    row: int,
    texts: list[Any],
    unit: str = "1",
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "subject_key": people,
            "time": [None] * len(people),
            "code": code,
            "numeric_value": values,
            "text_value": texts,
            "unit": unit,
            "source_file": file,
            "source_row": row,
            "source_id": None,
        },
        schema=EVENTS,
    )
