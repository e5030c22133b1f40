"""Named logic over codelists: from when on is it known that somebody has a condition.

A phenotype holds from the first moment at which any of its criteria is met, and from then on. A
criterion is a codelist, perhaps with limits of its values, met so many times on different days.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.base.errors import TaskError
from lifecourse.base.yaml import Document, load_document
from lifecourse.tasks.meaning import Values, named_codelist, occurrences, owners

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from lifecourse.timeline.chart import Chart
    from lifecourse.timeline.shard import Shard

NEVER = np.iinfo(np.int64).max
LIBRARY = Path(__file__).parent / "phenotypes.yaml"


class Criterion(Document):
    """`times` events of a codelist on different days (UTC)."""

    codelist: str
    values: Values | None = None
    times: int = Field(default=1, ge=1)

    def met_by(self, shard: Shard) -> npt.NDArray[np.int64]:
        """int64[n] place of the event with which each subject meets it; NEVER where none does."""
        met = np.full(shard.n_subjects, NEVER, dtype=np.int64)
        places = self.places(shard)
        if len(places) == 0:
            return met
        subject = owners(shard, places)
        day = shard.time[places] // MICROSECONDS_PER_DAY
        # The first event of each day; events are in order of subject and time.
        fresh = np.ones(len(places), dtype=np.bool_)
        fresh[1:] = (subject[1:] != subject[:-1]) | (day[1:] != day[:-1])
        subject, places = subject[fresh], places[fresh]
        last = self.times - 1
        reached = np.flatnonzero(subject[last:] == subject[: len(subject) - last]) + last
        reached = reached[::-1]  # so that each subject's earliest is written last
        met[subject[reached]] = places[reached]
        return met

    def places(self, shard: Shard) -> npt.NDArray[np.int64]:
        """int64 places of the events that count towards it."""
        values = None if self.values is None else self.values.range()
        return occurrences(shard, named_codelist(self.codelist), values)


class Phenotype(Document):
    """A condition: met when any criterion is.

    `truth` names the illnesses of the simulated hospital of which any is this condition; empty where none is.
    """

    name: str
    title: str
    source: str
    any_of: list[Criterion] = Field(min_length=1)
    truth: list[str] = Field(default_factory=list)

    def onset_places(self, shard: Shard) -> npt.NDArray[np.int64]:
        """int64 places of the events, one a subject who has it, with which it became known."""
        met = np.stack([criterion.met_by(shard) for criterion in self.any_of])
        first: npt.NDArray[np.int64] = met.min(axis=0)
        return np.sort(first[first != NEVER])

    def holds(self, chart: Chart, at: int) -> bool:
        """Whether it is known of this person at `at` (microseconds UTC)."""
        return bool(np.any(chart.shard.time[self.onset_places(chart.shard)] <= at))

    def evidence(self, chart: Chart, at: int) -> pl.DataFrame:
        """The events up to `at` of the criteria that are met; empty where none is."""
        shard = chart.shard
        places: set[int] = set()
        for criterion in self.any_of:
            met = criterion.met_by(shard)
            if np.any(shard.time[met[met != NEVER]] <= at):
                found = criterion.places(shard)
                places |= set(found[shard.time[found] <= at].tolist())
        return chart.events[sorted(places)]


class _Library(Document):
    phenotypes: list[Phenotype]


@cache
def _library() -> dict[str, Phenotype]:
    found = load_document(LIBRARY, _Library, error=TaskError).phenotypes
    return {phenotype.name: phenotype for phenotype in found}


def phenotype(name: str) -> Phenotype:
    """The phenotype `name`.

    Raises
    ------
    TaskError
        There is none; the message lists those there are.
    """
    if name not in _library():
        known = ", ".join(phenotype_names())
        raise TaskError(f"there is no phenotype '{name}'. Choose one of: {known}.")
    return _library()[name]


def phenotype_names() -> list[str]:
    """All phenotypes, sorted."""
    return sorted(_library())
