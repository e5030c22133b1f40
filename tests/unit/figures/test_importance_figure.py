"""What a model goes by, drawn: the picture and the table say the same."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from lifecourse.figures.importance import importance
from lifecourse.serve.web.statistics import model_view

NAME = "{http://www.w3.org/2000/svg}"
FACTS: list[dict[str, Any]] = [
    {
        "fact": f"f{i}",
        "said": f"<Fact {i}>",
        "spread": 0.4 / (i + 1),
        "low": 0.3 / (i + 1),
        "high": 0.5 / (i + 1),
        "first": 5 - i,
        "column": f"f{i}.last",
        "risk": risk,
    }
    for i, risk in enumerate(("rises", "falls", "bends"))
]


def bars(svg: str) -> list[float]:
    root = ElementTree.fromstring(svg)  # noqa: S314 -- our own SVG
    return [float(one.get("width", 0)) for one in root.iter(f"{NAME}rect") if one.find(f"{NAME}title") is not None]  # fmt: skip


def test_bars_are_as_long_as_what_facts_move_and_the_table_says_it() -> None:
    drawn = importance(FACTS, members=5, rows=250, title="T")
    first, second, third = bars(drawn.svg)
    assert first / second == pytest.approx(2, abs=0.01)
    assert first / third == pytest.approx(3, abs=0.01)
    assert [row["moves log-odds by"] for row in drawn.rows] == ["0.400", "0.200", "0.133"]
    assert [row["among the first five"] for row in drawn.rows] == ["5 of 5", "4 of 5", "3 of 5"]
    assert drawn.rows[0]["least to most"] == "0.300 to 0.500"
    assert "<Fact" not in drawn.svg
    assert "&lt;Fact 0&gt;" in drawn.svg


def test_without_members_nothing_is_said_of_how_sure_it_is() -> None:
    bare = [{**fact, "low": None, "high": None, "first": 0} for fact in FACTS]
    drawn = importance(bare, members=0, rows=250, title="T")
    assert "among the first five" not in drawn.rows[0]
    assert "of 0" not in drawn.svg
    assert "first five" not in drawn.svg


def test_a_code_is_called_what_the_store_calls_it_and_a_codelist_by_its_title() -> None:
    named = [
        {**FACTS[0], "fact": "ICD10CM//Z83.3", "title": "family history of diabetes"},
        {**FACTS[1], "fact": "hba1c", "title": None},
        {**FACTS[2], "fact": "LOCAL//7", "title": None},
    ]
    card = {"name": "m", "importance": {"facts": named, "members": 5, "rows": 250}}
    rows = model_view(card)["goes_by"]["rows"]
    assert [row["fact"] for row in rows] == [
        "Family history of diabetes",
        "Haemoglobin A1c",
        "LOCAL//7",
    ]
