"""`lifecourse label` with several tasks: one pass, one file for each, the same answers as one by one."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from lifecourse.cli import main

TASK = """\
predicates:
  start: {{code: START}}
  outcome: {{code: {code}}}
trigger: start
windows:
  input: {{start: NULL, end: trigger, start_inclusive: True, end_inclusive: True, index_timestamp: end}}
  target: {{start: input.end, end: start + 30d, start_inclusive: False, end_inclusive: True, label: outcome}}
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    rows = [
        (s, datetime(2020, 1, d), c) for s in (1, 2, 3) for d, c in ((1, "START"), (s + 3, f"X{s}"))
    ]
    source = tmp_path / "meds" / "data" / "train"
    source.mkdir(parents=True)
    events = pl.DataFrame(
        rows,
        schema={"subject_id": pl.Int64, "time": pl.Datetime("us"), "code": pl.String},
        orient="row",
    )
    events.with_columns(numeric_value=pl.lit(None, pl.Float32)).write_parquet(source / "0.parquet")
    assert (
        main(
            [
                "ingest",
                str(tmp_path / "meds"),
                "--store",
                str(tmp_path / "store"),
                "--plain",
                "--identifiability",
                "synthetic",
                "--timezone",
                "UTC",
            ]
        )
        == 0
    )
    return tmp_path / "store"


def written(folder: Path, **codes: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, code in codes.items():
        (folder / f"{name}.yaml").write_text(TASK.format(code=code))
    return [str(folder / f"{name}.yaml") for name in codes]


def test_several_tasks_give_the_files_that_each_gives_alone(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = written(tmp_path / "tasks", one="X1", two="X2")
    capsys.readouterr()
    assert main(["label", str(store), *tasks, "--out", str(tmp_path / "out"), "--json"]) == 0
    together = json.loads(capsys.readouterr().out)["tasks"]
    assert [(task["task"], task["rows"], task["positives"]) for task in together] == [
        ("one", 3, 1),
        ("two", 3, 1),
    ]
    for task, report in zip(tasks, together, strict=True):
        alone = tmp_path / "alone.parquet"
        assert main(["label", str(store), task, "--out", str(alone), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["attrition"] == report["attrition"]
        assert Path(report["out"]).read_bytes() == alone.read_bytes()
    assert pl.read_parquet(tmp_path / "out" / "two.parquet")["boolean_value"].to_list() == [
        False,
        True,
        False,
    ]


def test_two_tasks_of_one_name_are_refused_before_anything_is_written(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = written(tmp_path / "a", one="X1") + written(tmp_path / "b", one="X2")
    assert main(["label", str(store), *tasks, "--out", str(tmp_path / "out")]) != 0
    assert "same name" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_several_tasks_into_a_file_are_refused(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = written(tmp_path / "tasks", one="X1", two="X2")
    (tmp_path / "out").write_text("kept")
    assert main(["label", str(store), *tasks, "--out", str(tmp_path / "out")]) != 0
    assert "name a directory" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "kept"
