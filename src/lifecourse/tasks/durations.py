"""Spans of time as people write them in tasks."""

from __future__ import annotations

import re

from lifecourse.base.clock import LONGEST_DAYS, MICROSECONDS_PER_SECOND
from lifecourse.base.errors import TaskError

SECONDS = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
    "w": 604800, "wk": 604800, "wks": 604800, "week": 604800, "weeks": 604800,
}  # fmt: skip


def microseconds(text: str, at: str) -> int:
    """Microseconds of ``24h``, ``365 days``, ``1 day 2 hours``, ``1:30:00`` (hours first), ``1:30`` (minutes first).

    Raises
    ------
    TaskError
        The text is no duration, or one of more than 200 years; the message starts with `at`.
    """
    rest = text.strip()
    clock = re.fullmatch(r"(?:(\d+)\s*d(?:ays?)?,?\s*)?(?:(\d+):)?(\d+):(\d{2}(?:\.\d+)?)", rest)
    if clock:
        days, hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return _checked(total, rest, at)
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]+)", rest)
    spelled = re.sub(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*,?\s*", "", rest)
    if not parts or spelled or any(unit.lower() not in SECONDS for _, unit in parts):
        raise TaskError(f"{at}: '{rest}' is not a duration. Write 24h, 30 days or 1 day 2 hours.")
    seconds = sum(float(number) * SECONDS[unit.lower()] for number, unit in parts)
    return _checked(seconds, rest, at)


def _checked(seconds: float, text: str, at: str) -> int:
    if seconds > LONGEST_DAYS * SECONDS["days"]:
        raise TaskError(f"{at}: '{text}' is longer than {LONGEST_DAYS:,} days (200 years).")
    return round(seconds * MICROSECONDS_PER_SECOND)
