"""Every command: its help, its exit codes, and what goes to stdout and stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lifecourse.cli import build_parser, main
from lifecourse.cli.command import COMMANDS, load

HEAVY = ("numpy", "polars", "numba", "scipy", "sklearn", "xgboost", "fastapi", "pydantic", "rich")

ACES_TASK = """
predicates:
  birth: {code: MEDS_BIRTH}
  visit: {code: {regex: "^VISIT.*"}}
trigger: visit
windows:
  before: {start: NULL, end: trigger, start_inclusive: True, end_inclusive: True, index_timestamp: end}
  after: {start: before.end, end: start + 30d, start_inclusive: False, end_inclusive: True, label: visit}
"""


def run_python(program: str, repository: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(repository / "src")}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_imports_nothing_heavy(repository: Path) -> None:
    program = (
        "import sys\n"
        "from lifecourse.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    answer = run_python(program, repository)
    assert answer.stderr.strip() == "[]"
    assert "run" in answer.stdout


def test_help_answers_in_under_two_fifths_of_a_second(repository: Path) -> None:
    program = "from lifecourse.cli import main; main(['--help'])"
    durations = []
    for _ in range(5):
        started = time.perf_counter()
        run_python(program, repository)
        durations.append(time.perf_counter() - started)
    assert min(durations) < 0.4


def test_labelling_by_an_aces_task_loads_no_models_of_documents(
    repository: Path, tmp_path: Path
) -> None:
    store, task, out = tmp_path / "store", tmp_path / "task.yaml", tmp_path / "labels.parquet"
    words = ["simulate", "--subjects", "20", "--format", "meds", "--out", str(tmp_path / "meds")]
    assert main(words) == 0
    assert main(["ingest", str(tmp_path / "meds"), "--as", "meds", "--store", str(store)]) == 0
    task.write_text(ACES_TASK)
    program = (
        "import sys\n"
        "from lifecourse.cli import main\n"
        f"main(['label', {str(store)!r}, {str(task)!r}, '--out', {str(out)!r}])\n"
        "print(sorted({'pydantic', 'pint', 'ruamel.yaml', 'numba'} & set(sys.modules)), file=sys.stderr)\n"
    )
    run_python(program, repository)  # what is parsed once is remembered
    answer = run_python(program, repository)
    assert answer.stderr.strip().splitlines()[-1] == "[]"
    assert out.exists()


def test_a_command_that_leaves_at_once_has_said_everything(
    repository: Path, tmp_path: Path
) -> None:
    program = [sys.executable, "-m", "lifecourse.cli"]
    environment = {**os.environ, "PYTHONPATH": str(repository / "src")}
    model = ["score", "--help"]
    said = subprocess.run(
        [*program, *model], env=environment, capture_output=True, text=True, check=True
    )
    assert "example:" in said.stdout
    refused = subprocess.run(
        [*program, "inspect", str(tmp_path / "absent"), "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert json.loads(refused.stdout)["error"]["number"] == 100
    assert refused.stderr.startswith("UserError 100")


def test_public_names_are_about_fifteen_verbs_and_nouns() -> None:
    import lifecourse

    assert len(lifecourse.__all__) <= 30
    assert lifecourse.__all__ == list(dict.fromkeys(lifecourse.__all__))
    for name in lifecourse.__all__:
        assert getattr(lifecourse, name) is not None


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    said = capsys.readouterr().out
    assert stopped.value.code == 0
    assert "example:" in said
    assert f"lifecourse {name}" in said
    assert "--json" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_asked_alone_has_the_help_that_it_has_among_all(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for parser in (build_parser([name, "--help"]), build_parser()):
        with pytest.raises(SystemExit):
            parser.parse_args([name, "--help"])
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_every_command_parses(name: str) -> None:
    words = load(name).example.split()
    assert words[0] == "lifecourse"
    assert build_parser(words[1:]).parse_args(words[1:]).command is load(name)


def test_an_unknown_command_is_the_users_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["cure"])
    assert stopped.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_a_users_mistake_has_a_number_and_exit_code_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(tmp_path / "absent")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("UserError 100: there is no store or workspace")
    assert "Traceback" not in said.err


def test_with_json_a_mistake_is_an_error_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(tmp_path / "absent"), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["number"] == 100
    assert error["kind"] == "UserError"


def test_ctrl_c_ends_with_130_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lifecourse.cli.workspace.store_of", stop)
    monkeypatch.setattr("lifecourse.cli.inspect.store_of", stop)
    assert main(["inspect", str(tmp_path)]) == 130
    assert "Nothing is half-written" in capsys.readouterr().err


def test_a_workspace_is_not_made_among_other_things(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("dear")
    source = tmp_path / "thesis.txt"
    assert main(["run", str(source), "--out", str(tmp_path)]) == 2
    assert "has other things in it" in capsys.readouterr().err
    assert sorted(child.name for child in tmp_path.iterdir()) == ["thesis.txt"]


def test_a_source_that_is_not_there_leaves_no_workspace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(tmp_path / "absent"), "--out", str(tmp_path / "w")]) == 2
    assert capsys.readouterr().err.startswith("SourceError 110")
    assert not (tmp_path / "w").exists()
