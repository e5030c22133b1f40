"""Sources at the edge: nothing, nobody, a newborn. A valid page or one clear error, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pages import statuses_of_pages

from lifecourse.cli import main


def newborn(folder: Path) -> Path:
    folder.mkdir()
    patient = {
        "resourceType": "Patient",
        "id": "n1",
        "gender": "female",
        "birthDate": "2026-03-01",
    }
    visit = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/n1"},
        "period": {"start": "2026-03-01T04:10:00Z", "end": "2026-03-03T10:00:00Z"},
    }
    (folder / "all.ndjson").write_text(json.dumps(patient) + "\n" + json.dumps(visit) + "\n")
    return folder


def test_an_empty_folder_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["run", str(tmp_path / "empty"), "--out", str(tmp_path / "w")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("SourceError 110")
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "w").exists()


def test_a_source_of_no_known_kind_leaves_the_files_of_the_folder_it_was_to_fill(
    tmp_path: Path,
) -> None:
    source, workspace = tmp_path / "source", tmp_path / "w"
    source.mkdir()
    (source / "sales.csv").write_text("item,price\n1,2\n")
    assert main(["run", str(source), "--out", str(workspace)]) == 2
    assert not workspace.exists()
    workspace.mkdir()
    (workspace / "lifecourse.yaml").write_text("timezone: Europe/Vienna\n")
    assert main(["run", str(source), "--out", str(workspace)]) == 2
    assert (workspace / "lifecourse.yaml").read_text() == "timezone: Europe/Vienna\n"


def test_a_web_page_named_json_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.json"
    page.write_text("<!doctype html><html><body>Sign in</body></html>")
    assert main(["run", str(page), "--out", str(tmp_path / "w")]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert [line.startswith("SourceError 110: page.json") for line in error] == [True]


def test_asking_for_a_model_that_abstained_says_the_two_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "w"
    assert main(["run", str(newborn(tmp_path / "source")), "--out", str(workspace)]) == 0
    capsys.readouterr()
    assert main(["evaluate", "mortality_1y", str(workspace)]) == 2
    error = capsys.readouterr().err
    assert "0 people with the outcome" in error
    assert "needs 50" in error


def test_a_source_of_nobody_is_one_clear_error_or_an_empty_workspace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "nobody"
    source.mkdir()
    (source / "Patient.ndjson").write_text("")
    code = main(["run", str(source), "--out", str(tmp_path / "w"), "--json"])
    said = capsys.readouterr()
    assert code in (0, 2)
    assert "Traceback" not in said.err
    answer = json.loads(said.out)
    if code == 0:
        assert answer["store"]["subjects"] == 0
        assert answer["plans"]["plans"] == 0
    else:
        assert answer["error"]["number"] == 110


def test_a_bundle_without_patients_is_counted_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": {"resourceType": "Organization", "id": "o"}}],
    }
    (source / "bundle.json").write_text(json.dumps(bundle))
    code = main(["run", str(source), "--out", str(tmp_path / "w"), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert code in (0, 2)
    if code == 0:
        assert answer["store"]["reference_rows"] == {"Organization": 1}
        assert answer["plans"]["plans"] == 0


def test_one_newborn_has_a_page_and_no_adult_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "w"
    assert main(["run", str(newborn(tmp_path / "source")), "--out", str(workspace), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["store"]["subjects"] == 1
    assert report["plans"]["plans"] == 0
    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.access import open_timeline

    timeline = open_timeline(workspace, actor=Actor(name="ada"), purpose=Purpose.DIRECT_CARE)
    assert statuses_of_pages(workspace, timeline.subject_ids().tolist()) == [200]
