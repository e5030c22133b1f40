"""A chart as it was at a moment."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from lifecourse.base.clock import to_microseconds
from lifecourse.timeline.access import timeline_from_events

DAY = datetime(2020, 1, 1)


def test_a_chart_until_a_moment_has_its_events_and_the_undated_ones_and_none_after() -> None:
    rows = [(1, None, "SEX//female")]
    rows += [(1, DAY + timedelta(days=day), f"LOCAL//{day}") for day in (0, 3, 3, 7)]
    schema = {"subject_id": pl.Int64, "time": pl.Datetime("us"), "code": pl.String}
    chart = timeline_from_events(pl.DataFrame(rows, schema=schema, orient="row")).chart(1)
    third = to_microseconds(DAY + timedelta(days=3))
    known = chart.until(third)
    assert known.events["code"].to_list() == ["SEX//female", "LOCAL//0", "LOCAL//3", "LOCAL//3"]
    assert known.shard.n_events == known.events.height == 4
    assert known.as_of == third
    assert known.sex == "female"
    assert chart.until(third - 1).shard.n_events == 2
    assert chart.shard.n_events == 5  # the chart itself is as it was
