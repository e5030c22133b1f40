"""Windows of time around a row's `prediction_time`, and which of their ends they include."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lifecourse.base.clock import (
    DAYS_PER_YEAR,
    MICROSECONDS_PER_DAY,
    to_microseconds,
)
from lifecourse.base.errors import UserError

EARLIEST = -(2**62)
LATEST = 2**62


class Anchor(StrEnum):
    """What a bound is counted from."""

    PREDICTION_TIME = "prediction_time"
    BIRTH = "birth"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One end of a window: `offset` microseconds from `anchor` (from 1970 for the calendar)."""

    anchor: Anchor = Anchor.PREDICTION_TIME
    offset: int = 0


UNBOUNDED_PAST = Bound(offset=EARLIEST)
UNBOUNDED_FUTURE = Bound(offset=LATEST)
NOW = Bound()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The events between two bounds. Static events (no time) lie in no window but the one of `static()`."""

    start: Bound
    end: Bound
    start_inclusive: bool = False
    end_inclusive: bool = True
    is_static: bool = False

    def __post_init__(self) -> None:
        """Refuse a window that ends before it starts."""
        if self.start.anchor == self.end.anchor and self.start.offset > self.end.offset:
            raise UserError("a window ends before it starts. Exchange its start and end.")

    @property
    def looks_ahead(self) -> bool:
        """Whether events after `prediction_time` can lie in the window: true of outcomes, never of inputs.

        Windows by age or calendar are cut at `prediction_time`.
        """
        return self.end.anchor == Anchor.PREDICTION_TIME and self.end.offset > 0


def before(duration: timedelta | None = None) -> Window:
    """History, (t - duration, t]: the moment itself counts as known. No duration: all history to t."""
    if duration is None:
        return Window(start=UNBOUNDED_PAST, end=NOW, start_inclusive=True)
    return Window(start=Bound(offset=-_microseconds(duration)), end=NOW)


def after(duration: timedelta | None = None) -> Window:
    """Outcome, (t, t + duration]. No duration: all that follows t."""
    end = UNBOUNDED_FUTURE if duration is None else Bound(offset=_microseconds(duration))
    return Window(start=NOW, end=end)


def between_ages(start_years: float, end_years: float) -> Window:
    """Age in [start, end) years of 365.25 days, cut at t: later events are never seen."""
    return Window(
        start=Bound(anchor=Anchor.BIRTH, offset=_years(start_years)),
        end=Bound(anchor=Anchor.BIRTH, offset=_years(end_years)),
        start_inclusive=True,
        end_inclusive=False,
    )


def between_dates(start: datetime, end: datetime) -> Window:
    """Calendar time in [start, end), cut at t: later events are never seen."""
    return Window(
        start=Bound(anchor=Anchor.CALENDAR, offset=to_microseconds(start)),
        end=Bound(anchor=Anchor.CALENDAR, offset=to_microseconds(end)),
        start_inclusive=True,
        end_inclusive=False,
    )


def static() -> Window:
    """The facts without a time."""
    return Window(start=UNBOUNDED_PAST, end=NOW, start_inclusive=True, is_static=True)


def _microseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)


def _years(years: float) -> int:
    return round(years * DAYS_PER_YEAR * MICROSECONDS_PER_DAY)
