"""What a search compares people by: quarters of a year lived under care, each in a stratum, and when each fact came.

A quarter's stratum is sex, attained age, calendar time and how often the person was in contact with care in the year
before it. Rates are compared within strata, so that what age, the times or frequent visits bring about is no finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.engine.compiled import kernel
from lifecourse.tasks.signals import record_places

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.shard import Shard

QUARTER_DAYS = DAYS_PER_YEAR / 4
QUARTER = round(QUARTER_DAYS * MICROSECONDS_PER_DAY)
AGE_YEARS = 5
"""Ten-year bands left false findings between facts that both become commoner with age; five-year bands did not."""
AGES = 21
CALENDAR_YEARS = 4
CONTACTS = (1, 2, 4, 7)
"""Days of contact in the four quarters before, at which a next stratum begins."""
SEXES = 3
LONG_FOLLOW_UP_YEARS = 3.0
RUN_IN_QUARTERS = 4
NO_BIRTH = np.iinfo(np.int64).min
NOTHING = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """`n` people, in the order of the timeline's.

    start, last : int64[n], microseconds of the beginning and the end of follow-up; start >= last for who has none
    quarters : int64[n + 1], where each person's quarters lie in `stratum`; quarter k begins k * QUARTER after start
    stratum : int32[q], place of the quarter's stratum among the `n_strata` that occur
    """

    start: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    quarters: npt.NDArray[np.int64]
    stratum: npt.NDArray[np.int32]
    n_strata: int

    @property
    def n(self) -> int:
        """People."""
        return len(self.start)


def lives_of(timeline: Timeline) -> Lives:
    """The follow-up of everyone: from the first contact to the last, or to death.

    Where half of the people are followed for three years or more, the first year is left out of it: what is recorded
    then was mostly there before, and how often somebody is seen is not known yet.
    """
    persons = timeline.persons()
    subjects = persons["subject_id"].to_numpy()
    birth = persons["birth"].cast(pl.Int64).fill_null(NO_BIRTH).to_numpy()
    sex = _sexes(persons)
    first = np.full(len(subjects), NOTHING, dtype=np.int64)
    last = np.full(len(subjects), NO_BIRTH, dtype=np.int64)
    parts = [_contacts(shard, subjects, first, last) for shard in timeline.shards()]
    who = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in parts)])
    day = np.concatenate([np.zeros(0, np.int64), *(part[1] for part in parts)])
    order = np.lexsort((day, who))
    spans = np.where(last > first, last - first, 0)
    long = bool(len(spans)) and np.median(spans) >= LONG_FOLLOW_UP_YEARS * 4 * QUARTER
    run_in = RUN_IN_QUARTERS if long else 0
    counts = np.where(spans > 0, -(-spans // QUARTER) - run_in, 0).clip(min=0)
    quarters = np.append(0, np.cumsum(counts)).astype(np.int64)
    start = np.where(counts > 0, first + run_in * QUARTER, NOTHING)
    raw = np.empty(int(quarters[-1]), dtype=np.int64)
    epoch = int(first.min()) if len(first) and first.min() != NOTHING else 0
    contact_edges = np.searchsorted(who[order], np.arange(len(subjects) + 1))
    number_strata(
        first, birth, sex, run_in, quarters, contact_edges, day[order], epoch,
        np.array(CONTACTS), raw,
    )  # fmt: skip
    occurring, stratum = np.unique(raw, return_inverse=True)
    return Lives(
        start=start,
        last=np.where(counts > 0, last, start),
        quarters=quarters,
        stratum=stratum.astype(np.int32),
        n_strata=len(occurring),
    )


def _contacts(
    shard: Shard,
    subjects: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Person and day of each day of contact; `first` and `last` are filled for the shard's people."""
    places = record_places(shard)
    if len(places) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    owner = shard.owners(places)
    people = np.searchsorted(subjects, shard.subject_ids)[owner].astype(np.int64)
    time = shard.time[places]
    np.minimum.at(first, people, time)
    np.maximum.at(last, people, time)
    day = time // MICROSECONDS_PER_DAY
    is_new = np.append(True, (people[1:] != people[:-1]) | (day[1:] != day[:-1]))
    return people[is_new], day[is_new]


def _sexes(persons: pl.DataFrame) -> npt.NDArray[np.int64]:
    """int64[n] 0 female, 1 male, 2 other or unknown."""
    numbers = {"female": 0, "male": 1}
    sexes = persons["sex"].replace_strict(numbers, default=2, return_dtype=pl.Int64)
    return sexes.fill_null(2).to_numpy()


_DAY = MICROSECONDS_PER_DAY
_AGE_BAND = round(AGE_YEARS * DAYS_PER_YEAR * MICROSECONDS_PER_DAY)
_CALENDAR_BAND = round(CALENDAR_YEARS * DAYS_PER_YEAR * MICROSECONDS_PER_DAY)


@kernel(
    "int64[]", "int64[]", "int64[]", "int64", "int64[]", "int64[]", "int64[]", "int64", "int64[]",
    "int64[]",
)  # fmt: skip
def number_strata(
    first: Integers, birth: Integers, sex: Integers, run_in: int, quarters: Integers,
    edges: Integers, day: Integers, epoch: int, bounds: Integers, raw: Integers,
) -> None:  # fmt: skip
    """Number the stratum of each quarter by sex, age, calendar and contacts in the four quarters before."""
    for i in range(len(first)):
        low = edges[i]
        high = edges[i]
        for q in range(quarters[i], quarters[i + 1]):
            begin = first[i] + (q - quarters[i] + run_in) * QUARTER
            since = (begin - 4 * QUARTER) // _DAY
            until = begin // _DAY
            while low < edges[i + 1] and day[low] < since:
                low += 1
            if high < low:
                high = low
            while high < edges[i + 1] and day[high] < until:
                high += 1
            often = 0
            for bound in bounds:
                if high - low >= bound:
                    often += 1
            if run_in == 0 and q - quarters[i] < 4:
                often = len(bounds) + 1
            age = AGES - 1
            if birth[i] != NO_BIRTH:
                age = min(max((begin - birth[i]) // _AGE_BAND, 0), AGES - 2)
            calendar = min(max((begin - epoch) // _CALENDAR_BAND, 0), 63)
            raw[q] = ((calendar * SEXES + sex[i]) * AGES + age) * (len(bounds) + 2) + often
