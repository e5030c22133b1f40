"""Who gains most: urgent lines first, then the falls in risk a year."""

from __future__ import annotations

import polars as pl

from lifecourse.care.worklist import gain_of
from lifecourse.serve.panel import _by_gain


def line(*, urgent: bool = False, yearly: float = 0.0) -> dict[str, object]:
    return {"name": "x", "title": "X", "urgent": urgent, "yearly": yearly}


def test_gains_add_up() -> None:
    gain = gain_of([(True, 0.0), (False, 0.25), (False, 0.5), (False, -0.125)])
    assert (gain.urgent, gain.yearly, gain.gaps) == (1, 0.75, 4)
    assert gain_of([]).order == (0, 0, 0)


def test_the_urgent_come_first_and_equals_by_subject() -> None:
    firing = {1: [line(yearly=0.01)], 2: [line(urgent=True)], 4: [line(yearly=0.01)]}
    people = pl.DataFrame({"subject_id": [1, 2, 3, 4]})
    assert _by_gain(people, firing)["subject_id"].to_list() == [2, 1, 4, 3]
