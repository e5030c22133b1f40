"""A chart as it was at a moment."""

from __future__ import annotations

from datetime import datetime, timedelta

from timelines import timeline_of

from lifecourse.base.clock import to_microseconds

DAY = datetime(2020, 1, 1)


def test_a_chart_until_a_moment_has_its_events_and_the_undated_ones_and_none_after() -> None:
    rows = [(1, None, "SEX//female")]
    rows += [(1, DAY + timedelta(days=day), f"LOCAL//{day}") for day in (0, 3, 3, 7)]
    chart = timeline_of(rows).chart(1)
    third = to_microseconds(DAY + timedelta(days=3))
    known = chart.until(third)
    assert known.events["code"].to_list() == ["SEX//female", "LOCAL//0", "LOCAL//3", "LOCAL//3"]
    assert known.shard.n_events == known.events.height == 4
    assert known.as_of == third
    assert known.sex == "female"
    assert chart.until(third - 1).shard.n_events == 2
    assert chart.shard.n_events == 5  # the chart itself is as it was
