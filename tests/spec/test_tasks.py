"""What a task makes of tiny timelines. Days are counted from 2020-01-01; `t` marks prediction times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from lifecourse.base.errors import TaskError
from lifecourse.base.yaml import parse_document
from lifecourse.tasks import Labels, Task, label, library_names, load_task
from lifecourse.timeline.unstored import timeline_from_events

DAY_0 = datetime(2020, 1, 1)

TASK = """
name: test
trigger: {codes: [VISIT//outpatient]}
outcome: {codes: [EVENT]}
outcome_window_days: 10
censoring: %s
"""


def day(n: float) -> datetime:
    return DAY_0 + timedelta(days=n)


def ask(
    events: list[tuple[int, float | None, str]], text: str = TASK % "negative", **options: Any
) -> Labels:
    table = pl.DataFrame(
        {
            "subject_id": [s for s, _, _ in events],
            "time": [None if d is None else day(d) for _, d, _ in events],
            "code": [c for *_, c in events],
        },
        schema={"subject_id": pl.Int64, "time": pl.Datetime("us"), "code": pl.String},
    )
    task = parse_document(text, Task, where="test.yaml", error=TaskError)
    return label(timeline_from_events(table, **options), task)


def answers(labels: Labels) -> list[tuple[int, float, bool | None]]:
    return [
        (subject, (time - DAY_0) / timedelta(days=1), answer)
        for subject, time, answer in labels.table.select(
            "subject_id", "prediction_time", "boolean_value"
        ).iter_rows()
    ]


def lost(labels: Labels) -> dict[str, int]:
    dropped = labels.attrition.filter(pl.col("step") == "excluded")
    return {r: n for r, n in dropped.select("reason", "rows").iter_rows() if n}


VISIT, EVENT, SEEN = "VISIT//outpatient", "EVENT", "OTHER"
ONE = 1 / 86_400_000_000  # a microsecond in days


@pytest.mark.parametrize(
    ("at", "answer"), [(0, False), (1, True), (10, True), (10 + 1e-6, False), (-1, False)]
)
def test_the_outcome_window_is_open_at_t_and_closed_at_its_end(at: float, answer: bool) -> None:
    #   t (. . . . . . . . . 10]
    labels = ask([(1, 0, VISIT), (1, at, EVENT), (1, 30, SEEN)])
    assert answers(labels) == [(1, 0.0, answer)]


def test_a_gap_moves_the_window_and_leaves_out_who_has_it_inside_the_gap() -> None:
    #   t ( gap 5 ] ( . . 15 ]
    text = TASK % "negative" + "gap_days: 5\n"
    assert answers(ask([(1, 0, VISIT), (1, 15, EVENT), (1, 30, SEEN)], text)) == [(1, 0.0, True)]
    inside = ask([(1, 0, VISIT), (1, 5, EVENT), (1, 30, SEEN)], text)
    assert answers(inside) == []
    assert lost(inside) == {"outcome or death inside the gap": 1}


def test_exclude_leaves_out_who_was_not_seen_for_the_whole_window() -> None:
    #   subject 1:  t . . . . seen on day 10      known to be free of it
    #   subject 2:  t . . . seen on day 9         unknown
    #   subject 3:  t . . EVENT                   known to have it, though not seen later
    events = [
        (1, 0, VISIT),
        (1, 10, SEEN),
        (2, 0, VISIT),
        (2, 9, SEEN),
        (3, 0, VISIT),
        (3, 3, EVENT),
    ]
    labels = ask(events, TASK % "exclude")
    assert answers(labels) == [(1, 0.0, False), (3, 0.0, True)]
    assert lost(labels) == {"record ends before the outcome window": 1}


def test_exclude_leaves_out_windows_that_end_after_everyones_record_even_where_the_outcome_came() -> (
    None
):
    #   subject 1:  t . . EVENT      and nobody's record reaches the end of the window: only events could be known
    labels = ask([(1, 0, VISIT), (1, 3, EVENT), (2, 0, VISIT), (2, 9, SEEN)], TASK % "exclude")
    assert answers(labels) == []
    assert lost(labels) == {"nobody's record spans the outcome window": 2}
    reached = ask([(1, 0, VISIT), (1, 3, EVENT), (2, 0, SEEN), (2, 10, SEEN)], TASK % "exclude")
    assert answers(reached) == [(1, 0.0, True)]


def test_negative_keeps_them_and_says_how_many() -> None:
    labels = ask([(1, 0, VISIT), (1, 10, SEEN), (2, 0, VISIT), (2, 9, SEEN)])
    assert answers(labels) == [(1, 0.0, False), (2, 0.0, False)]
    assert labels.summary()["negatives_with_too_little_follow_up"] == 1


def test_time_to_event_keeps_what_is_known() -> None:
    #   1: outcome on day 4; 2: seen to day 6; 3: dies on day 2; 4: seen for longer than the window
    events = [
        *((s, 0, VISIT) for s in (1, 2, 3, 4)),
        (1, 4, EVENT),
        (2, 6, SEEN),
        (3, 2, "MEDS_DEATH"),
        (4, 99, SEEN),
    ]
    table = ask(events, TASK % "time-to-event").table
    assert table["event"].to_list() == [1, 0, 0, 0]
    assert table["duration_days"].to_list() == [4.0, 6.0, 2.0, 10.0]
    assert table["boolean_value"].to_list() == [True, None, False, False]


def test_of_several_causes_the_first_counts_and_at_one_moment_the_one_listed_first() -> None:
    text = """
name: test
trigger: {codes: [VISIT//outpatient]}
outcomes: [{codes: [STROKE], name: stroke}, {codes: [MEDS_DEATH], name: death}]
outcome_window_days: 10
censoring: time-to-event
"""
    events = [
        *((s, 0, VISIT) for s in (1, 2)),
        (1, 3, "MEDS_DEATH"),
        (2, 3, "MEDS_DEATH"),
        (2, 3, "STROKE"),
    ]
    table = ask(events, text).table
    assert table["event"].to_list() == [2, 1]
    assert table["categorical_value"].to_list() == ["death", "stroke"]


def test_the_dead_are_not_asked_about_and_death_ends_what_can_happen() -> None:
    #   1: dead before t; 2: dies inside the window without the outcome, which is known then
    events = [(1, -1, "MEDS_DEATH"), (1, 0, VISIT), (2, 0, VISIT), (2, 3, "MEDS_DEATH")]
    labels = ask([*events, (3, 10, SEEN)], TASK % "exclude")
    assert answers(labels) == [(2, 0.0, False)]
    assert lost(labels) == {"already dead": 1}


def test_death_at_the_trigger_itself_is_already_dead() -> None:
    assert lost(ask([(1, 0, VISIT), (1, 0, "MEDS_DEATH")])) == {"already dead": 1}


def test_a_label_before_birth_is_not_asked_for() -> None:
    labels = ask([(1, 0, VISIT), (1, 5, "MEDS_BIRTH")])
    assert answers(labels) == []
    assert lost(labels) == {"before birth": 1}


def test_washout_leaves_out_who_has_it_already_even_at_t() -> None:
    text = TASK % "negative" + "washout: {}\n"
    labels = ask([(1, 0, VISIT), (1, 0, EVENT), (2, 0, VISIT), (2, 20, SEEN)], text)
    assert [subject for subject, *_ in answers(labels)] == [2]
    assert lost(labels) == {"had it before": 1}


def test_a_washout_of_days_forgets_what_is_older() -> None:
    text = TASK % "negative" + "washout: {days: 5}\n"
    events = [(1, -5, EVENT), (1, 0, VISIT), (2, -4.999, EVENT), (2, 0, VISIT)]
    assert [subject for subject, *_ in answers(ask(events, text))] == [1]


def test_lookback_asks_for_record_and_a_birth_is_no_record() -> None:
    text = TASK % "negative" + "lookback_days: 30\n"
    events = [
        (1, -30, SEEN),
        (1, 0, VISIT),
        (2, -29, SEEN),
        (2, 0, VISIT),
        (3, -9000, "MEDS_BIRTH"),
        (3, 0, VISIT),
    ]
    labels = ask(events, text)
    assert [subject for subject, *_ in answers(labels)] == [1]
    assert lost(labels) == {"record begins less than 30 days before": 2}


def test_lookback_and_washout_each_have_their_own_window() -> None:
    text = TASK % "negative" + "lookback_days: 30\nwashout: {days: 5}\n"
    events = [(1, -10, SEEN), (1, 0, VISIT), (2, -40, SEEN), (2, 0, VISIT)]
    labels = ask(events, text)
    assert [subject for subject, *_ in answers(labels)] == [2]
    assert lost(labels) == {"record begins less than 30 days before": 1}


def test_age_is_at_least_the_first_and_below_the_second() -> None:
    text = TASK % "negative" + "age: {at_least: 18, below: 40}\n"
    year = 365.25
    births = {1: 18 * year, 2: 17.99 * year, 3: 40 * year}
    events = [(s, -age, "MEDS_BIRTH") for s, age in births.items()]
    events += [(s, 0, VISIT) for s in (1, 2, 3, 4)]  # nobody knows when 4 was born
    labels = ask(events, text)
    assert [subject for subject, *_ in answers(labels)] == [1]
    assert lost(labels) == {"age out of range or unknown": 3}


@pytest.mark.parametrize("below", [50, 40.5, 0])
def test_an_age_that_nobody_has_is_refused_when_read(below: float) -> None:
    text = TASK % "negative" + f"age: {{at_least: 50, below: {below}}}\n"
    with pytest.raises(TaskError, match=f"at_least 50 and below {below:g}"):
        ask([], text)


@pytest.mark.parametrize(("which", "expected"), [("first", [30.0]), ("last", [60.0])])
def test_first_and_last_choose_among_eligible_moments(which: str, expected: list[float]) -> None:
    #   day 0 is a visit too, but without the lookback
    text = (TASK % "negative").replace("}", f", which: {which}}}", 1) + "lookback_days: 20\n"
    events = [(1, d, VISIT) for d in (0, 30, 60)]
    assert [d for _, d, _ in answers(ask(events, text))] == expected


def test_a_random_moment_depends_on_seed_and_subject_and_not_on_shards() -> None:
    text = (TASK % "negative").replace("}", ", which: random, seed: 7}", 1)
    events = [(s, d, VISIT) for s in range(50) for d in range(8)]
    one, many = ask(events, text), ask(events, text, n_shards=5)
    assert one.table.equals(many.table)
    assert one.attrition.equals(many.attrition)
    chosen = [d for _, d, _ in answers(one)]
    assert len(chosen) == 50
    assert len(set(chosen)) > 4
    other = ask(events, text.replace("seed: 7", "seed: 8"))
    assert not other.table.equals(one.table)


def test_every_k_days_goes_from_the_first_to_the_last_event() -> None:
    text = (TASK % "negative").replace("codes: [VISIT//outpatient]", "every_days: 30")
    events = [(1, 0, SEEN), (1, 60, SEEN), (1, -9000, "MEDS_BIRTH")]
    assert [d for _, d, _ in answers(ask(events, text))] == [0.0, 30.0, 60.0]


def test_two_triggers_at_one_microsecond_are_one_row() -> None:
    assert answers(ask([(1, 0, VISIT), (1, 0, VISIT), (1, 20, SEEN)])) == [(1, 0.0, False)]


def test_the_same_moment_of_two_subjects_is_two_rows() -> None:
    assert len(answers(ask([(1, 0, VISIT), (2, 0, VISIT)]))) == 2


@pytest.mark.parametrize("events", [[], [(1, 0, SEEN)], [(1, None, VISIT)]])
def test_without_a_trigger_there_are_no_rows_and_a_valid_table(
    events: list[tuple[int, float | None, str]],
) -> None:
    labels = ask(events)
    assert labels.table.height == 0
    assert labels.table.columns[:3] == ["subject_id", "prediction_time", "boolean_value"]
    assert labels.summary()["rows"] == 0


def test_an_unknown_code_as_outcome_never_happens() -> None:
    assert answers(ask([(1, 0, VISIT), (1, 3, SEEN)])) == [(1, 0.0, False)]


def test_trigger_rows_are_the_excluded_and_the_cohort() -> None:
    events = [(s, d, VISIT) for s in range(5) for d in range(3)] + [(2, 1, "MEDS_DEATH")]
    labels = ask(events, TASK % "exclude")
    rows = dict(labels.attrition.group_by("step").agg(pl.col("rows").sum()).iter_rows())
    assert rows["trigger"] == rows["excluded"] + rows["cohort"] == 15
    assert labels.table.height == rows["cohort"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("censoring: negative\n", ""), "censoring"),
        (("censoring: negative", "censoring: ignore"), "censoring"),
        (("name: test", "name: test\nhorizon: 3"), "horizon"),
        (("codes: [VISIT//outpatient]", "which: random"), "exactly one"),
        (("}", ", which: random}"), "seed"),
        (("codes: [EVENT]", "codelist: death, phenotype: death"), "exactly one"),
    ],
)
def test_a_task_that_leaves_something_open_is_refused_with_its_line(
    change: tuple[str, str], message: str
) -> None:
    text = (TASK % "negative").replace(*change, 1)
    with pytest.raises(TaskError, match=message) as refused:
        ask([], text)
    assert "test.yaml, line " in str(refused.value)


def test_the_library_states_what_becomes_of_the_censored() -> None:
    assert set(library_names()) >= {"mortality_1y", "readmission_30d", "type_2_diabetes_5y"}
    for name in library_names():
        task = load_task(name)
        assert isinstance(task, Task)
        assert task.name == name
        assert task.censoring in ("exclude", "negative", "time-to-event")
        assert task.title
        assert task.description


def test_an_unknown_task_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(TaskError, match="mortality_1y"):
        load_task("mortalty")


def times(name: str, events: list[tuple[int, float | None, str]], **options: Any) -> list[Any]:
    """Of each row of a task of the library: whose, at which day, which outcome came first, after how many days."""
    table = ask_of(name, events, **options).table
    return [
        (s, (t - DAY_0) / timedelta(days=1), cause, days)
        for s, t, cause, days in table.select(
            "subject_id", "prediction_time", "categorical_value", "duration_days"
        ).iter_rows()
    ]


def ask_of(
    name: str,
    events: list[tuple[int, float | None, str]],
    values: dict[int, float] | None = None,
) -> Labels:
    """The labels of a task of the library; `values` are numbers of the events at some places."""
    numbers = [None if values is None else values.get(i) for i in range(len(events))]
    table = pl.DataFrame(
        {
            "subject_id": [s for s, _, _ in events],
            "time": [None if d is None else day(d) for _, d, _ in events],
            "code": [c for *_, c in events],
            "numeric_value": numbers,
        },
        schema={
            "subject_id": pl.Int64,
            "time": pl.Datetime("us"),
            "code": pl.String,
            "numeric_value": pl.Float32,
        },
    )
    return label(timeline_from_events(table), load_task(name))


BIRTH = -20_000.0


def adults(*subjects: int) -> list[tuple[int, float | None, str]]:
    return [(s, BIRTH, "MEDS_BIRTH") for s in subjects]


def test_death_in_hospital_is_asked_a_day_after_admission_and_discharge_competes() -> None:
    #   1: dies on day 5; 2: goes home on day 3 and dies on day 9; 3: is home again within the day; 4: dies within it
    admitted = [(s, 0.0, "VISIT//inpatient") for s in (1, 2, 3, 4)]
    events = [
        *adults(1, 2, 3, 4), *admitted, (1, 5.0, "MEDS_DEATH"),
        (2, 3.0, "VISIT_END//inpatient"), (2, 9.0, "MEDS_DEATH"),
        (3, 0.5, "VISIT_END//inpatient"), (3, 60.0, "OTHER"), (4, 0.8, "MEDS_DEATH"),
    ]  # fmt: skip
    found = times("in_hospital_mortality", events)
    assert found == [(1, 1.0, "death", 4.0), (2, 1.0, "inpatient_discharge", 2.0)]


def test_kidney_disease_progresses_by_a_fall_of_40_percent_or_by_dialysis() -> None:
    #   1: 50 when the disease is known, 31 on day 100 is no fall of 40 %, 30 on day 200 is
    #   2: dialysis on day 50; 3: dies on day 80; 4: no eGFR to fall from; 5: was on dialysis before
    known = [(s, 0.0, "ICD10CM//N18.3") for s in (1, 2, 3, 4, 5)]
    measured = [(s, -1.0, "LOINC//98979-8") for s in (1, 2, 3, 5)]
    events = [
        *adults(1, 2, 3, 4, 5), *measured, *known,
        (1, 100.0, "LOINC//98979-8"), (1, 200.0, "LOINC//98979-8"), (2, 50.0, "ICD10CM//Z99.2"),
        (3, 80.0, "MEDS_DEATH"), (4, 500.0, "OTHER"), (5, -9.0, "ICD10CM//Z99.2"), (5, 500.0, "OTHER"),
    ]  # fmt: skip
    values = dict.fromkeys(range(5, 9), 50.0) | {14: 31.0, 15: 30.0}
    assert times("ckd_progression", events, values=values) == [
        (1, 0.0, "progression", 200.0),
        (2, 0.0, "progression", 50.0),
        (3, 0.0, "death", 80.0),
    ]
    attrition = lost(ask_of("ckd_progression", events, values=values))
    assert attrition == {"no egfr to fall from": 1, "had it before": 1}


@pytest.mark.parametrize(
    ("name", "code", "cause"),
    [
        ("major_cardiovascular_event", "ICD10CM//I21.4", "heart attack or stroke"),
        ("major_cardiovascular_event", "ICD10CM//I63.9", "heart attack or stroke"),
        ("heart_failure", "ICD10CM//I50.9", "heart failure"),
        ("atrial_fibrillation", "ICD10CM//I48.91", "atrial fibrillation"),
    ],
)
def test_a_first_event_of_the_heart_competes_with_death(name: str, code: str, cause: str) -> None:
    #   1: has it on day 90; 2: dies on day 40; 3: is seen for 700 days; 4: had it before
    events = [
        *adults(1, 2, 3, 4), *[(s, 0.0, VISIT) for s in (1, 2, 3, 4)],
        *[(s, -400.0, "OTHER") for s in (1, 2, 3, 4)],
        (1, 90.0, code), (2, 40.0, "MEDS_DEATH"), (3, 700.0, "OTHER"), (4, -100.0, code),
    ]  # fmt: skip
    assert times(name, events) == [
        (1, 0.0, cause, 90.0),
        (2, 0.0, "death", 40.0),
        (3, 0.0, None, 700.0),
    ]
    assert load_task(name).horizons == [365, 1826, 3652]


def test_an_exacerbation_follows_the_day_on_which_copd_became_known() -> None:
    #   1: exacerbates on day 30, after the first diagnosis; 2: an exacerbation is how it became known
    events = [
        *adults(1, 2), (1, 0.0, "ICD10CM//J44.9"), (1, 30.0, "ICD10CM//J44.1"),
        (2, 0.0, "ICD10CM//J44.1"), (2, 90.0, "OTHER"),
    ]  # fmt: skip
    assert times("copd_exacerbation", events) == [
        (1, 0.0, "exacerbation", 30.0),
        (2, 0.0, None, 90.0),
    ]


def test_outcomes_of_one_name_are_one_cause_and_horizons_end_with_the_window() -> None:
    task = load_task("ckd_progression")
    assert isinstance(task, Task)
    assert task.causes == ["progression", "death"]
    assert task.numbers == [1, 1, 1, 2]
    with pytest.raises(TaskError, match="the last end the outcome window"):
        ask([], (TASK % "time-to-event") + "horizons_days: [5, 9]\n")
    with pytest.raises(TaskError, match="time-to-event"):
        ask([], (TASK % "exclude") + "horizons_days: [10]\n")
