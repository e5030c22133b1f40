"""People who were seen for some time: how long, what ended it, and what is known of them at a horizon.

Those whom the record loses before the horizon are neither with nor without the outcome. Those who stay stand for
them: each is weighted by one over the chance of being seen for so long (inverse probability of censoring weights;
Robins & Finkelstein 2000, doi 10.1111/j.0006-341X.2000.00779.x). Another cause that came first is an answer: the
outcome did not happen by the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

FEWEST_SEEN = 20
"""So many without an event must have been seen to a horizon. At the end of what was recorded the few who reach it would
stand for everyone; where nobody does, only those who had an event would be known."""


@dataclass(frozen=True, kw_only=True)
class Followed:
    """How long each of n people was seen and what ended it.

    duration_days : float64[n], above 0, from the prediction time
    event : int64[n], 0 where the record ends first, else which cause came, 1..k
    entry_days : float64[n], from when on each was seen, below the duration; None where all were from the start

    Raises
    ------
    ValueError
        Arrays of different lengths, a duration that is not after its entry, or an event below 0.
    """

    duration_days: Floats
    event: npt.NDArray[np.int64]
    entry_days: Floats | None = None

    def __post_init__(self) -> None:
        if len(self.duration_days) != len(self.event):
            raise ValueError("duration_days and event have different lengths")
        start = np.zeros(1) if self.entry_days is None else self.entry_days
        if not (self.duration_days > start).all():
            raise ValueError("every duration lies after its entry, which is 0 where none is given")
        if len(self.event) and self.event.min() < 0:
            raise ValueError("an event is 0 (none seen) or a cause from 1 on")

    def __len__(self) -> int:
        return len(self.event)

    def rows(self, places: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Followed:
        """Those of `places`."""
        return Followed(
            duration_days=self.duration_days[places],
            event=self.event[places],
            entry_days=None if self.entry_days is None else self.entry_days[places],
        )

    def known_at(
        self, horizon_days: float, *, cause: int = 1
    ) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Who had `cause` in (0, `horizon_days`], and how many people each stands for.

        Returns
        -------
        outcome : bool[n]
        weight : float64[n]; 0 for those whom the record lost before the horizon

        Raises
        ------
        ValueError
            Some entered late: weights of those who were never seen cannot be had.
        """
        if self.entry_days is not None:
            raise ValueError(
                "weights for censoring need everyone from the start; entry_days is set"
            )
        ended = (self.event > 0) & (self.duration_days <= horizon_days)
        # Whose record ends with the horizon itself was seen for all of it.
        seen = (self.duration_days > horizon_days) | (
            (self.event == 0) & (self.duration_days == horizon_days)
        )
        stays = self._staying
        weight = np.zeros(len(self))
        weight[ended] = 1 / stays.before(self.duration_days[ended])
        if seen.any():
            weight[seen] = 1 / stays.before(np.array([horizon_days]))[0]
        return ended & (self.event == cause), weight

    @cached_property
    def _staying(self) -> Staying:
        return Staying.of(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staying:
    """The Kaplan-Meier curve of not being lost; of an event and a loss on the same day the event comes first."""

    times: Floats
    chance: Floats

    @classmethod
    def of(cls, followed: Followed) -> Staying:
        """The curve of `followed`."""
        lost_at, lost = np.unique(followed.duration_days[followed.event == 0], return_counts=True)
        durations = np.sort(followed.duration_days)
        ended = np.sort(followed.duration_days[followed.event > 0])
        at_risk = len(durations) - np.searchsorted(durations, lost_at, side="left")
        at_risk -= np.searchsorted(ended, lost_at, side="right") - np.searchsorted(
            ended, lost_at, side="left"
        )
        stayed: Floats = 1 - lost.astype(float) / at_risk
        return cls(times=lost_at, chance=np.asarray(np.cumprod(stayed), dtype=np.float64))

    def before(self, days: Floats) -> Floats:
        """The chance of not being lost before each of `days`, float64[m]."""
        return self._at(np.searchsorted(self.times, days, side="left"))

    def _at(self, steps: npt.NDArray[np.intp]) -> Floats:
        return np.concatenate([[1.0], self.chance])[steps]


def seen_to(outcome: Followed, days: float) -> int:
    """How many were seen to a day without an event before it."""
    return int((outcome.duration_days >= days).sum())


def is_unseen(outcome: Followed, days: float) -> bool:
    """Whether people were lost before a day, and too few were seen to it without an event to stand for them.

    Too few are fewer than `FEWEST_SEEN`, unless even fewer were lost.
    """
    lost = int(((outcome.event == 0) & (outcome.duration_days < days)).sum())
    return seen_to(outcome, days) < min(FEWEST_SEEN, lost)


def horizons_seen(outcome: Followed, horizons_days: npt.ArrayLike) -> int:
    """How many of the horizons (float64[h], ascending) people were seen to: all before the first that `is_unseen`."""
    horizons = np.asarray(horizons_days, dtype=np.float64)
    return next(
        (h for h, days in enumerate(horizons) if is_unseen(outcome, float(days))), len(horizons)
    )
