"""The moment to look at a person from is their latest event; someone known by a birth alone is not newborn for ever."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from lifecourse.care import plan
from lifecourse.timeline.unstored import timeline_from_events

EVENTS = pl.DataFrame(
    {
        "subject_id": [1, 1, 2, 2, 3],
        "time": [datetime(1950, 1, 1), datetime(2020, 5, 1), datetime(1960, 1, 1), None, None],
        "code": ["MEDS_BIRTH", "VISIT//outpatient", "MEDS_BIRTH", "SEX//female", "SEX//male"],
    }
)


def test_a_birth_alone_is_looked_at_from_the_latest_event_of_anyone() -> None:
    timeline = timeline_from_events(EVENTS)
    as_of = timeline.persons()["as_of"].to_list()
    assert as_of == [datetime(2020, 5, 1), datetime(2020, 5, 1), None]
    told = [timeline.chart(subject).as_of for subject in (1, 2, 3)]
    assert told == pl.Series(as_of).cast(pl.Int64).to_list()
    assert [chart.as_of for chart in timeline.charts()] == told


def test_an_adult_known_by_a_birth_alone_has_a_plan() -> None:
    chart = timeline_from_events(EVENTS).chart(2)
    assert chart.as_of is not None
    made = plan(chart, chart.as_of)
    assert made.age == 60
    assert made.recommendations


def test_a_newborn_who_is_the_latest_is_newborn() -> None:
    chart = timeline_from_events(EVENTS.filter(pl.col("subject_id") == 2)).chart(2)
    assert chart.as_of == chart.last_time
