"""The table of answers is in the order of subject and time, whatever order the shards gave them in."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lifecourse.tasks.answers import Answers, table_of

Row = tuple[int, int, bool]
rows = st.lists(st.tuples(st.integers(1, 5), st.integers(-3, 3), st.booleans()), max_size=12)


def answers(part: list[Row]) -> Answers:
    return Answers(
        subject_id=np.array([subject for subject, _, _ in part], dtype=np.int64),
        time=np.array([time for _, time, _ in part], dtype=np.int64),
        happened=np.array([happened for *_, happened in part], dtype=np.bool_),
    )


@given(st.lists(rows, min_size=1, max_size=4), st.booleans())
def test_rows_are_sorted_and_those_of_one_moment_stay_in_their_order(
    parts: list[list[Row]], in_time: bool
) -> None:
    if in_time:  # as a shard gives them: each subject in one, in the order of time
        parts = [
            sorted((row for row in part if row[0] % len(parts) == place), key=lambda row: row[:2])
            for place, part in enumerate(parts)
        ]
    expected = sorted((row for part in parts for row in part), key=lambda row: row[:2])
    table = table_of([answers(part) for part in parts], None)
    times = table["prediction_time"].dt.epoch("us")
    found = zip(table["subject_id"], times, table["boolean_value"], strict=True)
    assert list(found) == expected
