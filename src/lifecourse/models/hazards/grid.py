"""Time cut into intervals with a constant baseline hazard in each: the piecewise exponential model.

With an interval for every event time it is Cox's model with Breslow's baseline (Holford 1980, doi 10.2307/2529982);
with fewer it is nearly that, at a cost that does not grow with the number of event times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.models.evaluation.followed import Followed

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

MOST_INTERVALS = 40


def time_grid(outcome: Followed, horizons_days: Floats, most: int = MOST_INTERVALS) -> Floats:
    """float64[g + 1] ascending edges from 0 to the last horizon: about `most` intervals with as many events each.

    Every horizon is an edge, so that nothing about it hangs on what comes later.
    """
    end = float(horizons_days[-1])
    times = outcome.duration_days[(outcome.event > 0) & (outcome.duration_days < end)]
    if len(times) == 0:
        return np.unique(np.concatenate([[0.0], horizons_days]))
    distinct = np.unique(times)
    if len(distinct) > most:
        distinct = np.quantile(times, np.arange(1, most) / most, method="inverted_cdf")
    return np.unique(np.concatenate([[0.0], distinct, horizons_days]))


def seen_until(outcome: Followed, days: float) -> tuple[Followed, Integers]:
    """The outcomes had follow-up ended at `days`, and which rows (int64) were seen before that at all."""
    seen = np.arange(len(outcome))
    if outcome.entry_days is not None:
        seen = np.flatnonzero(outcome.entry_days < days)
        outcome = outcome.rows(seen)
    longer = outcome.duration_days > days
    cut = Followed(
        duration_days=np.where(longer, days, outcome.duration_days),
        event=np.where(longer, 0, outcome.event),
        entry_days=outcome.entry_days,
    )
    return cut, seen


@dataclass(frozen=True, slots=True)
class Spans:
    """From when to when each row is at risk, as places in a grid of g intervals, (edge, next edge].

    entry, leaving : float64[r] days; first, last : int64[r] the intervals of the two
    """

    edges: Floats
    entry: Floats
    leaving: Floats
    first: Integers
    last: Integers

    @classmethod
    def of(cls, outcome: Followed, edges: Floats) -> Spans:
        """The spans of rows whose follow-up ends with the grid at the latest."""
        entry = np.zeros(len(outcome)) if outcome.entry_days is None else outcome.entry_days
        leaving, entry = (np.minimum(days, edges[-1]) for days in (outcome.duration_days, entry))
        return cls(
            edges=edges,
            entry=entry,
            leaving=leaving,
            first=_interval(edges, entry),
            last=_interval(edges, leaving),
        )

    def events(self, happened: npt.NDArray[np.bool_], weight: Floats) -> Floats:
        """float64[g] weighted events by interval."""
        n = len(self.edges) - 1
        counts = np.bincount(self.last[happened], weights=weight[happened], minlength=n)
        return counts.astype(np.float64)

    def exposure(self, weight: Floats) -> Floats:
        """float64[g] weighted days at risk by interval."""
        return self._until(self.leaving, self.last, weight) - self._until(
            self.entry, self.first, weight
        )

    def cumulated(self, rate: Floats) -> Floats:
        """float64[r] what a hazard of `rate` (float64[g], a day) adds up to over each row's span."""
        whole = np.concatenate([[0.0], np.cumsum(rate * np.diff(self.edges))])
        until = whole[self.last] + rate[self.last] * (self.leaving - self.edges[self.last])
        before = whole[self.first] + rate[self.first] * (self.entry - self.edges[self.first])
        return until - before

    def cumulated_within(self, rate: Floats, low: float, high: float) -> Floats:
        """float64[r] as `cumulated`, of the part of each row's span in (low, high] days."""
        whole = np.concatenate([[0.0], np.cumsum(rate * np.diff(self.edges))])
        until = np.interp(np.minimum(self.leaving, high), self.edges, whole)
        since = np.interp(np.maximum(self.entry, low), self.edges, whole)
        return np.maximum(until - since, 0.0)

    def _until(self, days: Floats, place: Integers, weight: Floats) -> Floats:
        n = len(self.edges) - 1
        total = np.bincount(place, weights=weight, minlength=n)
        longer = total[::-1].cumsum()[::-1] - total
        rest = np.bincount(place, weights=weight * (days - self.edges[place]), minlength=n)
        return longer * np.diff(self.edges) + rest


def _interval(edges: Floats, days: Floats) -> Integers:
    return np.clip(np.searchsorted(edges, days, side="left") - 1, 0, len(edges) - 2)
