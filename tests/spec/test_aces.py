"""ACES tasks, read as ACES reads them. Hours are counted from 2020-01-01."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from lifecourse.base.errors import TaskError
from lifecourse.base.yaml import load_yaml
from lifecourse.tasks import AcesTask, Labels, label, load_task
from lifecourse.tasks.acesfile import parse_aces
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

HOUR_0 = datetime(2020, 1, 1)

READMISSION = """
predicates:
  admission: {code: {regex: "^ADMISSION//.*"}}
  discharge: {code: DISCHARGE}
  death: {code: {any: [DEATH, MEDS_DEATH]}}
  either: {expr: "or(discharge, death)"}
  both: {expr: "and(discharge, death)"}
  high: {code: LAB, value_min: 5, value_min_inclusive: true, value_max: 9}
trigger: admission
windows:
  input:
    start: null
    end: trigger + 24h
    start_inclusive: true
    end_inclusive: true
    index_timestamp: end
  target:
    start: input.end
    end: start -> either
    start_inclusive: false
    end_inclusive: true
    label: death
"""


def ask(
    events: list[tuple[int, float | None, str, float | None]],
    *changes: tuple[str, str],
    **options: Any,
) -> Labels:
    table = pl.DataFrame(
        {
            "subject_id": [s for s, *_ in events],
            "time": [None if h is None else HOUR_0 + timedelta(hours=h) for _, h, *_ in events],
            "code": [c for _, _, c, _ in events],
            "numeric_value": [v for *_, v in events],
        },
        schema={
            "subject_id": pl.Int64,
            "time": pl.Datetime("us"),
            "code": pl.String,
            "numeric_value": pl.Float32,
        },
    )
    return label(timeline_from_events(table, **options), parse(*changes))


def parse(*changes: tuple[str, str], predicates: dict[str, Any] | None = None) -> AcesTask:
    text = READMISSION
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    tree = load_yaml(text, where="t.yaml", error=TaskError)
    return parse_aces(tree, name="t", where="t.yaml", predicates=predicates)


def answers(labels: Labels) -> list[tuple[int, float, bool]]:
    return [
        (subject, (time - HOUR_0) / timedelta(hours=1), answer)
        for subject, time, answer in labels.table.select(
            "subject_id", "prediction_time", "boolean_value"
        ).iter_rows()
    ]


IN, OUT, DEAD = "ADMISSION//ward", "DISCHARGE", "DEATH"


def test_a_window_ends_at_the_first_event_that_bounds_it() -> None:
    #   IN ..24h.. t  OUT  DEAD      the death is after the window
    assert answers(ask([(1, 0, IN, None), (1, 30, OUT, None), (1, 40, DEAD, None)])) == [
        (1, 24.0, False)
    ]
    assert answers(ask([(1, 0, IN, None), (1, 30, DEAD, None), (1, 40, OUT, None)])) == [
        (1, 24.0, True)
    ]


def test_a_row_whose_bounding_event_never_comes_is_dropped() -> None:
    labels = ask([(1, 0, IN, None), (1, 9, OUT, None)])
    assert answers(labels) == []
    assert labels.attrition.filter(pl.col("step") == "excluded")["rows"].to_list() == [1]


def test_has_limits_count_events_and_any_event_counts_moments() -> None:
    events = [(1, 0, IN, None), (1, 0, "X", None), (1, 2, "X", None), (1, 30, OUT, None)]
    has = ("index_timestamp: end", "index_timestamp: end\n    has: {_ANY_EVENT: '(%s, None)'}")
    assert answers(ask(events, (has[0], has[1] % 2))) == [(1, 24.0, False)]
    assert answers(ask(events, (has[0], has[1] % 3))) == []


def test_and_holds_where_both_are_at_one_moment() -> None:
    change = ("start -> either", "start -> both")
    apart = [(1, 0, IN, None), (1, 30, OUT, None), (1, 31, DEAD, None)]
    together = [(1, 0, IN, None), (1, 31, OUT, None), (1, 31, DEAD, None)]
    assert answers(ask(apart, change)) == []
    assert answers(ask(together, change)) == [(1, 24.0, True)]


@pytest.mark.parametrize(
    ("value", "high"), [(4.9, False), (5.0, True), (8.9, True), (9.0, False), (None, False)]
)
def test_values_are_held_to_their_limits_with_aces_default_of_exclusive(
    value: float | None, high: bool
) -> None:
    events = [(1, 0, IN, None), (1, 30, "LAB", value), (1, 31, OUT, None)]
    assert answers(ask(events, ("label: death", "label: high"))) == [(1, 24.0, high)]


@pytest.mark.parametrize(("inclusive", "n"), [("true", 1), ("false", 0)])
def test_start_inclusive_decides_whether_the_moment_itself_can_bound(
    inclusive: str, n: int
) -> None:
    #   `end <- discharge` seen from an admission at the same moment
    events = [(1, 5, OUT, None), (1, 5, IN, None), (1, 40, OUT, None)]
    change = ("start: null", "start: end <- discharge")
    labels = ask(
        events,
        change,
        (
            "end: trigger + 24h\n    start_inclusive: true",
            f"end: trigger\n    start_inclusive: {inclusive}",
        ),
    )
    assert len(answers(labels)) == n


@pytest.mark.parametrize("start_inclusive", ["true", "false"])
@pytest.mark.parametrize("end_inclusive", ["true", "false"])
def test_inclusive_flags_decide_about_events_on_a_windows_edges(
    start_inclusive: str, end_inclusive: str
) -> None:
    #   24h ( X ......... X ) 48h       an X on each edge and one between
    n = 1 + (start_inclusive == "true") + (end_inclusive == "true")
    target = (
        "end: start -> either\n    start_inclusive: false\n    end_inclusive: true",
        f"end: start + 24h\n    start_inclusive: {start_inclusive}\n"
        f"    end_inclusive: {end_inclusive}\n    has: {{x: '({n}, {n})'}}",
    )
    predicate = ("predicates:", "predicates:\n  x: {code: X}")
    events = [(1, h, c, None) for h, c in ((0, IN), (24, "X"), (30, "X"), (48, "X"))]
    assert answers(ask(events, target, predicate)) == [(1, 24.0, False)]


def test_record_end_can_ask_for_follow_up() -> None:
    change = (
        "end: start -> either\n    start_inclusive: false\n    end_inclusive: true",
        "end: start + 30 days\n    start_inclusive: false\n    end_inclusive: true\n"
        '    has: {_RECORD_END: "(None, 0)"}',
    )
    events = [(1, 0, IN, None), (1, 24 * 40, OUT, None), (2, 0, IN, None), (2, 24 * 9, OUT, None)]
    assert [subject for subject, *_ in answers(ask(events, change))] == [1]


def test_negatives_of_whom_too_little_was_seen_are_told() -> None:
    change = ("end: start -> either", "end: start + 30 days")
    labels = ask([(1, 0, IN, None), (1, 24 * 9, OUT, None)], change)
    assert labels.summary()["negatives_with_too_little_follow_up"] == 1


def test_demographics_ask_for_a_fact_without_time() -> None:
    change = (
        "trigger: admission",
        "patient_demographics: {male: {code: SEX//male}}\ntrigger: admission",
    )
    events = [
        (1, None, "SEX//male", None),
        (1, 0, IN, None),
        (1, 30, OUT, None),
        (2, 0, IN, None),
        (2, 30, OUT, None),
    ]
    assert [subject for subject, *_ in answers(ask(events, change))] == [1]


def test_shards_do_not_matter() -> None:
    events = [(s, h, c, None) for s in range(20) for h, c in ((0, IN), (25 + s, OUT), (26, DEAD))]
    one, many = ask(events), ask(events, n_shards=4)
    assert one.table.equals(many.table)
    assert one.attrition.equals(many.attrition)


def test_an_empty_store_gives_no_rows() -> None:
    assert ask([]).table.height == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("code: DISCHARGE", "code: DISCHARGE, chamber: atrial"), "chamber"),
        (('{regex: "^ADMISSION//.*"}', '{regex: "("}'), "regex"),
        (('expr: "or(discharge, death)"', 'expr: "discharge + death"'), "expr"),
        (("label: death", "label: dead"), "'dead' is not defined"),
        (("start: input.end", "start: inputs.end"), "refers to 'inputs.end'"),
        (("end: trigger + 24h", "end: trigger + soon"), "not an end of a window|not a duration"),
        (("end: start -> either", "end: start <- either"), "before its end"),
        (("end: start -> either", "end: trigger"), "exactly one"),
        (("trigger: admission", "triggers: admission"), "unknown key 'triggers'"),
        (("    end_inclusive: true\n    index", "    index"), "end_inclusive"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(change: tuple[str, str], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        parse(change)


def test_blanks_are_filled_by_a_predicates_file_and_named_until_then() -> None:
    blank = ("discharge: {code: DISCHARGE}", "discharge: ???")
    task = parse(blank)
    assert task.missing == ("discharge",)
    with pytest.raises(TaskError, match="leaves open what these are: discharge"):
        label(
            timeline_from_events(
                pl.DataFrame({"subject_id": [1], "time": [HOUR_0], "code": ["A"]})
            ),
            task,
        )
    assert parse(blank, predicates={"discharge": {"code": "DISCHARGE"}}).missing == ()


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("24h", 24 * 3_600_000_000),
        ("2 hours", 2 * 3_600_000_000),
        ("365d", 365 * 86_400_000_000),
        ("1 day 2 hours", 26 * 3_600_000_000),
        ("1:30:00", 5_400_000_000),
        ("1.5h", 5_400_000_000),
        ("3 weeks", 21 * 86_400_000_000),
        ("2 wks", 14 * 86_400_000_000),
        ("1:30", 90_000_000),
    ],
)
def test_durations(text: str, microseconds: int) -> None:
    task = parse(("trigger + 24h", f"trigger + {text}"))
    assert task.windows[0].end.offset == microseconds


def test_the_sample_tasks_of_aces_and_meds_dev_all_parse(shared_data: Path) -> None:
    files = sorted(
        [*shared_data.glob("aces-tasks/**/*.yaml"), *shared_data.glob("meds-dev-tasks/**/*.yaml")]
    )
    assert len(files) == 17
    tasks = [load_task(file) for file in files]
    assert all(isinstance(task, AcesTask) and task.windows for task in tasks)
    assert len({task.name for task in tasks}) == 17
    blanks = {
        task.name: task.missing for task in tasks if isinstance(task, AcesTask) and task.missing
    }
    assert blanks["mortality_in_icu_first_24h"] == ("icu_admission", "icu_discharge")
    assert len(blanks) == 8
