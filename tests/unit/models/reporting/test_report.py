"""A model's report is a function of its card: what the card does not tell is missing, and nothing else is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lifecourse.base.errors import ConfigError
from lifecourse.base.yaml import parse_document
from lifecourse.models import RiskModel, load_model, save_model
from lifecourse.models.reporting import chai_card, report
from lifecourse.models.reporting.checklists import Checklist, checklist
from lifecourse.models.reporting.facts import FACTS
from lifecourse.models.reporting.signals import RULES

TRIPOD_ITEMS = [
    "1",
    "2",
    "3a",
    "3b",
    "3c",
    "4",
    "5a",
    "5b",
    "6a",
    "6b",
    "6c",
    "7",
    "8a",
    "8b",
    "8c",
    "9a",
    "9b",
    "9c",
    "10",
    "11",
    "12a",
    "12b",
    "12c",
    "12d",
    "12e",
    "12f",
    "12g",
    "13",
    "14",
    "15",
    "16",
    "17",
    "18a",
    "18b",
    "18c",
    "18d",
    "18e",
    "18f",
    "19",
    "20a",
    "20b",
    "20c",
    "21",
    "22",
    "23a",
    "23b",
    "24",
    "25",
    "26",
    "27a",
    "27b",
    "27c",
]
ONLY_AUTHORS = ["2", "3a", "3c", "17", "18a", "18b", "18c", "18d", "18e", "19", "25", "27c"]


def tripod(card: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {row["item"]: row for row in report(card)["tripod_ai"]["items"]}


def probast(card: dict[str, Any], part: str = "Development") -> dict[str, dict[str, str]]:
    rows = report(card)["probast_ai"]["items"]
    return {row["item"]: row for row in rows if row["part"] == part}


def test_every_item_of_tripod_ai_is_there_once_with_an_answer_or_missing(
    card: dict[str, Any],
) -> None:
    rows = report(card)["tripod_ai"]["items"]
    assert [row["item"] for row in rows] == TRIPOD_ITEMS
    for row in rows:
        assert (row["status"] == "missing") == (row["says"] == ""), row
        assert row["status"] in ("told", "told in part", "missing", "not applicable")
    assert sum(report(card)["tripod_ai"]["counts"].values()) == len(TRIPOD_ITEMS) == 52


def test_every_question_of_probast_ai_is_there_once_with_an_answer_or_missing(
    card: dict[str, Any],
) -> None:
    rows = report(card)["probast_ai"]["items"]
    assert len([row for row in rows if row["part"] == "Development"]) == 16
    assert len([row for row in rows if row["part"] == "Evaluation"]) == 18
    assert len({(row["part"], row["item"]) for row in rows}) == 34
    for row in rows:
        assert (row["answer"] == "missing") == (row["why"] == ""), row


def test_what_only_authors_know_is_missing_and_says_what_they_owe(card: dict[str, Any]) -> None:
    found = tripod(card)
    for item in ONLY_AUTHORS:
        assert found[item]["status"] == "missing"
        assert found[item]["authors"]


def test_a_card_that_tells_nothing_leaves_everything_missing() -> None:
    empty = report({})
    assert {row["status"] for row in empty["tripod_ai"]["items"]} == {"missing", "not applicable"}
    assert {row["answer"] for row in empty["probast_ai"]["items"]} == {"missing"}
    texts = json.dumps(chai_card({}))
    assert "None" not in texts
    assert texts.count("missing: ") > 30


def test_each_part_of_a_card_can_be_gone(card: dict[str, Any]) -> None:
    for name in card:
        rest = {key: value for key, value in card.items() if key != name}
        told = report(rest)
        assert len(told["tripod_ai"]["items"]) == 52
        assert chai_card(rest)["AppliedModelCard"]["KeyMetrics"]


def test_the_table_changes_when_the_card_changes(card: dict[str, Any]) -> None:
    before = tripod(card)
    assert f"AUROC {card['metrics']['auroc']['value']:.3f}" in before["23a"]["says"]
    card["metrics"]["auroc"]["value"] = 0.123
    card["events"] = 77
    card["study"]["outcomes"] = ["gout"]
    card["recalibrated"] = {"method": "slope", "data": "ab" * 32, "before": {"metrics": {}}}
    after = tripod(card)
    assert "AUROC 0.123" in after["23a"]["says"]
    assert "77 with the outcome" in after["10"]["says"]
    assert "gout" in after["8a"]["says"]
    assert before["12f"]["status"] == "not applicable"
    assert after["12f"]["says"].startswith("Recalibrated (slope)")
    changed = {item for item in before if before[item] != after[item]}
    assert "11" not in changed
    assert {"8a", "10", "12f", "21", "23a"} <= changed


def test_it_is_told_by_what_hazards_are_level(card: dict[str, Any]) -> None:
    def told() -> str:
        return " ".join(str(row["says"]) for row in tripod(card).values())

    card["calibrated_by"], card["levelled_by"] = [["straight", "beta"]], []
    assert "Hazards are level" not in told()
    card["levelled_by"] = ["age", "female"]
    assert "Hazards are level by age, female" in told()


def test_signals_follow_what_is_known(card: dict[str, Any]) -> None:
    card["concerns"] = []
    assert probast(card)["3.2"]["answer"] == "probably yes"
    card["concerns"] = [{"kind": "follows from being seen", "said": "seen more, told more"}]
    assert probast(card)["3.2"] | {"answer": "probably no", "why": "seen more, told more"} == probast(card)["3.2"]  # fmt: skip
    points = card["learning_curve"]["points"]
    points[-1]["value"] = points[-2]["value"] + 0.05
    assert probast(card)["4.1"]["answer"] == "probably no"
    points[-1]["value"] = points[-2]["value"]
    assert probast(card)["4.1"]["answer"] == "probably yes"
    card["learning_curve"] = {"points": []}
    assert probast(card)["4.1"]["answer"] == "missing"
    card["events"] = 60
    assert probast(card, "Evaluation")["4.2"]["answer"] == "probably no"
    del card["decision_curve"]
    assert probast(card, "Evaluation")["4.7"]["answer"] == "probably no"
    card["study"]["censoring"] = "time-to-event"
    card["horizons"] = []
    assert probast(card, "Evaluation")["4.3"]["answer"] == "probably yes"


def test_the_judgement_of_a_domain_is_left_to_people(card: dict[str, Any]) -> None:
    assert "low risk" not in json.dumps(report(card)).lower()


@pytest.mark.parametrize("changed", [False, True])
def test_chai_card_is_valid_by_its_schema(
    card: dict[str, Any], repository: Path, changed: bool
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((repository / "tests/data/chai_applied_model_card.json").read_text())
    found = chai_card({} if changed else card)
    jsonschema.Draft202012Validator(schema).validate(found)
    inner = schema["properties"]["AppliedModelCard"]["properties"]
    assert list(found["AppliedModelCard"]) == list(inner)  # an XML sequence has an order
    for name, content in found["AppliedModelCard"].items():
        if isinstance(content, dict):
            order = list(inner[name]["properties"])
            assert list(content) == sorted(content, key=order.index)
    results = found["AppliedModelCard"]["KeyMetrics"]["SafetyReliability"]["Results"]
    for result in results:
        json.loads(result["MetricResult"]["ValueJson"])


def test_the_report_lies_beside_the_model_and_is_guarded_with_it(
    model: RiskModel, tmp_path: Path
) -> None:
    save_model(model, tmp_path / "m")
    assert json.loads((tmp_path / "m" / "report.json").read_text()) == report(model.card)
    assert json.loads((tmp_path / "m" / "chai_card.json").read_text()) == chai_card(model.card)
    again = load_model(tmp_path / "m")
    save_model(replace(again, card={**again.card, "title": "Another"}), tmp_path / "m")
    assert json.loads((tmp_path / "m" / "report.json").read_text())["title"] == "Another"


def test_every_fact_and_rule_is_used_and_every_name_is_known() -> None:
    texts = "".join(path.read_text() for path in Path(checklist.__wrapped__.__globals__["LIBRARY"]).glob("*.yaml"))  # fmt: skip
    for name in [*FACTS, *RULES]:
        assert name in texts
    with pytest.raises(ConfigError, match="no such fact or rule: nonsense"):
        parse_document(
            "{title: a, source: b, doi: c, sections: [{title: d, items: [{item: '1', asks: e, facts: [nonsense]}]}]}",
            Checklist,
            where="a.yaml",
        )


def test_checklists_cite_what_they_are() -> None:
    assert checklist("tripod_ai").doi == "10.1136/bmj-2023-078378"
    assert checklist("probast_ai").doi == "10.1136/bmj-2024-082505"
