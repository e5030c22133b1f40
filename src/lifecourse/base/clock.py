"""The one place that knows what time it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MICROSECONDS_PER_SECOND = 1_000_000
MICROSECONDS_PER_HOUR = 3_600 * MICROSECONDS_PER_SECOND
MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR
DAYS_PER_YEAR = 365.25
LONGEST_DAYS = 73_050
"""200 years: no question about a person reaches farther, and no reckoning with it overflows."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC; a naive `moment` is taken as UTC, as MEDS does."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = aware - EPOCH
    return (delta.days * 86_400 + delta.seconds) * MICROSECONDS_PER_SECOND + delta.microseconds


def from_microseconds(microseconds: int) -> datetime:
    """The aware UTC moment of `microseconds` since 1970-01-01."""
    return EPOCH + timedelta(microseconds=int(microseconds))
