"""Decisions remembered by a process: the same as thought anew, also when threads plan at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest
from people import AT, measured, person, smoker

from lifecourse.care import plan
from lifecourse.care.rules.evaluate import decide
from lifecourse.care.rules.gathering import ChartFacts
from lifecourse.care.rules.loading import library
from lifecourse.care.rules.memory import Memory
from lifecourse.care.rules.questions import Fact
from lifecourse.care.rules.together import RememberingFacts
from lifecourse.timeline.chart import Chart

TODAY = date(2026, 11, 25)
THREADS = 8


def people() -> list[Chart]:
    """Charts that differ in age, blood pressure and smoking."""
    return [
        person(
            *measured(2023, sbp=110.0 + 3 * number, total=180.0 + 5 * number),
            *([smoker()] if number % 2 else []),
            born=datetime(1940 + number, 5, 1),
            sex="female" if number % 3 else "male",
        )
        for number in range(24)
    ]


def test_a_fact_has_one_number_and_a_number_one_fact_whoever_asks() -> None:
    memory = Memory(library().questions)
    facts = [Fact(value=float(number)) for number in range(400)]

    def numbered(start: int) -> list[int]:
        return [memory.number(facts[(start + step) % len(facts)]) for step in range(len(facts))]

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(numbered, range(0, 400, 50)))
    for start, numbers in zip(range(0, 400, 50), found, strict=True):
        for step, number in enumerate(numbers):
            assert memory.fact(number) == facts[(start + step) % len(facts)]
    assert len({number for numbers in found for number in numbers}) == len(facts)


@pytest.mark.parametrize("threads", [1, THREADS])
def test_what_is_remembered_is_what_is_thought(threads: int) -> None:
    rules = library()
    memory = Memory(rules.questions)

    def answers(chart: Chart) -> bool:
        asked = {"chart": chart, "at": AT, "questions": rules.questions}
        anew, kept = ChartFacts(**asked), RememberingFacts(**asked, memory=memory)
        return all(kept.decide(rule) == decide(rule, anew) for rule in rules.rules) and all(
            kept.decide_with(rule, "simvastatin") == anew.decide_with(rule, "simvastatin")
            for rule in rules.rules
        )

    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(answers, people() + people()))


def test_plans_made_at_once_are_those_made_one_after_the_other() -> None:
    charts = people()

    def made(chart: Chart) -> dict[str, object]:
        return plan(chart, AT, today=TODAY).to_dict()

    alone = [made(chart) for chart in charts]
    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(made, charts)) == alone
