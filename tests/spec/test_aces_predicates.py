"""Predicates of ACES tasks: rows that es-aces 0.7.3 gave for the same events and the same file."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from timelines import timeline_of

from lifecourse.base.errors import TaskError
from lifecourse.base.yaml import load_yaml
from lifecourse.tasks import AcesTask, label, label_all, load_task
from lifecourse.tasks.acesfile import parse_aces

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.timeline.access import Timeline

HOUR_0 = datetime(2020, 1, 1)
Event = tuple[int, float | None, str]

WINDOW = """
windows:
  w: {start: trigger, end: start + 100h, start_inclusive: true, end_inclusive: true%s}
"""


def parse(text: str) -> AcesTask:
    return parse_aces(load_yaml(text, where="t.yaml", error=TaskError), name="t", where="t.yaml")


def timeline(events: list[Event], value: float | None = None) -> Timeline:
    moments = [(s, None if h is None else HOUR_0 + timedelta(hours=h), c) for s, h, c in events]
    return timeline_of([(*event, value) for event in moments])


def rows(text: str, events: list[Event], value: float | None = None) -> list[tuple[int, float]]:
    found = label(timeline(events, value), parse(text)).table
    return [
        (subject, (time - HOUR_0) / timedelta(hours=1))
        for subject, time in found.select("subject_id", "prediction_time").iter_rows()
    ]


TWO = [(1, 0, "X"), (1, 5, "Y"), (2, 0, "A"), (2, 9, "Y")]


@pytest.mark.parametrize(
    ("trigger", "hours"), [("_RECORD_START", (0.0, 0.0)), ("_RECORD_END", (5.0, 9.0))]
)
def test_a_record_counts_though_nothing_that_is_named_happened_in_it(
    trigger: str, hours: tuple[float, float]
) -> None:
    text = f"predicates: {{a: {{code: A}}}}\ntrigger: {trigger}\n" + WINDOW % ", label: a"
    assert rows(text, TWO) == [(1, hours[0]), (2, hours[1])]
    beside = parse("predicates: {y: {code: Y}}\ntrigger: y\n" + WINDOW % "")
    alone, _ = label_all(timeline(TWO), [parse(text), beside])
    assert alone.table.height == 2


def test_facts_of_a_person_are_held_to_their_values() -> None:
    text = """
