"""Every command that opens records leaves entries, on the disk before it answers; who asked, why, and by which command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cohorts import RECIPE, TASK, cohort
from sources import meds_events, write_meds

import lifecourse.cli as cli
from lifecourse.cli import main
from lifecourse.cli.command import COMMANDS
from lifecourse.timeline.about import audit_of

if TYPE_CHECKING:
    from pathlib import Path

ADA = ("--actor", "ada")
# What opens no record of a store: it leaves no entry.
WITHOUT = {"score", "rules", "simulate", "config", "vocabulary", "pgx", "serve", "link"}
"""`serve` enters its requests; `link` reads several stores, and its entries are tested with it."""
ASKED: dict[str, list[tuple[tuple[str, ...], int, str]]] = {
    "run": [(("{source}", "--out", "{workspace}", *ADA), 0, "success")],
    "ingest": [(("{source}", "--store", "{workspace}/store", *ADA), 0, "success")],
    "pages": [(("{workspace}", "--out", "{out}/pages", *ADA), 0, "success")],
    "inspect": [
        (("{workspace}", *ADA), 0, "success"),
        (("{workspace}", "--subject", "3", "--event", "0", *ADA), 0, "success"),
        (("{workspace}", "--subject", "999", *ADA), 2, "not found"),
    ],
    "label": [(("{workspace}", "{task}", "--out", "{out}/labels.parquet", *ADA), 0, "success")],
    "featurize": [
        (
            ("{workspace}", "--labels", "{out}/labels.parquet", "--out", "{out}/features", *ADA),
            0,
            "success",
        )
    ],
    "train": [
        (
            (
                "{workspace}",
                "--task",
                "{task}",
                "--recipe",
                "{recipe}",
                "--out",
                "{out}/model",
                *ADA,
            ),
            0,
            "success",
        )
    ],
    "evaluate": [(("{out}/model", "{workspace}", *ADA), 0, "success")],
    "predict": [
        (("{out}/model", "{workspace}", "--subject", "3", *ADA), 0, "success"),
        (("{out}/model", "{workspace}", *ADA), 0, "success"),
    ],
    "bedside": [(("{out}/model", "{workspace}", "--out", "{out}/bedside", *ADA), 0, "success")],
    "report": [(("{out}/model", "{workspace}", *ADA), 0, "success")],
    "monitor": [(("{out}/model", "{workspace}", *ADA), 0, "success")],
    "whatif": [
        (("{workspace}", "--subject", "3", *ADA), 0, "success"),
        (("{workspace}", "--subject", "999", *ADA), 2, "not found"),
    ],
    "recalibrate": [(("{out}/model", "{workspace}", "--out", "{out}/again", *ADA), 0, "success")],
    "consent": [(("{workspace}", "{consents}", *ADA), 3, "refused")],
    "phenotypes": [(("{workspace}", "--draw", "hypertension", "--each", "2", *ADA), 0, "success")],
    "discover": [(("{workspace}", *ADA), 0, "success")],
    "plan": [
        (("{workspace}", "--subject", "3", *ADA), 0, "success"),
        (("{workspace}", "--subject", "999", *ADA), 2, "not found"),
        (("{workspace}", "--all", "--out", "{out}/plans", *ADA), 0, "success"),
    ],
    "audit": [
        (("verify", "{workspace}", *ADA), 0, "success"),
        (("accounting", "{workspace}", "--subject", "3", *ADA), 0, "success"),
        (("export", "{workspace}", "--out", "{out}/events.ndjson", *ADA), 0, "success"),
        (("checkpoint", "{workspace}", *ADA), 0, "success"),
    ],
    "store": [
        (("verify", "{workspace}", *ADA), 0, "success"),
        (("backup", "{workspace}", "--to", "{out}/backup", *ADA), 0, "success"),
    ],
    "erase": [(("{workspace}", "--subject", "4", "--yes", *ADA), 0, "success")],
}
CASES = [(name, *case) for name, cases in ASKED.items() for case in cases]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("asked")
    source = write_meds(root / "source", cohort())
    found = {"source": source, "workspace": root / "workspace", "out": root / "out"}
    found["out"].mkdir()
    for name, document in (("task", TASK), ("recipe", RECIPE)):
        found[name] = root / f"{document.name}-{name}.yaml"
        found[name].write_text(document.model_dump_json(exclude_unset=True))
    found["consents"] = root / "consents.json"
    found["consents"].write_text(json.dumps({"resourceType": "Consent", "status": "active"}))
    found["workspace"].mkdir()
    (found["workspace"] / "lifecourse.yaml").write_text("timezone: UTC\n")
    store = str(found["workspace"] / "store")
    assert main(["ingest", str(source), "--store", store, "--identifiability", "synthetic"]) == 0
    return found


class Answers:
    """How many entries there were when a command began to answer."""

    def __init__(self, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log = audit_of(workspace)
        self.at: list[int] = []
        for name in ("show_result", "show_error"):
            monkeypatch.setattr(cli, name, self._counted(getattr(cli, name)))

    def _counted(self, real: Any) -> Any:
        def counted(*given: Any, **named: Any) -> None:
            self.at.append(len(list(self.log.lines())))
            real(*given, **named)

        return counted


def test_every_command_is_asked_here_or_opens_nothing() -> None:
    assert set(COMMANDS) == set(ASKED) | WITHOUT
    assert not set(ASKED) & WITHOUT


@pytest.mark.parametrize(("name", "words", "code", "outcome"), CASES)
def test_a_command_is_entered_before_it_answers(
    places: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    words: tuple[str, ...],
    code: int,
    outcome: str,
) -> None:
    answers = Answers(places["workspace"], monkeypatch)
    before = len(list(answers.log.lines()))
    assert main([name, *(word.format(**places) for word in words)]) == code
    entries = list(answers.log.entries())[before:]
    assert entries
    assert answers.at == [before + len(entries)], "an entry came after the answer"
    assert {entry["actor"] for entry in entries} == {"ada"}
    assert {entry["client"] for entry in entries} == {f"lifecourse {name}"}
    assert outcome in {entry["outcome"] for entry in entries}
    if "--subject" in words and name != "erase":
        subject = words[words.index("--subject") + 1]
        assert any(entry["target"].startswith(f"subject/{subject}") for entry in entries)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("inspect", ("{store}",)),
        ("plan", ("{store}", "--subject", "3")),
        ("plan", ("{store}", "--all", "--out", "{out}")),
        ("audit", ("verify", "{store}")),
        ("label", ("{store}", "mortality_1y", "--out", "{out}/labels.parquet")),
    ],
)
def test_what_a_purpose_does_not_allow_is_entered_as_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: tuple[str, ...]
) -> None:
    source = write_meds(tmp_path / "source", meds_events(5))
    places = {"store": tmp_path / "store", "out": tmp_path / "out"}
    assert main(["ingest", str(source), "--store", str(places["store"])]) == 0
    answers = Answers(places["store"], monkeypatch)
    before = len(list(answers.log.lines()))
    asked = [word.format(**places) for word in words]
    assert main([name, *asked, *ADA, "--purpose", "research"]) == 3
    entries = list(answers.log.entries())[before:]
    assert [entry["outcome"] for entry in entries] == ["refused"]
    assert entries[0]["purpose"] == "research"
    assert answers.at == [before + 1]


def test_a_model_that_answers_is_named_with_its_version_and_whom_it_was_asked_of(
    places: dict[str, Path],
) -> None:
    log = audit_of(places["workspace"])
    asked = ["predict", str(places["out"] / "model"), str(places["workspace"]), *ADA]
    assert main([*asked, "--subject", "3"]) == 0
    assert main(asked) == 0
    one, everyone = [entry for entry in log.entries() if entry["action"] == "predict"][-2:]
    assert one["target"] == "subject/3"
    assert one["models"] == everyone["models"]
    assert one["models"][0].startswith("stroke@")
    assert everyone["cohort"]["size"] == everyone["rows"] >= 399
