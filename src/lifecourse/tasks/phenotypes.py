"""Named logic over codelists: from when on is it known that somebody has a condition.

A phenotype holds from the first moment at which any of its criteria is met, and from then on. A
criterion is a codelist, perhaps with limits of its values, met so many times on different days.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, model_validator

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.base.errors import TaskError
from lifecourse.base.yaml import Document, load_document
from lifecourse.schema.covariate import ValueRange
from lifecourse.tasks.filtration import egfr_of_creatinine, without_reported
from lifecourse.tasks.meaning import Values, named_codelist
from lifecourse.tasks.occurrences import occurrences

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from lifecourse.timeline.chart import Chart
    from lifecourse.timeline.shard import Shard

NEVER = np.iinfo(np.int64).max
ANY_NUMBER = ValueRange()
LIBRARY = Path(__file__).parent / "phenotypes.yaml"


class Criterion(Document):
    """`times` events of a codelist on different days (UTC).

    values : what counts; events outside do not
    apart_days : at least so many days lie between the first that counts and the one that decides
    within_days : at most so many days lie between the first and the last of the `times` that decide
    in_a_row : no day on which the codelist was measured, but never within `values`, may lie between them
    as_egfr : `values` are of the eGFR that CKD-EPI 2021 gives of the creatinine, mL/min/1.73 m2, on days without a
        reported eGFR
    """

    codelist: str
    values: Values | None = None
    times: int = Field(default=1, ge=1)
    apart_days: int = Field(default=0, ge=0)
    within_days: int | None = Field(default=None, ge=1)
    in_a_row: bool = False
    as_egfr: bool = False

    @model_validator(mode="after")
    def _several_where_it_matters(self) -> Criterion:
        if self.times == 1 and (self.apart_days or self.in_a_row or self.within_days):
            raise ValueError("apart_days, within_days and in_a_row need times of 2 or more")
        if self.in_a_row and self.values is None:
            raise ValueError("in_a_row needs values: without, nothing can come between")
        if self.as_egfr and self.values is None:
            raise ValueError("as_egfr needs values: it is their quantity")
        return self

    def met_by(self, shard: Shard) -> npt.NDArray[np.int64]:
        """int64[n] place of the event with which each subject meets it; NEVER where none does."""
        met = np.full(shard.n_subjects, NEVER, dtype=np.int64)
        places = self.places(shard)
        if len(places) < self.times:
            return met
        days = self._days(shard, places)
        reached = np.flatnonzero(days.decides)[::-1]  # so that each subject's earliest is last
        met[shard.owners(days.places[reached])] = days.places[reached]
        return met

    def deciding(self, shard: Shard) -> npt.NDArray[np.int64]:
        """int64 places of the events with which the one subject of `shard` meets it first; empty where it is not met.

        Of each day its first event: the last `times` of them and, where days must lie between, the first of the row.
        """
        days = self._days(shard, self.places(shard))
        reached = np.flatnonzero(days.decides)
        if len(reached) == 0:
            return reached
        last = reached[0]
        chosen = set(range(last - self.times + 1, last + 1))
        if self.apart_days:
            chosen.add(int(days.start[last]))
        return days.places[sorted(chosen)]

    def _days(self, shard: Shard, places: npt.NDArray[np.int64]) -> _Days:
        subject = shard.owners(places)
        day = shard.time[places] // MICROSECONDS_PER_DAY
        # The first event of each day; events are in order of subject and time.
        fresh = _changes(subject) | _changes(day)
        subject, day, places = subject[fresh], day[fresh], places[fresh]
        starts = _changes(subject)
        if self.in_a_row:
            starts |= _changes(self._misses_before(shard, places))
        index = np.arange(len(places))
        start = np.maximum.accumulate(np.where(starts, index, 0))
        decides = (index - start >= self.times - 1) & (day - day[start] >= self.apart_days)
        if self.within_days is not None:
            first = np.maximum(index - self.times + 1, 0)
            decides &= day - day[first] <= self.within_days
        return _Days(places=places, start=start, decides=decides)

    def _misses_before(self, shard: Shard, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """int64, for each of `places`: how many events of a day without any that counts come before it in the shard."""
        measured = occurrences(shard, named_codelist(self.codelist), ANY_NUMBER)
        owner = shard.owners(measured)
        of_day = np.cumsum(_changes(owner) | _changes(shard.time[measured] // MICROSECONDS_PER_DAY))
        counting = np.isin(of_day, of_day[np.isin(measured, self.places(shard))])
        return np.searchsorted(measured[~counting], places)

    def places(self, shard: Shard) -> npt.NDArray[np.int64]:
        """int64 places of the events that count towards it."""
        codelist = named_codelist(self.codelist)
        if self.values is None:
            return occurrences(shard, codelist)
        if not self.as_egfr:
            return occurrences(shard, codelist, self.values.range())
        measured = without_reported(shard, occurrences(shard, codelist, ANY_NUMBER))
        return measured[self.values.hold(egfr_of_creatinine(shard, measured))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """The days that count, of one subject after another.

    places : int64[d], the first event of each that counts; start : int64[d], the day on which its row began
    decides : bool[d], whether the criterion is met with it
    """

    places: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    decides: npt.NDArray[np.bool_]


class Phenotype(Document):
    """A condition: met when any criterion is.

    `truth` names the illnesses of the simulated hospital of which any is this condition; empty where none is.
    `suggested_by` names codelists that make one think of it and prove nothing: near misses to review.
    """

    name: str
    title: str
    source: str
    any_of: list[Criterion] = Field(min_length=1)
    truth: list[str] = Field(default_factory=list)
    suggested_by: list[str] = Field(default_factory=list)

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


def _changes(values: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Where a value differs from the one before it; the first always does."""
    changed = np.ones(len(values), dtype=np.bool_)
    changed[1:] = values[1:] != values[:-1]
    return changed


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
