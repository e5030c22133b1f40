"""FHIR dates and times: what was known when, and how exactly.

An instant is known when it is. A date, a month or a year is known at its last microsecond and happened from its
first, in the source's zone. Times without an offset take that zone; one that daylight saving skips is read with
the offset before the gap (PEP 495, fold 0), one that occurs twice is the first of the two. A leap second, which FHIR
allows, is read as the second before it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lifecourse.base.clock import MICROSECONDS_PER_SECOND, to_microseconds

PARTIAL = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
# Python also reads 20190503 and 2019-W18-5, as midnight: a date of another form must not become an exact time.
INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?")
DECEMBER = 12
LEAP = "60"
LAST_YEAR = 9999
FIRST = to_microseconds(datetime.min.replace(tzinfo=UTC))
LAST = to_microseconds(datetime.max.replace(tzinfo=UTC))
MICROSECOND = timedelta(microseconds=1)


# What an exact time is made of, each part seen before: its day, hour with minute, and seconds with offset. Sources have
# millions of times and few of each.
DAYS: dict[str, int] = {}
MINUTES: dict[str, int] = {}
SECONDS: dict[str, int] = {}
MOST_SECONDS = 20_000
DATE_LENGTH, MINUTE_LENGTH = 10, 16


class Moment(NamedTuple):
    """Microseconds UTC: `start` when it happened at the earliest, `known` when it was known; `precision` or None.

    A tuple and not a dataclass, because a source has several times in each of its records.
    """

    start: int
    known: int
    precision: str | None = None


class BadTimeError(ValueError):
    """A text that is no FHIR date or time."""


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
            return _partial(partial, ZoneInfo(zone))
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


def _partial(found: re.Match[str], zone: ZoneInfo) -> Moment:
    year, month, day = (int(part) if part else None for part in found.groups())
    assert year is not None  # noqa: S101 -- the pattern has it
    if year == LAST_YEAR:
        # 9999-12-31 is how many systems write "no end yet"; nothing comes after it in a calendar.
        start = datetime(year, month or 1, day or 1, tzinfo=UTC)
        precision = "day" if day else "month" if month else "year"
        return Moment(to_microseconds(start), LAST, precision)
    start = datetime(year, month or 1, day or 1, tzinfo=zone)
    if day is not None:
        naive, precision = datetime(year, month or 1, day) + timedelta(days=1), "day"  # noqa: DTZ001 -- local
    elif month is not None:
        after = (year + 1, 1) if month == DECEMBER else (year, month + 1)
        naive, precision = datetime(*after, 1), "month"  # noqa: DTZ001 -- local
    else:
        naive, precision = datetime(year + 1, 1, 1), "year"  # noqa: DTZ001 -- local
    following = to_microseconds(naive.replace(tzinfo=zone))
    return Moment(max(to_microseconds(start), FIRST), following - 1, precision)
