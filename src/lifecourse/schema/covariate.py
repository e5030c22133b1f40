"""The one question: which codes, in which window, summarised how, at rows of (subject, prediction_time)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lifecourse.base.errors import UserError

if TYPE_CHECKING:
    from lifecourse.schema.code import Codelist
    from lifecourse.schema.window import Window


class Summary(StrEnum):
    """What is made of the events in the window.

    EXISTS, COUNT, COUNT_VALUES and ACTIVE are 0 where nothing was found; every other summary is missing (NaN)
    there, since *not measured* is not 0. COUNT_VALUES, FIRST, LAST, MIN, MAX, MEAN, SUM, SLOPE and CHANGE use events
    with a number only; of events at the same instant FIRST takes the first and LAST the last in the table's
    order. SLOPE is the least-squares change per year (365.25 days), missing with fewer than two distinct times.
    CHANGE is the mean of the window minus the mean of all that came before the window: how far somebody has moved
    from what was usual for them; missing where either has no number, so always of a window that takes in all history.
    TIME_SINCE is days from the latest event to t; TIME_FIRST is days from t to the earliest event (negative in
    history, positive in an outcome window); both, SLOPE and CHANGE are missing for facts without a time. ACTIVE is 1
    when something started at or before t and had not ended by t: its end is after t, or no end is stated and
    it started inside the window.
    """

    EXISTS = "exists"
    COUNT = "count"
    COUNT_VALUES = "count_values"
    FIRST = "first"
    LAST = "last"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    SUM = "sum"
    SLOPE = "slope"
    CHANGE = "change"
    TIME_SINCE = "time_since"
    TIME_FIRST = "time_first"
    ACTIVE = "active"


OF_NUMBERS = frozenset(
    {
        Summary.COUNT_VALUES,
        Summary.FIRST,
        Summary.LAST,
        Summary.MIN,
        Summary.MAX,
        Summary.MEAN,
        Summary.SUM,
        Summary.SLOPE,
        Summary.CHANGE,
    }
)
"""Summaries that use events with a number only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRange:
    """Only events whose numeric value lies between the two ends, each included unless said otherwise.

    Values are float32, so the ends are compared as float32 too: 5.7 recorded is at least 5.7. Without ends:
    any event with a number.
    """

    low: float | None = None
    high: float | None = None
    low_inclusive: bool = True
    high_inclusive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariate:
    """One question of a timeline; `name` is its column."""

    name: str
    codelist: Codelist
    window: Window
    summary: Summary
    values: ValueRange | None = None

    def __post_init__(self) -> None:
        """Refuse an empty name."""
        if not self.name:
            raise UserError("a covariate needs a name.")
