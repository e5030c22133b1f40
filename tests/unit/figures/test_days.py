"""A bar a day: what the picture shows is what the table says."""

from __future__ import annotations

import re
from datetime import date, timedelta

from lifecourse.figures.days import Day, days

START = date(2026, 11, 1)


def test_bars_are_as_high_as_what_they_count() -> None:
    bars = [Day(day=START + timedelta(days=n), answered=10 * n, refused=n) for n in range(9)]
    figure = days(bars, title="Entries")
    heights = [float(found) for found in re.findall(r'<rect [^>]*height="([\d.]+)"', figure.svg)]
    assert len(heights) == 16  # nothing is drawn of a day with nothing
    assert max(heights) == heights[-1]
    assert abs(heights[-1] / heights[-2] - 10) < 0.1
    assert [row["answered"] for row in figure.rows] == [10 * n for n in range(9)]


def test_an_emergency_is_marked_and_said() -> None:
    figure = days([Day(day=START, answered=1, emergencies=2)], title="Entries")
    assert "2 in an emergency" in figure.svg
    assert "<path" in figure.svg


def test_no_day_is_an_empty_picture() -> None:
    assert days([], title="Entries").rows == []
    assert "no day to show" in days([], title="Entries").svg
