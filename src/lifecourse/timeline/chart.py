"""One person's record, opened for a reason: the same kernel, the same answers, and the events behind them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY, from_microseconds
from lifecourse.schema.covariate import OF_NUMBERS, Summary
from lifecourse.schema.event import BIRTH, DEATH
from lifecourse.schema.window import Anchor, Bound, Window, before
from lifecourse.timeline.shard import NO_END, STATIC, Shard

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.schema.covariate import Covariate


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A subject's events in memory.

    subject_id : int
    shard : Shard of this one subject
    events : table of EVENT_COLUMNS, row for row with the shard's arrays
    latest_of_anyone : microseconds UTC of the latest event in the store the chart is from
    identity : identifiers and name where the store has an identity map
    """

    subject_id: int
    shard: Shard
    events: pl.DataFrame
    latest_of_anyone: int | None = None
    identity: dict[str, Any] | None = field(default=None, repr=False)

    def ask(self, covariates: Sequence[Covariate], at: int) -> dict[str, float]:
        """The answer to each covariate at `at` (microseconds UTC), by name; NaN where missing."""
        from lifecourse.timeline.kernel import compiled_once, evaluate

        compiled = compiled_once(covariates, self.shard.codes)
        rows = np.zeros(1, dtype=np.int64)
        answers = evaluate(self.shard, compiled, rows, np.array([at], dtype=np.int64))
        return {c.name: float(answers[0, i]) for i, c in enumerate(covariates)}

    def trace(self, covariate: Covariate, at: int) -> pl.DataFrame:
        """The events that decide the answer to `covariate` at `at`, in the table's order.

        For FIRST, LAST, MIN, MAX, TIME_SINCE and TIME_FIRST the one event (the latest of equals for LAST and
        TIME_SINCE, the earliest otherwise); for the other summaries all events that enter.
        """
        places = self._places(covariate, at)
        chosen = deciding_of(covariate.summary, places, self.shard.value).tolist()
        if len(chosen) == 1:
            # One event is the usual case, and a slice costs a fiftieth of a gather.
            return self.events.slice(chosen[0], 1)
        deciding: pl.DataFrame = self.events[chosen]
        return deciding

    def deciding(self, covariate: Covariate, at: int, most: int) -> list[dict[str, Any]]:
        """The last `most` rows of `trace`, each as a dict: a row at a time is read faster than a table is gathered.

        They are remembered, for every score and rule asks about the same few covariates.
        """
        asked = (id(covariate), at, most)
        if asked not in self._decided:
            places = self._places(covariate, at)
            chosen = deciding_of(covariate.summary, places, self.shard.value)[-most:].tolist()
            # The covariate is kept with its rows, so that no other one gets its identity.
            self._decided[asked] = covariate, [self.row(place) for place in chosen]
        return self._decided[asked][1]

    def row(self, place: int) -> dict[str, Any]:
        """The event at `place` in `events`, remembered."""
        if place not in self._rows:
            self._rows[place] = self.events.row(place, named=True)
        return self._rows[place]

    @cached_property
    def _rows(self) -> dict[int, dict[str, Any]]:
        return {}

    @cached_property
    def _decided(self) -> dict[tuple[int, int, int], tuple[Covariate, list[dict[str, Any]]]]:
        return {}

    def age_at(self, at: int) -> float | None:
        """Age in years of 365.25 days at `at`, None where the birth is unknown."""
        birth = self._time_of(BIRTH)
        return None if birth is None else (at - birth) / (MICROSECONDS_PER_DAY * DAYS_PER_YEAR)

    @cached_property
    def birth(self) -> datetime | None:
        """When the subject was born."""
        moment = self._time_of(BIRTH)
        return None if moment is None else from_microseconds(moment)

    @cached_property
    def death(self) -> datetime | None:
        """When the subject died, where the record says so."""
        moment = self._time_of(DEATH)
        return None if moment is None else from_microseconds(moment)

    @cached_property
    def sex(self) -> str | None:
        """``female``, ``male``, ``other`` or ``unknown``; None where the record does not say."""
        return sex_of(self.shard)

    @cached_property
    def last_time(self) -> int | None:
        """Microseconds UTC of the latest event; None without any dated event."""
        dated = self.shard.time[self.shard.time != STATIC]
        return int(dated[-1]) if len(dated) else None

    @property
    def as_of(self) -> int | None:
        """The moment to look at the person from, microseconds UTC: the latest event of theirs.

        Of someone with a birth and nothing since, the latest of anyone's: they are not newborn for want of records.
        """
        dated = self.shard.time[self.shard.time != STATIC]
        births = self._of(BIRTH)
        if self.latest_of_anyone is None or len(dated) > len(births):
            return self.last_time
        return self.latest_of_anyone if len(dated) else None

    def until(self, at: int) -> Chart:
        """The chart as it was at `at` (microseconds UTC), that moment's events included."""
        shard = self.shard
        n = int(np.searchsorted(shard.time, at, side="right"))  # undated events come first
        known = Shard(
            codes=shard.codes,
            subject_ids=shard.subject_ids,
            offsets=np.array([0, n], dtype=shard.offsets.dtype),
            time=shard.time[:n],
            code=shard.code[:n],
            value=shard.value[:n],
            end=shard.end[:n],
        )
        return replace(self, shard=known, events=self.events[:n])

    def _of(self, code: str) -> npt.NDArray[np.int64]:
        """Places of the dated events that `code` means."""
        from lifecourse.schema.code import codes

        ids = self.shard.codes.ids(codes(code, code))
        return np.flatnonzero(np.isin(self.shard.code, ids) & (self.shard.time != STATIC))

    def _time_of(self, code: str) -> int | None:
        places = self._of(code)
        return int(self.shard.time[places[0]]) if len(places) else None

    def _places(self, covariate: Covariate, at: int) -> npt.NDArray[np.int64]:
        """Places of the events that enter the answer."""
        shard = self.shard
        first, last = self._span(covariate.window, at)
        is_active = covariate.summary == Summary.ACTIVE
        start, stop = self._span(before(), at) if is_active else (first, last)
        if covariate.summary == Summary.CHANGE and not covariate.window.is_static:
            start = min(self._span(before(), at)[0], stop)
        meant = np.zeros(len(shard.codes), dtype=np.bool_)
        meant[shard.codes.ids(covariate.codelist)] = True
        places = np.flatnonzero(meant[shard.code[start:stop]]) + start
        if covariate.values is not None:
            low, high = covariate.values.low, covariate.values.high
            value = shard.value[places]
            keep = ~np.isnan(value)
            if low is not None:
                keep &= value >= low if covariate.values.low_inclusive else value > low
            if high is not None:
                keep &= value <= high if covariate.values.high_inclusive else value < high
            places = places[keep]
        if is_active:
            end = shard.end[places]
            inside = (places >= first) & (places < last)
            return places[np.where(end == NO_END, inside, end > at)]
        if covariate.summary in OF_NUMBERS:
            return places[~np.isnan(shard.value[places])]
        return places

    def _span(self, window: Window, at: int) -> tuple[int, int]:
        """The events of a window, as the places of the first and the one after the last: undated ones come first."""
        time = self.shard.time
        undated = int(time.searchsorted(STATIC, side="right"))
        if window.is_static:
            return 0, undated
        start, end = self._bound(window.start, at), self._bound(window.end, at)
        if start is None or end is None:
            return 0, 0
        if not window.looks_ahead and end > at:
            last = time.searchsorted(at, side="right")
        else:
            last = time.searchsorted(end, side="right" if window.end_inclusive else "left")
        first = time.searchsorted(start, side="left" if window.start_inclusive else "right")
        return max(int(first), undated), int(last)

    def _bound(self, bound: Bound, at: int) -> int | None:
        if bound.anchor == Anchor.PREDICTION_TIME:
            return at + bound.offset
        if bound.anchor == Anchor.BIRTH:
            birth = self._time_of(BIRTH)
            return None if birth is None else birth + bound.offset
        return bound.offset


def deciding_of(
    summary: Summary, places: npt.NDArray[np.int64], value: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    """Those of `places`, the events that enter an answer in their order, that decide it (`Chart.trace`)."""
    if len(places) == 0:
        return places
    if summary in (Summary.LAST, Summary.TIME_SINCE):
        return places[-1:]
    if summary in (Summary.FIRST, Summary.TIME_FIRST):
        return places[:1]
    if summary == Summary.MIN:
        return places[[int(np.argmin(value[places]))]]
    if summary == Summary.MAX:
        return places[[int(np.argmax(value[places]))]]
    return places


def sex_of(shard: Shard) -> str | None:
    """The sex of a one-subject shard, from its ``SEX//`` codes or what maps to them."""
    for place in shard.code:
        found = sex_among((shard.codes.codes[place], *shard.codes.parents[place]))
        if found is not None:
            return found
    return None


def sex_among(names: tuple[str, ...]) -> str | None:
    """What the first ``SEX//`` code of the names of an event says."""
    for name in names:
        if name.startswith("SEX//"):
            return name.removeprefix("SEX//")
    return None
