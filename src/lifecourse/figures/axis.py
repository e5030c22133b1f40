"""A time axis that several lanes share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime
from typing import TYPE_CHECKING

from lifecourse.base.clock import (
    DAYS_PER_YEAR,
    MICROSECONDS_PER_DAY,
    from_microseconds,
    to_microseconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_TICKS = 11
DAY = MICROSECONDS_PER_DAY
# Days between ticks where the axis is shorter than a year.
DAY_STEPS = (1, 2, 7, 14)
MONTH_STEPS = (1, 3, 6)
YEAR_STEPS = (1, 2, 5, 10, 20, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAxis:
    """Time from `start` to `end` (microseconds UTC) laid on x from `left` to `right`."""

    start: int
    end: int
    left: float
    right: float

    def x(self, moment: int) -> float:
        """Where `moment` lies; moments outside the axis lie at its ends."""
        share = (min(max(moment, self.start), self.end) - self.start) / max(
            1, self.end - self.start
        )
        return self.left + share * (self.right - self.left)

    def ticks(self) -> Iterator[tuple[int, str]]:
        """Round moments, few enough to read, with their names."""
        days = (self.end - self.start) / DAY
        for step in DAY_STEPS:
            if days / step <= MOST_TICKS:
                yield from self._days(step)
                return
        for step in MONTH_STEPS:
            if days / (DAYS_PER_YEAR / 12 * step) <= MOST_TICKS:
                yield from self._months(step)
                return
        years = days / DAYS_PER_YEAR
        step = next((step for step in YEAR_STEPS if years / step <= MOST_TICKS), 100)
        yield from self._months(12 * step)

    def _days(self, step: int) -> Iterator[tuple[int, str]]:
        first = -(-self.start // DAY) * DAY
        for moment in range(first, self.end + 1, step * DAY):
            yield moment, f"{from_microseconds(moment):%-d %b}"

    def _months(self, step: int) -> Iterator[tuple[int, str]]:
        opens = from_microseconds(self.start)
        month = (opens.year * 12 + opens.month - 1) // step * step
        while True:
            year, index = divmod(month, 12)
            if year > MAXYEAR:
                return
            moment = to_microseconds(datetime(max(1, year), index + 1, 1, tzinfo=UTC))
            if moment > self.end:
                return
            if moment >= self.start:
                yield moment, f"{year}" if step >= 12 else f"{from_microseconds(moment):%b %Y}"
            month += step
