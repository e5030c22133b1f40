"""The page of a model and its twin: the report that lies beside it, filled, with what is missing marked."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cohorts import RECIPE, SEEN, TASK, cohort
from hospital import SCRIPT, make_workspace
from pages import outline, signed_in

from lifecourse.base.files import write_json
from lifecourse.cli import main
from lifecourse.models import load_model, monitor, save_model, train
from lifecourse.tasks import Task
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.derived import PLAIN, Derived
from lifecourse.timeline.unstored import timeline_from_events


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a model whose title is a script, and what it met a year later."""
    workspace = make_workspace(tmp_path_factory.mktemp("hospital"))
    task = Task.model_validate(
        {**TASK.model_dump(mode="json", exclude_defaults=True), "title": SCRIPT}
    )
    model = train(timeline_from_events(cohort(600)), task, recipe=RECIPE).model
    assert model is not None
    folder = workspace / "models" / "stroke"
    save_model(model, folder)
    write_json(folder / "outcome.json", {"task": "stroke", "outcome": "model", **model.card})
    later = monitor(model, timeline_from_events(cohort(300, seed=8)))
    later["alarms"].append(f"{SCRIPT} has moved")
    write_json(folder / "monitoring.json", {"made": "2026-11-26", **later})
    return workspace


@pytest.fixture(scope="module")
def html(workspace: Path) -> str:
    answer = signed_in(workspace).get("/models/stroke")
    assert answer.status_code == 200
    return answer.text


def test_page_has_the_filled_checklists_with_what_is_missing_marked(
    html: str, workspace: Path
) -> None:
    data: dict[str, Any] = signed_in(workspace).get("/api/models/stroke").json()["data"]
    for name in ("tripod_ai", "probast_ai"):
        found = data["report"][name]
        assert found["doi"] in html
        for row in found["items"]:
            assert f'<th scope="row">{row["item"]}</th>' in html
    missing = sum(data["report"][name]["counts"]["missing"] for name in ("tripod_ai", "probast_ai"))
    assert html.count('<span class="alert">missing</span>') == missing
    assert data["chai_card"]["AppliedModelCard"]["BasicInfo"]["ModelName"] == SCRIPT
    assert data["monitoring"]["made"] == "2026-11-26"


def test_page_draws_the_learning_curve_and_says_what_moved(html: str) -> None:
    assert "Would more people help?" in html
    assert "people who taught" in html
    assert "Is what it meets still what it learned from?" in html
    assert "300 people on 2026-11-26, beside 600 then" in html
    assert "sbp.last.all" in html


def test_words_of_a_card_are_words_on_the_page(html: str) -> None:
    page = outline(html)
    assert SCRIPT not in html
    assert html.count("&lt;script&gt;") >= 3
    assert page.handlers == []
    assert len(page.scripts) == 1
    assert len(page.ids) == len(set(page.ids))


