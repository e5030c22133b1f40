"""The order of facts is that of a sort by all four, one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from lifecourse.simulation.ordering import NOTHING, in_order


@pytest.mark.parametrize("step", [1, 400_000, 1_000_000, 3_600_000_000], ids=str)
def test_rows_stand_by_person_time_place_and_value(step: int) -> None:
    # From steps of a microsecond, where one number cannot hold the order, to hours, where nearly all rows are ties.
    rng = np.random.default_rng(step)
    person, place = rng.integers(5_000, 5_020, 4_000), rng.integers(0, 9, 4_000)
    time = rng.integers(-40, 40, 4_000) * step
    time[rng.random(4_000) < 0.1] = NOTHING
    value = np.where(rng.random(4_000) < 0.3, np.nan, rng.integers(0, 4, 4_000).astype(float))

    order = in_order(person, time, place, value)

    rows = list(zip(person, time, place, np.nan_to_num(value, nan=-1.0), strict=True))
    assert order.tolist() == sorted(range(4_000), key=lambda row: rows[row])


def test_no_rows_have_an_order() -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert not len(in_order(nothing, nothing, nothing, nothing.astype(float)))