predicates: {a: {code: A}}
patient_demographics: {old: {code: AGE_GROUP, value_min: 5}}
trigger: a
""" + (WINDOW % "")
    events = [(1, None, "AGE_GROUP"), (1, 0, "A")]
    assert rows(text, events, value=None) == []
    assert rows(text, events, value=5.0) == []
    assert rows(text, events, value=5.5) == [(1, 0.0)]


FACTS = [
    (1, None, "GENDER//M"),
    (1, 0, "A"),
    (1, 3, "B"),
    (1, 24, "A"),
    (2, None, "GENDER//F"),
    (2, 0, "A"),
]
STATIC = """
predicates:
  a: {code: A}
  b: {code: B}
  male: {code: GENDER//M, static: true}
  x: {expr: "%s"}
  nested: {expr: "or(x, b)"}
trigger: %s
"""
AS_DEMOGRAPHIC = STATIC.replace("  male: {code: GENDER//M, static: true}\n", "").replace(
    "trigger:", "patient_demographics: {male: {code: GENDER//M}}\ntrigger:"
)


@pytest.mark.parametrize("text", [STATIC, AS_DEMOGRAPHIC])
@pytest.mark.parametrize(
    ("expression", "trigger", "hours"),
    [
        ("and(male, a)", "x", (0.0, 24.0)),
        ("or(male, a)", "x", (0.0, 3.0, 24.0)),
        ("and(male, male)", "x", (0.0, 3.0, 24.0)),
        ("and(male, a)", "nested", (0.0, 3.0, 24.0)),
        ("or(male, a)", "nested", (0.0, 3.0, 24.0)),
    ],
)
def test_a_fact_in_an_expression_asks_for_those_who_have_it_and_then_always_holds(
    text: str, expression: str, trigger: str, hours: tuple[float, ...]
) -> None:
    assert rows(text % (expression, trigger) + WINDOW % "", FACTS) == [(1, hour) for hour in hours]


def test_a_fact_that_only_the_label_reaches_asks_for_those_who_have_it_too() -> None:
    text = STATIC % ("and(male, b)", "a") + WINDOW % ", label: x"
    found = label(timeline(FACTS), parse(text)).table
    assert found.select("subject_id", "boolean_value").rows() == [(1, True), (1, False)]


def test_a_fact_that_nothing_reaches_asks_for_nobody() -> None:
    assert [who for who, _ in rows(STATIC % ("or(a, b)", "a") + WINDOW % "", FACTS)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("regex", "codes"),
    [
        ("[[:lower:]]", ["b"]),
        (r"^\p{Lu}$", ["A"]),
        ("^b$", ["b"]),
        ("(?<x>A)", ["A", "AB"]),
        ("[A-Z&&[^A]]", ["AB"]),
    ],
)
def test_a_regex_is_of_the_dialect_of_aces(regex: str, codes: list[str]) -> None:
    events = [(1, hour, code) for hour, code in enumerate(("A", "AB", "b", "1", "b\n"))]
    text = f"predicates: {{a: {{code: {{regex: '{regex}'}}}}}}\ntrigger: a\n" + WINDOW % ""
    lower = [("b\n", 4)] if regex == "[[:lower:]]" else []
    hours = [hour for _, hour, code in events if code in codes] + [hour for _, hour in lower]
    assert rows(text, events) == [(1, float(hour)) for hour in hours]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("predicates: {a: {code: {regex: 'L(?=A)'}}}\ntrigger: a", "does not compile"),
        ("predicates: {a: {code: A}, b: {expr: 'or(a, b)'}}\ntrigger: b", "themselves: b"),
        (
            "predicates: {a: {code: A}, b: {expr: 'or(a, c)'}, c: {expr: 'and(a, b)'}}\ntrigger: b",
            "hang on themselves",
        ),
        ("predicates: {a: {code: A, static: true}}\ntrigger: a", "'a' is static"),
        (
            "predicates: {b: {code: B}, a: {expr: 'or(b, b)', static: true}}\ntrigger: a",
            "cannot be static",
        ),
    ],
)
def test_predicates_that_say_nothing_are_refused(text: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        parse(text + "\n" + WINDOW % "")


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("start: trigger, end: start + 1h, start_inclusive: true, end_inclusive: true, label: [a]", "label"),
        ("start: trigger -> _RECORD_START, end: start + 1h, start_inclusive: true, end_inclusive: true", "comes after"),
        ("start: end - 1h, end: trigger <- _RECORD_END, start_inclusive: true, end_inclusive: true", "comes before"),
    ],
)  # fmt: skip
def test_windows_that_say_nothing_are_refused(window: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        parse(f"predicates: {{a: {{code: A}}}}\ntrigger: a\nwindows: {{w: {{{window}}}}}")


@pytest.mark.parametrize("windows", ["windows:", "windows: {}", ""])
def test_a_task_without_windows_gives_its_triggers(windows: str, tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(f"predicates: {{a: {{code: A}}}}\ntrigger: a\n{windows}\n")
    found = label(timeline(TWO), load_task(file)).table
    assert found["subject_id"].to_list() == [2]


def test_a_task_without_predicates_can_ask_about_every_moment() -> None:
    assert len(rows("trigger: _ANY_EVENT\n" + WINDOW % "", TWO)) == 4


@pytest.mark.parametrize("limits", ["'1, 2'", "'1,'", "'((1,2))'", "'(+1, None)'", "'(-1, 2)'"])
def test_limits_may_be_written_as_aces_reads_them(limits: str) -> None:
    text = "predicates: {a: {code: A}}\ntrigger: a\n" + WINDOW % f", has: {{a: {limits}}}"
    assert rows(text, TWO) == [(2, 0.0)]


@pytest.mark.parametrize(("flag", "n"), [("1", 1), ("0", 0), ("null", 0)])
def test_flags_may_be_numbers(flag: str, n: int) -> None:
    text = "predicates: {a: {code: A}}\ntrigger: a\n" + WINDOW % ", has: {a: '(1, None)'}"
    assert len(rows(text.replace("start_inclusive: true", f"start_inclusive: {flag}"), TWO)) == n


def test_what_nothing_reads_in_a_predicates_file_is_refused(tmp_path: Path) -> None:
    task, filling = tmp_path / "t.yaml", tmp_path / "p.yaml"
    task.write_text("predicates: {a: '???'}\ntrigger: a\n" + WINDOW % "")
    filling.write_text("predicates: {a: {code: A}}\ntrigger: b\n")
    with pytest.raises(TaskError, match=r"p\.yaml: 'trigger' stands beside predicates"):
        load_task(task, predicates=filling)