def test_monitor_leaves_what_it_found_beside_the_model(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from lifecourse.cli import main

    folder = workspace / "models" / "watched"
    model = train(timeline_from_events(cohort(600)), TASK, recipe=RECIPE).model
    assert model is not None
    save_model(model, folder, Derived.of(workspace))
    assert main(["monitor", str(folder), str(workspace / "store"), "--actor", "ada", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    kept = json.loads((folder / "monitoring.json").read_text())
    assert kept["made"][:2] == "20"
    assert kept in (said, said.get("data"))


def test_a_model_without_a_report_has_a_page_without_one(workspace: Path) -> None:
    folder = workspace / "models" / "older"
    folder.mkdir()
    write_json(folder / "outcome.json", {"task": "older", "outcome": "model", "metrics": {}})
    answer = signed_in(workspace).get("/models/older")
    assert answer.status_code == 200
    html = answer.text
    assert "How it is reported" not in html
    assert "Would more people help?" not in html


def test_tasks_are_told_apart_and_an_abstention_has_its_task_s_title(workspace: Path) -> None:
    card = {"task": "t", "outcome": "model", "title": "Stroke, twice", "metrics": {}}
    why = {"n_events": 300, "n_needed": 50, "reason": "column 'billed' tells the outcome."}
    abstained = {"task": "ckd_5y", "outcome": "abstention", **why}
    for name, document in (("twin_a", card), ("twin_b", card), ("ckd_5y", abstained)):
        write_json(workspace / "models" / name / "outcome.json", document)
    html = signed_in(workspace).get("/models").text
    for name in ("twin_a", "twin_b"):
        assert f'<a href="/models/{name}">Stroke, twice</a></h2><p><code>{name}</code></p>' in html
    assert '<a href="/models/ckd_5y">Chronic kidney disease within 5 years</a></h2><p>No' in html
    assert "No model: column &#39;billed&#39; tells the outcome.<" in html
    assert "<h1>Chronic kidney disease within 5 years</h1>" in (
        signed_in(workspace).get("/models/ckd_5y").text
    )


def test_page_draws_what_the_model_goes_by(html: str) -> None:
    assert "What does it go by?" in html
    assert "no cause is meant by it" in html
    assert "among the first five" in html
    assert "5 of 5" in html


def test_what_authors_state_is_on_the_page_and_marked_as_theirs(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "statements.yaml"
    file.write_text(f"stated_by: Ada\ndated: 2026-11-26\ntripod_ai: {{18a: '{SCRIPT}'}}\n")
    folder = tmp_path / "workspace"
    shutil.copytree(workspace, folder)
    kept = folder / "models" / "stroke"
    save_model(load_model(kept, PLAIN), kept, Derived.of(folder / "store"))
    asked = ["report", str(kept), str(folder), "--json"]
    assert main([*asked]) == 0
    before = json.loads(capsys.readouterr().out)
    assert main([*asked, "--statements", str(file)]) == 0
    after = json.loads(capsys.readouterr().out)
    gone = {row["item"] for row in before["missing"]} - {row["item"] for row in after["missing"]}
    assert gone == {"18a"}
    assert len(before["missing"]) == len(after["missing"]) + 1
    page = signed_in(folder).get("/models/stroke").text
    assert "Its authors:</b> &lt;" in page
    assert "Nobody checked it." in page
    assert SCRIPT not in page


def seen_for_a_year(n: int) -> Timeline:
    """A cohort of whom everyone comes again after 400 days."""
    again = pl.DataFrame({"subject_id": range(1, n + 1)}).with_columns(
        pl.lit(SEEN + timedelta(days=400)).cast(pl.Datetime("us")).alias("time"),
        code=pl.lit("VISIT//other"),
        numeric_value=pl.lit(None, pl.Float32),
    )
    return timeline_from_events(pl.concat([cohort(n), again]))


def test_a_horizon_beyond_the_records_is_said_and_has_no_number(workspace: Path) -> None:
    task = Task.model_validate(
        {
            **TASK.model_dump(mode="json", exclude_defaults=True),
            "name": "late_stroke",
            "censoring": "time-to-event",
            "outcome_window_days": 7300,
            "horizons_days": [180, 7300],
        }
    )
    model = train(seen_for_a_year(600), task, recipe=RECIPE).model
    assert model is not None
    folder = workspace / "models" / "late_stroke"
    save_model(model, folder)
    write_json(folder / "outcome.json", {"task": "late_stroke", "outcome": "model", **model.card})
    found = monitor(model, seen_for_a_year(300))
    write_json(folder / "monitoring.json", {"made": "2026-11-26", **found})
    page = signed_in(workspace).get("/models/late_stroke")
    assert page.status_code == 200
    assert "How good is it by 180 days" in page.text
    assert "by 180 days: to 7,300 days too few people were seen" in page.text
    assert "with the outcome by 180 days" in page.text
    assert "hazards carried on" in page.text
    assert "None" not in page.text
    assert "nan" not in page.text.lower().split()
    twin = signed_in(workspace).get("/api/models/late_stroke").json()["data"]
    assert [row["auroc"] is None for row in twin["horizons"]] == [False, True]
