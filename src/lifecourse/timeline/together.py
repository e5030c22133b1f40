"""The charts of a shard's people, each looked at from its own moment, asked of all at once.

A chart asked by itself costs a sweep for each list of questions and a search for each event behind an answer. For a
panel one sweep answers a list for everyone, and one pass finds the events of a question for everyone; the answers and
events are those that `Chart` gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import from_microseconds
from lifecourse.schema.code import codes
from lifecourse.schema.covariate import OF_NUMBERS, Summary
from lifecourse.schema.event import BIRTH, DEATH
from lifecourse.timeline.chart import Chart, deciding_of, sex_among
from lifecourse.timeline.kernel import (
    births_of,
    compiled_once,
    evaluate,
    inclusive_range,
    window_bounds,
)
from lifecourse.timeline.shard import NO_END, STATIC, Shard, shard_from_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import numpy.typing as npt
    import polars as pl

    from lifecourse.schema.covariate import Covariate
    from lifecourse.timeline.shard import CodeTable

    Places = tuple[npt.NDArray[np.int64], list[int]]

MOST_SHARDS_OF_ANSWERS = 16


@dataclass(frozen=True, kw_only=True)
class Together:
    """People whose charts share one sweep.

    shard : Shard of n people
    events : table of EVENT_COLUMNS, row for row with the shard's arrays
    latest_of_anyone : microseconds UTC of the latest event in the store
    """

    shard: Shard
    events: pl.DataFrame
    latest_of_anyone: int
    _answers: dict[int, tuple[object, npt.NDArray[np.float64]]] = field(default_factory=dict)
    _deciding: dict[int, tuple[object, Places]] = field(default_factory=dict)

    @classmethod
    def of(cls, events: pl.DataFrame, table: CodeTable, latest_of_anyone: int) -> Together:
        """The people of `events`, which are sorted as `lifecourse.schema.event` says."""
        shard = shard_from_events(events, table)
        return cls(shard=shard, events=events, latest_of_anyone=latest_of_anyone)

    @cached_property
    def at(self) -> npt.NDArray[np.int64]:
        """int64[n] microseconds UTC: the moment to look at each from, as `Chart.as_of`; STATIC without any."""
        shard = self.shard
        dated = np.append(0, np.cumsum(shard.time != STATIC))
        births = np.append(0, np.cumsum(self._is(BIRTH)))
        n_dated, n_births = np.diff(dated[shard.offsets]), np.diff(births[shard.offsets])
        last = shard.time[shard.offsets[1:] - 1]  # the undated come first
        alone = np.where(n_dated > 0, self.latest_of_anyone, STATIC)
        return np.where(n_dated > n_births, last, alone).astype(np.int64)

    @cached_property
    def moments(self) -> npt.NDArray[np.int64]:
        """int64[n] `at`, and 0 for those who have none and of whom nothing is asked."""
        return np.where(self.at == STATIC, 0, self.at)

    @cached_property
    def births(self) -> list[datetime | None]:
        """When each was born."""
        return [None if at == STATIC else from_microseconds(at) for at in self.shard.birth.tolist()]

    @cached_property
    def deaths(self) -> list[datetime | None]:
        """When each died, where the record says so."""
        found: list[datetime | None] = [None] * self.shard.n_subjects
        places = np.flatnonzero(self._is(DEATH))
        owners = self.shard.owners(places)
        for owner, place in zip(owners[::-1].tolist(), places[::-1].tolist(), strict=True):
            found[owner] = from_microseconds(int(self.shard.time[place]))
        return found

    @cached_property
    def sexes(self) -> list[str | None]:
        """``female``, ``male``, ``other`` or ``unknown``; None where the record does not say."""
        shard = self.shard
        meant = [
            sex_among((code, *shard.codes.parents[i])) for i, code in enumerate(shard.codes.codes)
        ]
        tells = np.array([sex is not None for sex in meant], dtype=bool)
        found: list[str | None] = [None] * shard.n_subjects
        places = np.flatnonzero(tells[shard.code])
        owners = shard.owners(places)
        for owner, code in zip(
            owners[::-1].tolist(), shard.code[places[::-1]].tolist(), strict=True
        ):
            found[owner] = meant[code]
        return found

    def answers(self, covariates: Sequence[Covariate]) -> npt.NDArray[np.float64]:
        """float64[n, k]: the answer to each of k covariates of each person at their moment."""
        kept = self._answers.get(id(covariates))
        if kept is None or kept[0] is not covariates:
            compiled = compiled_once(covariates, self.shard.codes)
            rows = np.arange(self.shard.n_subjects)
            kept = (covariates, evaluate(self.shard, compiled, rows, self.moments))
            if len(self._answers) < MOST_SHARDS_OF_ANSWERS:
                self._answers[id(covariates)] = kept
        return kept[1]

    def deciding(self, covariate: Covariate, person: int, most: int) -> list[int]:
        """The last `most` places in `events` of those that decide one person's answer (`Chart.deciding`)."""
        kept = self._deciding.get(id(covariate))
        if kept is None or kept[0] is not covariate:
            kept = self._deciding[id(covariate)] = (covariate, self._entering(covariate))
        places, starts = kept[1]
        start, stop = starts[person], starts[person + 1]
        if start == stop:
            return []
        chosen = deciding_of(covariate.summary, places[start:stop], self.shard.value)
        return [int(place) for place in chosen[-most:]]

    def charts(self) -> Iterator[Member]:
        """Everyone's chart."""
        shard, offsets = self.shard, self.shard.offsets.tolist()
        for person, subject_id in enumerate(shard.subject_ids.tolist()):
            start, stop = offsets[person], offsets[person + 1]
            own = slice(start, stop)
            yield Member(
                subject_id=subject_id,
                shard=Shard(
                    codes=shard.codes,
                    subject_ids=shard.subject_ids[person : person + 1],
                    offsets=np.array([0, stop - start]),
                    time=shard.time[own],
                    code=shard.code[own],
                    value=shard.value[own],
                    end=shard.end[own],
                ),
                events=self.events.slice(start, stop - start),
                latest_of_anyone=self.latest_of_anyone,
                together=self,
                person=person,
            )

    def _entering(self, covariate: Covariate) -> Places:
        """Places of the events that enter each one's answer, and where each person's start among them."""
        shard = self.shard
        places = self._places_of(shard.codes.ids(covariate.codelist))
        owner = shard.owners(places)
        time, value = shard.time[places], shard.value[places]
        keep = np.ones(len(places), dtype=bool)
        if covariate.values is not None:
            low, high = inclusive_range(covariate.values)
            keep &= (value >= np.float32(low)) & (value <= np.float32(high))
        lows, highs = window_bounds(
            covariate.window, self.moments[owner], births_of(shard, owner.astype(np.int64))
        )
        inside = (time >= lows) & (time <= highs)
        if covariate.summary == Summary.ACTIVE:
            end, at = shard.end[places], self.moments[owner]
            started = (time != STATIC) & (time <= at)
            inside = started & np.where(end == NO_END, inside, end > at)
        elif covariate.summary in OF_NUMBERS:
            keep &= ~np.isnan(value)
            if covariate.summary == Summary.CHANGE:
                inside |= (time != STATIC) & (time < lows) & (lows <= highs)
        keep &= inside
        starts = np.searchsorted(owner[keep], np.arange(shard.n_subjects + 1))
        return places[keep], starts.tolist()

    def _places_of(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Places of the events with one of the codes `ids`, in order."""
        order, starts = self._by_code
        parts = [order[starts[each] : starts[each + 1]] for each in ids.tolist()]
        return np.sort(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)

    @cached_property
    def _by_code(self) -> tuple[npt.NDArray[np.int64], list[int]]:
        order = np.argsort(self.shard.code, kind="stable")
        starts = np.searchsorted(self.shard.code[order], np.arange(len(self.shard.codes) + 1))
        return order, starts.tolist()

    def _is(self, code: str) -> npt.NDArray[np.bool_]:
        ids = self.shard.codes.ids(codes(code, code))
        return np.asarray(np.isin(self.shard.code, ids) & (self.shard.time != STATIC))


@dataclass(frozen=True, kw_only=True)
class Member(Chart):
    """The chart of one of several people who are asked together.

    At the person's own moment it answers from what was asked of all; at any other it is a chart like any other.
    """

    together: Together = field(repr=False)
    person: int

    @property
    def as_of(self) -> int | None:
        """The moment to look at the person from, microseconds UTC."""
        at = int(self.together.at[self.person])
        return None if at == STATIC else at

    @property
    def moment(self) -> int:
        """`as_of`; 0 without any."""
        return int(self.together.moments[self.person])

    @cached_property
    def birth(self) -> datetime | None:
        """When the subject was born."""
        return self.together.births[self.person]

    @cached_property
    def death(self) -> datetime | None:
        """When the subject died, where the record says so."""
        return self.together.deaths[self.person]

    @cached_property
    def sex(self) -> str | None:
        """``female``, ``male``, ``other`` or ``unknown``; None where the record does not say."""
        return self.together.sexes[self.person]

    def alone(self) -> Chart:
        """The same chart by itself."""
        return Chart(
            subject_id=self.subject_id,
            shard=self.shard,
            events=self.events,
            latest_of_anyone=self.latest_of_anyone,
        )

    def until(self, at: int) -> Chart:
        """The chart as it was at `at` (microseconds UTC), that moment's events included: one by itself."""
        return self.alone().until(at)

    def ask(self, covariates: Sequence[Covariate], at: int) -> dict[str, float]:
        """The answer to each covariate at `at` (microseconds UTC), by name; NaN where missing."""
        if at != self.as_of or not isinstance(covariates, tuple):
            return super().ask(covariates, at)
        row = self.together.answers(covariates)[self.person].tolist()
        return dict(zip((each.name for each in covariates), row, strict=True))

    def deciding(self, covariate: Covariate, at: int, most: int) -> list[dict[str, Any]]:
        """The last `most` rows of `trace`, each as a dict."""
        if at != self.as_of:
            return super().deciding(covariate, at, most)
        places = self.together.deciding(covariate, self.person, most)
        start = int(self.together.shard.offsets[self.person])
        return [self.row(place - start) for place in places]
