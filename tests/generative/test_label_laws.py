"""Laws of labels, on random timelines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lifecourse.base.errors import TaskError
from lifecourse.base.yaml import parse_document
from lifecourse.tasks import Labels, Task, label
from lifecourse.timeline.unstored import timeline_from_events

START = datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None)
Event = tuple[int, int, str]

events_of_some = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.integers(0, 30),
        st.sampled_from(["T", "T", "O", "X", "MEDS_DEATH", "MEDS_BIRTH"]),
    ),
    max_size=40,
)


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    which = draw(st.sampled_from(["every", "first", "last", "random, seed: 3"]))
    text = f"""
name: law
trigger: {{codes: [T], which: {which}}}
outcome: {{codes: [O]}}
lookback_days: {draw(st.sampled_from([0, 3]))}
gap_days: {draw(st.sampled_from([0, 2]))}
outcome_window_days: {draw(st.sampled_from([1, 5]))}
censoring: {draw(st.sampled_from(["exclude", "negative", "time-to-event"]))}
"""
    if draw(st.booleans()):
        text += "washout: {}\n"
    return parse_document(text, Task, where="law.yaml", error=TaskError)


def ask(events: list[Event], task: Task, shards: int = 1) -> Labels:
    table = pl.DataFrame(
        {
            "subject_id": [s for s, *_ in events],
            "time": [START + timedelta(days=d) for _, d, _ in events],
            "code": [c for *_, c in events],
        },
        schema={"subject_id": pl.Int64, "time": pl.Datetime("us"), "code": pl.String},
    )
    return label(timeline_from_events(table, n_shards=shards), task)


@given(events_of_some, tasks())
def test_sharding_and_file_order_do_not_matter(events: list[Event], task: Task) -> None:
    one = ask(events, task)
    other = ask(events[::-1], task, shards=3)
    assert one.table.equals(other.table)
    assert one.attrition.equals(other.attrition)


@given(events_of_some, tasks(), st.integers(31, 400))
def test_events_long_after_every_window_change_no_answer(
    events: list[Event], task: Task, far: int
) -> None:
    # The outcome windows end by day 37, so later outcomes are nobody's; being seen later may
    # make an unknown answer known, so the rows that were there before are what is compared. A longer
    # record leaves more moments to choose from where `exclude` leaves out those nobody's record spans.
    assume(task.censoring != "exclude" or task.trigger.which == "every")
    later = [(s, far + 7, "O") for s in {s for s, *_ in events}]
    before = ask(events, task).table.drop_nulls("boolean_value")
    after = ask(events + later, task).table
    keys = ["subject_id", "prediction_time"]
    both = before.join(after, on=keys, suffix="_after")
    assert both["boolean_value"].equals(both["boolean_value_after"])
    assert both.height == before.height


@given(events_of_some, tasks())
def test_the_attrition_adds_up(events: list[Event], task: Task) -> None:
    labels = ask(events, task)
    rows = dict(labels.attrition.group_by("step").agg(pl.col("rows").sum()).iter_rows())
    if labels.attrition.height:
        assert rows.get("trigger", 0) == rows.get("excluded", 0) + rows.get("cohort", 0)
        assert labels.table.height == rows.get("cohort", 0)


@given(events_of_some, tasks())
def test_answers_are_those_of_a_plain_loop(events: list[Event], task: Task) -> None:
    """The obvious way, for what every task shares: the outcome window and the dead."""
    for subject, time, answer in (
        ask(events, task).table.select("subject_id", "prediction_time", "boolean_value").iter_rows()
    ):
        day = (time - START).days
        mine = [(d, c) for s, d, c in events if s == subject]
        first, last = day + task.gap_days, day + task.horizon_days
        came = any(c == "O" and first < d <= last for d, c in mine)
        assert answer is None or answer == came
        assert not any(c == "MEDS_DEATH" and d <= day for d, c in mine)
        if task.censoring == "exclude":
            assert last <= max(d for _, d, _ in events)
        if answer is None:
            assert not came
            assert max(d for d, c in mine if c != "MEDS_BIRTH") < last


@pytest.mark.parametrize("shards", [1, 3])
def test_a_store_of_nobody_has_no_labels(shards: int) -> None:
    text = "name: x\ntrigger: {codes: [T]}\noutcome: death\noutcome_window_days: 1\ncensoring: exclude\n"
    task = parse_document(text, Task, where="x.yaml", error=TaskError)
    assert ask([], task, shards).table.height == 0
