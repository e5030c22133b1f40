"""Which events a window holds: tiny timelines, one question each.

Days are drawn left to right, `t` is the prediction time; an event stands under its day.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from timelines import DAY, Row, shard_of

from lifecourse.base.errors import UserError
from lifecourse.schema.code import ANY_CODE, codes
from lifecourse.schema.covariate import Covariate, Summary, ValueRange
from lifecourse.schema.window import (
    Anchor,
    Bound,
    Window,
    after,
    before,
    between_ages,
    static,
)
from lifecourse.timeline import kernel, oracle

A = codes("a", "A")
ENGINES = pytest.mark.parametrize("engine", [kernel, oracle])
ONE = 1  # the smallest step of time, a microsecond


def ask(
    engine: object,
    events: list[Row],
    window: Window,
    summary: Summary,
    at: int,
    values: ValueRange | None = None,
) -> float:
    shard = shard_of([events])
    question = Covariate(name="q", codelist=A, window=window, summary=summary, values=values)
    compiled = engine.compile_covariates([question], shard.codes)  # type: ignore[attr-defined]  # a module is given
    row = np.zeros(1, dtype=np.int64)
    answers = engine.evaluate(shard, compiled, row, np.array([at]))  # type: ignore[attr-defined]  # a module is given
    return float(answers[0, 0])


def event(
    time: int | None, value: float | None = None, end: int | None = None, code: str = "A"
) -> Row:
    return (time, code, value, end)


@ENGINES
@pytest.mark.parametrize(
    ("time", "held"),
    [
        (-2 * DAY, 0.0),  #     x         |
        (-2 * DAY + ONE, 1.0),  #  x        |
        (0, 1.0),  #                     x   the moment itself counts as known
        (ONE, 0.0),  #                   | x
    ],
)
def test_history_is_open_at_its_start_and_holds_the_moment_itself(
    engine: object, time: int, held: float
) -> None:
    #   (t-2d ............. t]
    window = before(timedelta(days=2))
    assert ask(engine, [event(time)], window, Summary.EXISTS, at=0) == held


@ENGINES
@pytest.mark.parametrize(
    ("time", "held"), [(0, 0.0), (ONE, 1.0), (3 * DAY, 1.0), (3 * DAY + ONE, 0.0)]
)
def test_an_outcome_starts_after_the_moment_and_holds_its_last_microsecond(
    engine: object, time: int, held: float
) -> None:
    #   (t ............. t+3d]
    window = after(timedelta(days=3))
    assert ask(engine, [event(time)], window, Summary.EXISTS, at=0) == held


@ENGINES
@pytest.mark.parametrize("start_inclusive", [True, False])
@pytest.mark.parametrize("end_inclusive", [True, False])
def test_inclusive_flags_decide_about_the_edges(
    engine: object, start_inclusive: bool, end_inclusive: bool
) -> None:
    #   t-2d    t-1d
    #    A   A   A
    window = Window(
        start=Bound(offset=-2 * DAY),
        end=Bound(offset=-DAY),
        start_inclusive=start_inclusive,
        end_inclusive=end_inclusive,
    )
    events = [event(-2 * DAY), event(-2 * DAY + ONE), event(-DAY)]
    expected = 1 + start_inclusive + end_inclusive
    assert ask(engine, events, window, Summary.COUNT, at=0) == expected


@ENGINES
def test_an_age_window_is_cut_at_the_prediction_time(engine: object) -> None:
    #   birth   A   t   A   18 years
    year = round(365.25 * DAY)
    events = [event(0, code="MEDS_BIRTH"), event(2 * year), event(6 * year)]
    window = between_ages(0, 18)
    assert ask(engine, events, window, Summary.COUNT, at=5 * year) == 1
    assert ask(engine, events, window, Summary.COUNT, at=6 * year) == 2


@ENGINES
def test_an_age_window_holds_its_first_birthday_and_not_its_last(engine: object) -> None:
    year = round(365.25 * DAY)
    events = [event(0, code="MEDS_BIRTH"), event(2 * year), event(3 * year)]
    assert ask(engine, events, between_ages(2, 3), Summary.COUNT, at=9 * year) == 1


@ENGINES
def test_without_a_birth_an_age_window_is_empty(engine: object) -> None:
    assert ask(engine, [event(0)], between_ages(0, 99), Summary.COUNT, at=DAY) == 0
    assert np.isnan(ask(engine, [event(0, 5.0)], between_ages(0, 99), Summary.LAST, at=DAY))


@ENGINES
def test_before_birth_an_age_window_is_empty_and_history_is_not(engine: object) -> None:
    #   A   t   birth
    events = [event(-5 * DAY), event(9 * DAY, code="MEDS_BIRTH")]
    assert ask(engine, events, between_ages(-1, 99), Summary.COUNT, at=0) == 0
    assert ask(engine, events, before(), Summary.COUNT, at=0) == 1


@ENGINES
def test_a_calendar_window_is_cut_at_the_prediction_time(engine: object) -> None:
    window = Window(
        start=Bound(anchor=Anchor.CALENDAR, offset=0),
        end=Bound(anchor=Anchor.CALENDAR, offset=9 * DAY),
    )
    assert ask(engine, [event(DAY), event(5 * DAY)], window, Summary.COUNT, at=3 * DAY) == 1


@ENGINES
def test_facts_without_a_time_are_seen_by_the_static_window_alone(engine: object) -> None:
    events = [event(None, 7.0), event(0, 8.0)]
    assert ask(engine, events, static(), Summary.COUNT, at=DAY) == 1
    assert ask(engine, events, static(), Summary.LAST, at=DAY) == 7.0
    assert np.isnan(ask(engine, events, static(), Summary.TIME_SINCE, at=DAY))
    assert ask(engine, events, before(), Summary.COUNT, at=DAY) == 1


@ENGINES
def test_first_and_last_at_one_microsecond_follow_the_tables_order(engine: object) -> None:
    #   5.0
    #   6.0   t
    events = [event(0, 5.0), event(0, 6.0)]
    assert ask(engine, events, before(), Summary.FIRST, at=DAY) == 5.0
    assert ask(engine, events, before(), Summary.LAST, at=DAY) == 6.0
    assert np.isnan(ask(engine, events, before(), Summary.SLOPE, at=DAY))


@ENGINES
def test_not_measured_is_missing_and_not_zero(engine: object) -> None:
    #   A(no number)   t
    for summary in (Summary.LAST, Summary.SUM, Summary.MEAN, Summary.MIN):
        assert np.isnan(ask(engine, [event(0)], before(), summary, at=DAY))
    assert ask(engine, [event(0)], before(), Summary.COUNT, at=DAY) == 1
    assert ask(engine, [event(0)], before(), Summary.COUNT_VALUES, at=DAY) == 0


@ENGINES
def test_slope_is_per_year_by_least_squares(engine: object) -> None:
    #   1.0   2.0   6.0   (a year apart): slope of (0,1) (1,2) (2,6) is 2.5
    year = round(365.25 * DAY)
    events = [event(0, 1.0), event(year, 2.0), event(2 * year, 6.0)]
    assert ask(engine, events, before(), Summary.SLOPE, at=2 * year) == pytest.approx(2.5)


@ENGINES
def test_change_is_of_the_latest_days_against_all_before_them(engine: object) -> None:
    #   static(9)   4.0   5.0   (   7.0   8.0   t   1.0
    events = [
        event(None, 9.0),
        event(0, 4.0),
        event(DAY, 5.0),
        event(DAY + ONE, 7.0),
        event(2 * DAY, 8.0),
        event(2 * DAY, None),
        event(5 * DAY, 1.0),
    ]
    lately = before(timedelta(days=2))
    assert ask(engine, events, lately, Summary.CHANGE, at=3 * DAY) == 7.5 - 4.5


@ENGINES
def test_change_is_missing_without_something_before_and_something_in_the_window(
    engine: object,
) -> None:
    lately = before(timedelta(days=2))
    assert np.isnan(ask(engine, [event(2 * DAY, 8.0)], lately, Summary.CHANGE, at=3 * DAY))
    assert np.isnan(ask(engine, [event(0, 8.0)], lately, Summary.CHANGE, at=3 * DAY))
    two = [event(0, 8.0), event(2 * DAY, 9.0)]
    assert np.isnan(ask(engine, two, before(), Summary.CHANGE, at=3 * DAY))
    assert np.isnan(ask(engine, [event(None, 8.0), *two], static(), Summary.CHANGE, at=3 * DAY))


@ENGINES
def test_days_count_back_to_the_latest_and_on_to_the_first(engine: object) -> None:
    #   A   A   .   t   A
    events = [event(-4 * DAY), event(-2 * DAY), event(3 * DAY)]
    assert ask(engine, events, before(), Summary.TIME_SINCE, at=0) == 2.0
    assert ask(engine, events, before(), Summary.TIME_FIRST, at=0) == -4.0
    assert ask(engine, events, after(), Summary.TIME_FIRST, at=0) == 3.0


@ENGINES
@pytest.mark.parametrize(
    ("start", "end", "active"),
    [
        (-9 * DAY, ONE, 1.0),  #    [==========t=   began before the window, ends after t
        (-9 * DAY, 0, 0.0),  #      [==========]    ended by t
        (-1 * DAY, None, 1.0),  #          [===t    no end stated, began in the window
        (-9 * DAY, None, 0.0),  #   [===?      t    no end stated, began too long ago
        (ONE, 9 * DAY, 0.0),  #                t[== not begun
        (0, 9 * DAY, 1.0),  #                  [==  begins now
    ],
)
def test_active_now(engine: object, start: int, end: int | None, active: float) -> None:
    window = before(timedelta(days=2))
    assert ask(engine, [event(start, end=end)], window, Summary.ACTIVE, at=0) == active


@ENGINES
@pytest.mark.parametrize(("inclusive", "active"), [(True, 1.0), (False, 0.0)])
def test_active_without_an_end_begins_inside_the_windows_edges(
    engine: object, inclusive: bool, active: float
) -> None:
    window = Window(start=Bound(offset=-2 * DAY), end=Bound(offset=-DAY), start_inclusive=inclusive)
    assert ask(engine, [event(-2 * DAY)], window, Summary.ACTIVE, at=0) == active
    assert ask(engine, [event(-DAY)], window, Summary.ACTIVE, at=0) == 1.0


@ENGINES
@pytest.mark.parametrize(
    ("values", "n"),
    [
        (ValueRange(low=5.7), 2),  # 5.7 is recorded as float32 and is still at least 5.7
        (ValueRange(low=5.7, low_inclusive=False), 1),
        (ValueRange(high=5.7), 1),
        (ValueRange(high=5.7, high_inclusive=False), 0),
        (ValueRange(), 2),  # any number
    ],
)
def test_value_ranges_hold_their_ends_unless_told(
    engine: object, values: ValueRange, n: int
) -> None:
    events = [event(0, 5.7), event(0, 6.5), event(0)]
    assert ask(engine, events, before(), Summary.COUNT, at=0, values=values) == n


@ENGINES
def test_an_unknown_code_is_found_nowhere(engine: object) -> None:
    shard = shard_of([[event(0, 1.0)]])
    asked = [
        Covariate(name=s, codelist=codes("x", "NO//SUCH"), window=before(), summary=s)
        for s in (Summary.COUNT, Summary.LAST)
    ]
    compiled = engine.compile_covariates(asked, shard.codes)  # type: ignore[attr-defined]  # a module is given
    row = np.zeros(1, dtype=np.int64)
    answers = engine.evaluate(shard, compiled, row, row)  # type: ignore[attr-defined]  # a module is given
    assert answers[0, 0] == 0
    assert np.isnan(answers[0, 1])


@ENGINES
def test_an_absent_subject_and_an_empty_shard_have_no_events(engine: object) -> None:
    asked = [Covariate(name="n", codelist=ANY_CODE, window=before(), summary=Summary.COUNT)]
    for shard in (shard_of([[event(0)]]), shard_of([])):
        compiled = engine.compile_covariates(asked, shard.codes)  # type: ignore[attr-defined]  # a module is given
        absent = np.array([-1], dtype=np.int64)
        answers = engine.evaluate(shard, compiled, absent, absent)  # type: ignore[attr-defined]  # a module is given
        assert answers.tolist() == [[0.0]]


def test_two_covariates_of_one_name_are_refused() -> None:
    question = Covariate(name="n", codelist=A, window=before(), summary=Summary.COUNT)
    with pytest.raises(UserError, match="share the name 'n'"):
        kernel.compile_covariates([question, question], shard_of([[]]).codes)


def test_two_million_events_in_one_subject_are_answered() -> None:
    n = 2_000_000
    shard = shard_of([[]])
    table = shard.codes
    long = type(shard)(
        codes=table,
        subject_ids=shard.subject_ids,
        offsets=np.array([0, n], dtype=np.int64),
        time=np.arange(n, dtype=np.int64),
        code=np.zeros(n, dtype=np.int32),
        value=np.ones(n, dtype=np.float32),
        end=np.full(n, np.iinfo(np.int64).max),
    )
    asked = [Covariate(name="sum", codelist=A, window=before(), summary=Summary.SUM)]
    compiled = kernel.compile_covariates(asked, table)
    answers = kernel.evaluate(long, compiled, np.zeros(2, dtype=np.int64), np.array([n, n // 2]))
    assert answers[:, 0].tolist() == [float(n), float(n // 2 + 1)]
