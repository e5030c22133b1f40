"""Who acts by when, goals, and what a patient reads."""

from __future__ import annotations

from datetime import date

import pytest
from people import AT, measured, person, smoker

from lifecourse.care import plan
from lifecourse.care.duties import due_of, duties, goal_of, patient_words, who_acts
from lifecourse.care.readability import reading_grade, syllables
from lifecourse.care.rules.loading import library

AS_OF = date(2023, 6, 1)
HIGHEST_GRADE = 8.0
GETTYSBURG = (
    "Four score and seven years ago our fathers brought forth on this continent a new nation, conceived in liberty, and "
    "dedicated to the proposition that all men are created equal."
)


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("The cat sat on the mat.", -1.45),
        # 13 words, 24 syllables
        ("The Australian platypus is seemingly a hybrid of a mammal and reptilian creature.", 11.3),
        # 30 words, 48 syllables counted by hand
        (GETTYSBURG, 15.0),
    ],
)
def test_the_grade_of_known_texts(text: str, grade: float) -> None:
    assert reading_grade(text) == pytest.approx(grade, abs=0.5)


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("a", 1), ("blood", 1), ("pressure", 2), ("kidneys", 2), ("genes", 1), ("doctor", 2), ("disease", 2),
        ("diabetes", 4), ("medicine", 3), ("healthier", 3), ("allergic", 3), ("smoked", 1), ("needed", 2), ("risk", 1),
        ("little", 2), ("being", 2), ("cancer", 2), ("statin", 2), ("tetanus", 3), ("easier", 3), ("like", 1),
    ],
)  # fmt: skip
def test_syllables_of_words(word: str, count: int) -> None:
    assert syllables(word) == count


def test_every_line_of_every_rule_reads_at_grade_eight_or_below() -> None:
    for rule in library().rules:
        assert reading_grade(patient_words(rule)) <= HIGHEST_GRADE, rule.name
    made = plan(person(*measured(2022), *measured(2023), smoker()), AT, today=date(2026, 11, 25))
    said = " ".join(
        patient_words(line.rule, line.benefit) for line in made.recommendations if line.benefit
    )
    assert "of 100 people" in said or "100 people like you" in said
    assert reading_grade(said) <= HIGHEST_GRADE


def test_every_rule_has_words_of_its_own_or_of_its_topic() -> None:
    words = duties().words
    without = [
        rule.name
        for rule in library().rules
        if rule.name not in words.rules and rule.topic not in words.topics
    ]
    assert without == []


def test_words_and_goals_are_of_rules_there_are() -> None:
    names = {rule.name for rule in library().rules}
    assert set(duties().words.rules) <= names
    assert {name for goal in duties().goals for name in goal.rules} <= names
    assert {rule.do.kind for rule in library().rules} <= set(duties().kinds)


def test_urgent_harm_is_due_the_next_day() -> None:
    rules = {rule.name: rule for rule in library().rules}
    urgent = rules["interaction_statin_cyp3a4_inhibitor"]
    assert due_of(urgent, AS_OF) == date(2023, 6, 2)
    assert who_acts(urgent) == "prescriber"
    pressure = rules["blood_pressure_treatment"]
    assert due_of(pressure, AS_OF) == date(2023, 7, 1)
    goal = goal_of(pressure, AS_OF)
    assert goal is not None
    assert (goal.below, goal.due) == (130, date(2023, 8, 30))
    assert goal_of(rules["hiv_screening"], AS_OF) is None
