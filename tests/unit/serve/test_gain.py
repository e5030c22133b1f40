"""Who gains most: urgent lines first, then the falls in risk a year."""

from __future__ import annotations

import polars as pl

from lifecourse.serve.panel import _by_gain, gain_of


def line(*, urgent: bool = False, yearly: float = 0.0) -> dict[str, object]:
    return {"name": "x", "title": "X", "urgent": urgent, "yearly": yearly}


def test_gains_add_up() -> None:
    assert gain_of([line(urgent=True), line(yearly=0.25), line(yearly=0.5)]) == (1, 0.75)
    assert gain_of([]) == (0, 0)


def test_the_urgent_come_first_and_equals_by_subject() -> None:
    firing = {1: [line(yearly=0.01)], 2: [line(urgent=True)], 4: [line(yearly=0.01)]}
    people = pl.DataFrame({"subject_id": [1, 2, 3, 4]})
    assert _by_gain(people, firing)["subject_id"].to_list() == [2, 1, 4, 3]
