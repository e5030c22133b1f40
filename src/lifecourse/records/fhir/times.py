"""FHIR dates and times: what was known when, and how exactly.

An instant is known when it is. A date, a month or a year is known at its last microsecond and happened from its
first, in the source's zone. Times without an offset take that zone; one that daylight saving skips is read with
the offset before the gap (PEP 495, fold 0), one that occurs twice is the first of the two. A leap second, which FHIR
allows, is read as the second before it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from lifecourse.base.clock import MICROSECONDS_PER_SECOND, to_microseconds
from lifecourse.records.moments import (
    FIRST,
    LAST,
    LAST_YEAR,
    BadTimeError,
    Moment,
    partial_moment,
)

__all__ = ["BadTimeError", "Moment", "looked_at", "moment"]

PARTIAL = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
# Python also reads 20190503 and 2019-W18-5, as midnight: a date of another form must not become an exact time.
INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?")
LEAP = "60"

# What an exact time is made of, each part seen before: its day, hour with minute, and seconds with offset. Sources have
# millions of times and few of each.
DAYS: dict[str, int] = {}
MINUTES: dict[str, int] = {}
SECONDS: dict[str, int] = {}
MOST_SECONDS = 20_000
DATE_LENGTH, MINUTE_LENGTH = 10, 16


def moment(text: str, zone: str) -> Moment:
    """The moment that `text` names, naive times read in `zone`.

    Raises
    ------
    BadTimeError
        `text` is not a FHIR date, dateTime or instant.
    """
    try:
        exact = DAYS[text[:10]] + MINUTES[text[10:16]] + SECONDS[text[16:]]
    except KeyError:
        return looked_at(text, zone)
    return Moment(exact, exact)


def looked_at(text: str, zone: str) -> Moment:
    """As `moment`, of a text of which a part was not seen before."""
    return _of_day(text, zone) if len(text) <= DATE_LENGTH else _of_text(text, zone)


@lru_cache(maxsize=65_536)
def _of_day(text: str, zone: str) -> Moment:
    return _of_text(text, zone)


def _of_text(text: str, zone: str) -> Moment:
    partial = PARTIAL.fullmatch(text)
    try:
        if partial:
            month, day = (int(part) if part else None for part in partial.groups()[1:])
            return partial_moment(int(partial[1]), month, day, ZoneInfo(zone))
        parsed = _instant(text)
    except (ValueError, OverflowError):
        raise BadTimeError from None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=ZoneInfo(zone))
    else:
        _remember(text, parsed)
    exact = min(max(to_microseconds(parsed), FIRST), LAST)
    return Moment(exact, exact)


def _remember(text: str, parsed: datetime) -> None:
    """Keep the parts of an exact time, but at the ends of the calendar, where sums may leave it."""
    if not 1 < parsed.year < LAST_YEAR:
        return
    day = to_microseconds(datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC))
    minutes = (60 * parsed.hour + parsed.minute) * 60 * MICROSECONDS_PER_SECOND
    if len(SECONDS) >= MOST_SECONDS:
        SECONDS.clear()
    DAYS[text[:DATE_LENGTH]] = day
    MINUTES[text[DATE_LENGTH:MINUTE_LENGTH]] = minutes
    SECONDS[text[MINUTE_LENGTH:]] = to_microseconds(parsed) - day - minutes


def _instant(text: str) -> datetime:
    found = INSTANT.fullmatch(text)
    if found is None:
        raise ValueError
    minute, second, _, offset = found.groups()
    return datetime.fromisoformat(f"{minute}:59{offset or ''}" if second == LEAP else text)
