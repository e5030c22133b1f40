"""Pack-years and years since quitting at a moment, from the records known by then.

A pack-year is a pack of 20 cigarettes a day for a year (NCI dictionary of cancer terms); the total is the sum over the
time smoked of what was smoked (doi:10.1158/1055-9965.EPI-05-0863). By these rules:

- A never smoker has 0. Where a total is recorded the latest one counts, and what was smoked since is added.
- Smoking lasts from the recorded age at start of daily smoking, else from the first record of smoking, to the moment or
  to the stop. Who is recorded to smoke again begins anew at that record.
- The stop is the recorded quit date where it lies after the last record of smoking and not after the record of having
  stopped, else the middle of these two. Without any record of smoking it is the quit date, else the first record of
  having stopped.
- A record of cigarettes or packs a day holds until the next one; the first one holds also before.
- Without an amount and without a total it is not known, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.tasks.smoking import (
    Smoking,
    smoking_covariates,
    smoking_status,
)
from lifecourse.timeline.kernel import compiled_once, evaluate
from lifecourse.timeline.shard import STATIC
from lifecourse.vocab.codelists import codelist
from lifecourse.vocab.dates import moments_of_years

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.shard import Shard

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

YEAR = DAYS_PER_YEAR * MICROSECONDS_PER_DAY
CIGARETTES_PER_PACK = 20.0
SMOKES, STOPPED, CIGARETTES, PACKS, QUIT, START_AGE, TOTAL = range(7)
CODELISTS = {
    SMOKES: ("current_smoker",),
    STOPPED: ("former_smoker", "never_smoker"),
    CIGARETTES: ("cigarettes_per_day",),
    PACKS: ("packs_per_day",),
    QUIT: ("smoking_quit_date",),
    START_AGE: ("smoking_start_age",),
    TOTAL: ("pack_years",),
}


@dataclass(frozen=True, kw_only=True)
class SmokingAt:
    """Of each row: status int8[r] (`Smoking`), pack_years and years_since_quitting float64[r], NaN where not known."""

    status: npt.NDArray[np.int8]
    pack_years: Floats
    years_since_quitting: Floats


def smoking_at(shard: Shard, subject_index: Ints, prediction_time: Ints) -> SmokingAt:
    """What is known of the smoking of r rows' subjects (places in `shard`, -1 where absent) at their times."""
    compiled = compiled_once(smoking_covariates(), shard.codes)
    answers = evaluate(shard, compiled, subject_index, prediction_time)
    status = smoking_status(
        {each.name: answers[:, place] for place, each in enumerate(smoking_covariates())}
    )
    total = np.where(status == Smoking.NEVER, 0.0, np.nan)
    since = np.full(len(status), np.nan)
    records = _Records.of(shard)
    for row in (
        np.flatnonzero(status >= Smoking.FORMER).tolist()
        + np.flatnonzero(status == Smoking.UNKNOWN).tolist()
    ):
        subject, moment = int(subject_index[row]), int(prediction_time[row])
        if subject < 0:
            continue
        history = records.known(subject, moment, int(shard.birth[subject]))
        if history is None:
            continue
        total[row] = history.pack_years()
        if status[row] == Smoking.FORMER:
            since[row] = history.years_since_quitting()
    return SmokingAt(status=status, pack_years=total, years_since_quitting=since)


