"""What was known when, and how exactly: moments of any source, and the time stamps of HL7 v2 and v3.

An instant is known when it is. A date, a month or a year is known at its last microsecond and happened from its
first, in the source's zone. Times without an offset take that zone; one that daylight saving skips is read with
the offset before the gap (PEP 495, fold 0), one that occurs twice is the first of the two. A leap second is read as
the second before it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lifecourse.base.clock import MICROSECONDS_PER_HOUR, to_microseconds

DECEMBER = 12
LAST_YEAR = 9999
FIRST = to_microseconds(datetime.min.replace(tzinfo=UTC))
LAST = to_microseconds(datetime.max.replace(tzinfo=UTC))
# HL7 v2.9 section 2A.3.26 (DTM) and HL7 v3 data type TS: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]. Samples of the
# standard itself also have an offset of three digits.
STAMP = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,9}))?)?)?)?)?)?([+-]\d{1,4})?"
)
LEAP_SECOND, LAST_SECOND = 60, 59


class Moment(NamedTuple):
    """Microseconds UTC: `start` when it happened at the earliest, `known` when it was known; `precision` or None.

    A tuple and not a dataclass, because a source has several times in each of its records.
    """

    start: int
    known: int
    precision: str | None = None


class BadTimeError(ValueError):
    """A text that is no date or time of its standard."""


def partial_moment(year: int, month: int | None, day: int | None, zone: tzinfo) -> Moment:
    """The moment of a year, a month or a day in `zone`.

    Raises
    ------
    ValueError
        The calendar has no such day.
    """
    precision = "day" if day else "month" if month else "year"
    if year == LAST_YEAR:
        # 9999-12-31 is how many systems write "no end yet"; nothing comes after it in a calendar.
        start = datetime(year, month or 1, day or 1, tzinfo=UTC)
        return Moment(to_microseconds(start), LAST, precision)
    start = datetime(year, month or 1, day or 1, tzinfo=zone)
    if day is not None:
        naive = datetime(year, month or 1, day) + timedelta(days=1)  # noqa: DTZ001 -- local
    elif month is not None:
        after = (year + 1, 1) if month == DECEMBER else (year, month + 1)
        naive = datetime(*after, 1)  # noqa: DTZ001 -- local
    else:
        naive = datetime(year + 1, 1, 1)  # noqa: DTZ001 -- local
    following = to_microseconds(naive.replace(tzinfo=zone))
    return Moment(max(to_microseconds(start), FIRST), following - 1, precision)


@lru_cache(maxsize=65_536)
def stamp_moment(text: str, zone: str) -> Moment:
    """The moment that an HL7 time stamp names (``20150722``, ``201507221030-0500``), naive ones read in `zone`.

    A stamp that ends with the hour is known at the end of that hour. Stamps of a day or longer are read in `zone`, or
    with the offset that they have against the standard.

    Raises
    ------
    BadTimeError
        `text` is no time stamp of HL7.
    """
    found = STAMP.fullmatch(text.strip())
    if found is None:
        raise BadTimeError
    year, month, day, hour, minute, second = (
        int(part) if part else None for part in found.groups()[:6]
    )
    try:
        place = ZoneInfo(zone) if found[8] is None else _offset(found[8])
        assert year is not None  # noqa: S101 -- the pattern has it
        if hour is None:
            return partial_moment(year, month, day, place)
        whole = LAST_SECOND if second == LEAP_SECOND else second or 0
        fraction = int((found[7] or "0").ljust(6, "0")[:6])
        local = datetime(
            year, month or 1, day or 1, hour, minute or 0, whole, fraction, tzinfo=place
        )
        exact = min(max(to_microseconds(local), FIRST), LAST)
    except (ValueError, OverflowError):
        raise BadTimeError from None
    if minute is None:
        return Moment(exact, exact + MICROSECONDS_PER_HOUR - 1)
    return Moment(exact, exact)


def _offset(text: str) -> tzinfo:
    digits = text[1:]
    hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if text[0] == "-" else offset)
