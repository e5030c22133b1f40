"""What `train` and `evaluate` say in a terminal: what a person wants, in one order whoever made the card."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from cohorts import RECIPE, SCHEMA, SEEN, TASK, cohort
from sources import write_meds

from lifecourse.cli import main
from lifecourse.cli.measures import ORDER, ordered, rows_of
from lifecourse.cli.train import text
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

ADA = ("--actor", "ada")
TIMES = {
    **TASK.model_dump(mode="json", exclude_defaults=True),
    "title": "First stroke",
    "outcomes": [{"codes": ["ICD10CM//I63.9"], "name": "infarct"}],
    "censoring": "time-to-event",
    "horizons_days": [150, 365],
}


def seen_again(n: int, seed: int) -> pl.DataFrame:
    """A cohort of whom everyone comes again after 400 days."""
    again = [
        (subject, SEEN + timedelta(days=400), "VISIT//other", None) for subject in range(1, n + 1)
    ]
    return pl.concat([cohort(n, seed=seed), pl.DataFrame(again, schema=SCHEMA, orient="row")])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stores of people of one kind, and two tasks."""
    folder = tmp_path_factory.mktemp("words")
    for name, seed in (("here", 4), ("elsewhere", 9)):
        source = write_meds(folder / f"{name}_source", seen_again(500, seed))
        ingest(source, folder / name / "store", plain=True)
    (folder / "times.yaml").write_text(json.dumps(TIMES))
    (folder / "one.yaml").write_text(TASK.model_dump_json())
    (folder / "recipe.yaml").write_text(RECIPE.model_dump_json())
    return folder


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main([*arguments, *ADA]) == 0
    return capsys.readouterr().out


def trained(capsys: pytest.CaptureFixture[str], folder: Path, task: str, *more: str) -> str:
    asked = ("--task", str(folder / f"{task}.yaml"), "--recipe", str(folder / "recipe.yaml"))
    out = str(folder / "here/models" / task)
    return told(capsys, "train", str(folder / "here/store"), *asked, "--out", out, *more)


def headings(out: str) -> list[list[str]]:
    """The names of columns, each over its rule."""
    lines = out.splitlines()
    return [above.split() for above, rule in pairwise(lines) if rule[:2] == "--"]


def test_training_tells_what_a_person_wants(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = trained(capsys, folder, "times")
    lines = out.splitlines()
    assert len(lines) < 60
    assert max(map(len, lines)) < 200
    assert "{" not in out
    assert "[" not in out
    assert "snapshot" not in out
    for words in ("stroke: First stroke", "its plain twin", "log loss", "Next", "lifecourse serve"):
        assert words in out
    assert f"model    {folder}/here/models/times" in out
    assert headings(out)[0][:3] == ["cause", "horizon_days", "events"]
    assert [line.split()[:2] for line in lines if line.startswith("infarct ")][:2] == [
        ["infarct", "150"], ["infarct", "365"],
    ]  # fmt: skip


def test_training_for_one_answer_puts_its_twin_beside_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = trained(capsys, folder, "one")
    columns = headings(out)[0]
    assert columns[:2] == ["measure", "kept"]
    assert columns[2] in {"trees", "logistic"}
    assert "auroc" in out
    assert "{" not in out


def test_all_of_the_card_is_in_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = json.loads(trained(capsys, folder, "times", "--json"))
    assert {"snapshot", "calibration_curve", "twins", "horizons", "out"} <= card.keys()


@pytest.mark.parametrize("task", ["times", "one"])
def test_the_order_is_one_on_the_own_store_and_on_another(
    folder: Path, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    trained(capsys, folder, task)
    model = str(folder / "here/models" / task)
    own = told(capsys, "evaluate", model, str(folder / "here/store"))
    other = told(capsys, "evaluate", model, str(folder / "elsewhere/store"))
    assert headings(own) == headings(other) != []
    names = [[line.split()[0] for line in out.splitlines() if line[:2] == "  "] for out in (own, other)]  # fmt: skip
    assert names[0] == names[1] != []


def test_a_measure_that_could_not_be_had_is_a_dash() -> None:
    row: dict[str, Any] = {
        "auroc": 0.7, "brier": 0.1, "cause": "MI", "events": 9, "expected": 0.2, "high": 0.3, "horizon_days": 365,
        "low": 0.1, "observed": 0.2, "observed_over_expected": 1.0, "reason": None,
    }  # fmt: skip
    kept = ("cause", "events", "expected", "horizon_days")
    unseen = {**dict.fromkeys(row), **{name: row[name] for name in kept}, "reason": "nobody seen"}
    first, _, seen, unknown = rows_of([row, unseen]).splitlines()
    assert first.split() == [
        "cause", "horizon_days", "events", "observed", "expected", "observed_over_expected", "auroc", "brier", "reason",
    ]  # fmt: skip
    assert "0.2 (0.1 to 0.3)" in seen
    assert "1.000 (0.500 to 1.500)" in seen
    assert unknown.split() == ["MI", "365", "9", "-", "0.2", "-", "-", "-", "nobody", "seen"]
    assert "reason" not in rows_of([row]).splitlines()[0]


def test_names_come_in_one_order_and_none_is_lost() -> None:
    given = {name: place for place, name in enumerate(sorted([*ORDER, "own", "another"]))}
    assert list(ordered(given)) == [*ORDER, "another", "own"]
    assert ordered(given) == given


def test_an_abstention_of_an_own_task_keeps_its_title(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = folder / "few"
    ingest(write_meds(folder / "few_source", seen_again(30, 4)), few / "store", plain=True)
    asked = ("train", str(few / "store"), "--task", str(folder / "times.yaml"))
    assert "stroke: First stroke" in told(capsys, *asked)
    kept = json.loads((few / "models" / "stroke" / "outcome.json").read_text())
    assert (kept["outcome"], kept["title"]) == ("abstention", "First stroke")


def test_an_abstention_says_why_and_what_else_is_wrong() -> None:
    concerns = [{"said": "3 people with it"}, {"said": "a column tells the outcome"}]
    abstained = {"task": "t", "outcome": "abstention", "reason": "3 people with it", "concerns": concerns}  # fmt: skip
    assert text({**abstained, "title": "Stroke"}).startswith("task     t: Stroke\n")
    out = text(abstained)
    assert out.startswith("task     t\n")
    assert out.count("3 people with it") == 1
    assert "a column tells the outcome" in out
    assert "Next" not in out
