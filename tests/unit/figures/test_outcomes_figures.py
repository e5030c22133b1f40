"""Pictures of many outcomes: a dot for each, in the row of its chapter, and tables with the same numbers."""

from __future__ import annotations

from typing import Any

import pytest

from lifecourse.figures.outcomes import come_true, gains
from lifecourse.serve.chapters import CHAPTERS, ORDER, chapter_of


def row(
    title: str, chapter: str, gain: float, events: int = 50, ratio: float = 1.0
) -> dict[str, Any]:
    return {
        "title": title, "chapter": chapter, "auroc": 0.6 + gain, "auroc_of_age_and_sex": 0.6,
        "gain": gain, "events": events,
        "observed_over_expected": {"value": ratio, "low": ratio * 0.8, "high": ratio * 1.2},
    }  # fmt: skip


ROWS = [
    row("one", "Eye", 0.05),
    row("two", "Eye", -0.01, ratio=2.0),
    row("<b>", "Death", 0.2, events=500),
]


def test_each_outcome_is_a_dot_in_its_row() -> None:
    drawn = gains(ROWS, ORDER, title="gains")
    assert drawn.svg.count("<circle") == 3
    assert [one["chapter"] for one in drawn.rows] == ["Eye", "Death"]
    eye = drawn.rows[0]
    assert eye["outcomes"] == 2
    assert eye["above"] == "+0.020"
    assert eye["better than age and sex"] == 1
    assert "<b>" not in drawn.svg
    assert "&lt;b&gt;" in drawn.svg


def test_risks_that_do_not_come_true_are_counted() -> None:
    drawn = come_true(ROWS, title="true")
    assert drawn.svg.count("<circle") == 3 + 2  # two in the key
    assert [one["came to it"] for one in drawn.rows] == ["under 100", "400 or more"]
    assert drawn.rows[0]["interval holds 1"] == 1
    assert drawn.rows[0]["median"] == "1.50"


def test_one_outcome_alone_is_drawn() -> None:
    assert "NaN" not in gains(ROWS[:1], ORDER, title="gains").svg
    assert "NaN" not in come_true(ROWS[:1], title="true").svg


@pytest.mark.parametrize(
    ("name", "chapter"),
    [
        ("ICD10//A00", "Infections"), ("ICD10//B99", "Infections"), ("ICD10//D48", "Neoplasms"),
        ("ICD10CM//D50", "Blood and immunity"), ("ICD10//H59", "Eye"), ("ICD10//H60", "Ear"),
        ("ICD10//T98", "Injury, poisoning"), ("ICD10//U07", "Special purposes"),
        ("ICD10//Y98", "External causes"), ("ICD10//Z99", "Contact with services"),
        ("ICD9CM//250", "Other diagnoses"), ("phenotype//ckd", "Phenotypes"), ("death", "Death"),
    ],
)  # fmt: skip
def test_an_outcome_lies_in_its_chapter(name: str, chapter: str) -> None:
    assert chapter_of(name) == chapter
    assert chapter in ORDER


def test_chapters_are_in_the_order_of_codes() -> None:
    starts = [start for start, _ in CHAPTERS]
    assert starts == sorted(starts)
    assert len(starts) == 22