@dataclass(frozen=True, kw_only=True)
class _Records:
    """The shard's records of smoking, by subject and time: kind, time and value are [n]."""

    kind: npt.NDArray[np.int8]
    time: Ints
    value: Floats
    starts: Ints

    @classmethod
    def of(cls, shard: Shard) -> _Records:
        kinds = np.full(len(shard.codes), -1, dtype=np.int8)
        for kind, names in CODELISTS.items():
            for name in names:
                kinds[shard.codes.ids(codelist(name))] = kind
        places = np.flatnonzero(kinds[shard.code] >= 0) if len(kinds) else np.zeros(0, np.int64)
        places = places[shard.time[places] != STATIC]
        return cls(
            kind=kinds[shard.code[places]],
            time=shard.time[places],
            value=shard.value[places].astype(np.float64),
            starts=np.searchsorted(places, shard.offsets),
        )

    def known(self, subject: int, moment: int, birth: int) -> _History | None:
        """One person's records at or before `moment`; None where there are none."""
        first, last = int(self.starts[subject]), int(self.starts[subject + 1])
        last = first + int(np.searchsorted(self.time[first:last], moment, side="right"))
        if first == last:
            return None
        here = slice(first, last)
        return _History(
            kind=self.kind[here], time=self.time[here], value=self.value[here],
            moment=moment, birth=birth,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _History:
    """One person's records of smoking known by `moment`, in order of time."""

    kind: npt.NDArray[np.int8]
    time: Ints
    value: Floats
    moment: int
    birth: int

    def pack_years(self) -> float:
        amounts = self._amounts()
        recorded = self._latest(TOTAL)
        since, total = (None, 0.0) if recorded is None else recorded
        if amounts is None:
            return np.nan if recorded is None else total
        spells = self.spells
        if not spells and recorded is None:
            return np.nan
        times, packs = amounts
        for start, stop in spells:
            begin = start if since is None else max(start, since)
            if begin < stop:
                edges = np.concatenate([[begin], times[(times > begin) & (times < stop)], [stop]])
                held = np.maximum(np.searchsorted(times, edges[:-1], side="right") - 1, 0)
                total += float(np.dot(packs[held], np.diff(edges))) / YEAR
        return total

    def years_since_quitting(self) -> float:
        """From the end of the latest time smoked; without any, from the quit date or the first record of it."""
        if self.spells:
            return (self.moment - self.spells[-1][1]) / YEAR
        stopped = self.time[np.isin(self.kind, (STOPPED, QUIT))]
        if not len(stopped):
            return np.nan
        quit_date = self._quit_date()
        stop = stopped[0] if quit_date is None or quit_date > stopped[-1] else quit_date
        return float(self.moment - stop) / YEAR

    @cached_property
    def spells(self) -> list[tuple[int, int]]:
        """When smoking began and ended, each time, by the rules above."""
        found: list[tuple[int, int]] = []
        begun, latest = self._start_by_age(), None
        for time, smokes in self._statements():
            if smokes:
                begun, latest = (time if begun is None else min(begun, time)), time
            elif begun is not None:
                stop = self._stop(
                    begun if latest is None else latest, time, known=latest is not None
                )
                if stop is not None:
                    found.append((begun, stop))
                begun, latest = None, None
        if begun is not None and latest is not None:
            found.append((begun, self.moment))
        return found

    def _statements(self) -> list[tuple[int, bool]]:
        """When each record was made that tells of smoking or not; at one instant smoking wins."""
        amount = np.isin(self.kind, (CIGARETTES, PACKS))
        smokes = (self.kind == SMOKES) | (amount & (self.value > 0))
        stopped = np.isin(self.kind, (STOPPED, QUIT)) & ~np.isin(self.time, self.time[smokes])
        told = np.flatnonzero(smokes | stopped)
        return [(int(self.time[place]), bool(smokes[place])) for place in told]

    def _stop(self, after: int, record: int, *, known: bool) -> int | None:
        """Between the last record of smoking and the one of having stopped; None where only a start is known."""
        quit_date = self._quit_date()
        if quit_date is not None and after < quit_date <= record:
            return quit_date
        return (after + record) // 2 if known else None

    def _start_by_age(self) -> int | None:
        told = self._latest(START_AGE)
        if told is None or self.birth == STATIC:
            return None
        return min(self.birth + round(told[1] * YEAR), self.moment)

    def _quit_date(self) -> int | None:
        told = self._latest(QUIT)
        return None if told is None else int(moments_of_years(np.array([told[1]]))[0])

    def _amounts(self) -> tuple[Ints, Floats] | None:
        """When each amount was recorded and how many packs a day; None where none was."""
        packs = np.where(self.kind == CIGARETTES, self.value / CIGARETTES_PER_PACK, self.value)
        told = np.isin(self.kind, (CIGARETTES, PACKS)) & (packs > 0)
        return (self.time[told], packs[told]) if told.any() else None

    def _latest(self, kind: int) -> tuple[int, float] | None:
        places = np.flatnonzero((self.kind == kind) & ~np.isnan(self.value))
        return (int(self.time[places[-1]]), float(self.value[places[-1]])) if len(places) else None
