"""What authors state fills what a card cannot know, is marked as theirs, and never stands in for what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecourse.base.errors import ModelError
from lifecourse.models.reporting import chai_card, load_statements, report, with_statements

WHO = "stated_by: Ada Example\ndated: 2026-11-26\n"
STATEMENTS = """\
stated_by: Ada Example
dated: 2026-11-26
tripod_ai:
  18a: No funding.
  17: The ethics board of Example Hospital approved it.
  8a: Strokes are what a clinic can prevent.
probast_ai:
  development:
    "1.1": {answer: probably yes, why: The records of one hospital.}
  evaluation:
    "3.4": {answer: yes, why: A year is what is planned for.}
chai:
  FundingSource: No funding.
  IntendedUseAndWorkflow: For the yearly review.
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "statements.yaml"
    path.write_text(text)
    return path


def rows(found: dict[str, Any], checklist: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row.get("part", ""), row["item"]): row for row in found[checklist]["items"]}


def test_items_for_authors_are_filled_and_marked_and_nothing_else_changes(
    card: dict[str, Any], tmp_path: Path
) -> None:
    stated = with_statements(card, load_statements(written(tmp_path, STATEMENTS)))
    before, after = report(card), report(stated)
    tripod = rows(after, "tripod_ai")
    assert tripod["", "18a"]["status"] == "stated by authors"
    assert tripod["", "18a"]["stated"] == "No funding."
    assert tripod["", "18a"]["says"] == ""
    assert tripod["", "8a"]["status"] == "told, and stated by authors"
    assert tripod["", "8a"]["says"] == rows(before, "tripod_ai")["", "8a"]["says"]
    probast = rows(after, "probast_ai")
    assert probast["Development", "1.1"]["answer"] == "probably yes"
    assert probast["Evaluation", "1.1"]["answer"] == "missing"
    assert probast["Evaluation", "3.4"]["stated"] == "A year is what is planned for."
    changed = {
        key
        for name in ("tripod_ai", "probast_ai")
        for key, row in rows(after, name).items()
        if row != rows(before, name)[key]
    }
    assert changed == {("", "17"), ("", "18a"), ("", "8a"), ("Development", "1.1"), ("Evaluation", "3.4")}  # fmt: skip
    assert after["stated"] == {"stated_by": "Ada Example", "dated": "2026-11-26"}
    was, said = (chai_card(one)["AppliedModelCard"] for one in (card, stated))
    funding = said["TrustIngredients"]["TransparencyInformation"].pop("FundingSource")
    assert funding == "No funding. [stated by Ada Example, 2026-11-26]"
    use = said["UsesAndDirections"].pop("IntendedUseAndWorkflow")
    assert use.startswith("For the yearly review.")
    was["TrustIngredients"]["TransparencyInformation"].pop("FundingSource")
    was["UsesAndDirections"].pop("IntendedUseAndWorkflow")
    assert was == said


def test_what_is_measured_stays_and_stating_it_is_refused(
    card: dict[str, Any], tmp_path: Path
) -> None:
    answered = 'probast_ai: {development: {"4.1": {answer: yes, why: Plenty.}}}\n'
    with pytest.raises(ModelError, match=r"development 4\.1: the card answers it"):
        with_statements(card, load_statements(written(tmp_path, WHO + answered)))
    del card["learning_curve"]
    card["concerns"] = []
    stated = with_statements(card, load_statements(written(tmp_path, WHO + answered)))
    assert rows(report(stated), "probast_ai")["Development", "4.1"]["stated"] == "Plenty."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WHO + "tripod_ai:\n  18a: No funding.\n  23a: AUROC 0.99\n", "line 5.*'23a' is told by the card"),
        (WHO + "tripod_ai:\n  99z: words\n", "line 4.*no item '99z'.*18a"),
        (WHO + "chai:\n  FundingSource: None at all\n  ModelType: A good one\n", "line 5.*'ModelType'"),
        (WHO + "chai:\n  Nonsense: words\n", "line 4.*no item 'Nonsense'"),
        (WHO + 'probast_ai:\n  evaluation:\n    "1.1": {answer: surely, why: words}\n', "line 5.*answer"),
        (WHO + 'probast_ai:\n  evaluation:\n    "7.1": {answer: yes, why: words}\n', "line 5.*'7.1'"),
        (WHO + "colour: blue\n", "line 3.*colour"),
        ("dated: 2026-11-26\n", "stated_by"),
        ("stated_by: Ada\ndated: soon\n", "line 2.*dated"),
        (WHO + "tripod_ai:\n  18a: ''\n", "line 4.*18a"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_error_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=said):
        load_statements(written(tmp_path, text))


def test_a_question_of_the_other_part_is_refused(card: dict[str, Any], tmp_path: Path) -> None:
    other = 'probast_ai: {development: {"4.7": {answer: yes, why: They were.}}}\n'
    with pytest.raises(ModelError, match=r"no question 4\.7 on development"):
        with_statements(card, load_statements(written(tmp_path, WHO + other)))


def test_no_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no file nothing\.yaml"):
        load_statements(tmp_path / "nothing.yaml")
