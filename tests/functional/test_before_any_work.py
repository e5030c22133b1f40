"""What cannot be is said before any work: where results go, seeds, labels, tasks and recipes that cannot be used."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from sources import meds_events, write_meds

from lifecourse.cli import main
from lifecourse.privacy.pseudonyms import subject_id

if TYPE_CHECKING:
    from pathlib import Path

TASK = """\
name: mine
title: Größe
trigger: {{codes: [LAB//*], which: last}}
outcomes: [{{name: visit, codes: [VISIT//*]}}]
outcome_window_days: {days}
censoring: negative
"""
SEED = "99999999999999999999999"
Captured = pytest.CaptureFixture[str]


def code_of(words: list[object]) -> int:
    """The exit code, whoever refuses: the parser of arguments or the command."""
    try:
        return main([str(word) for word in words])
    except SystemExit as refused:
        return int(refused.code or 0)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    source = write_meds(tmp_path / "meds", meds_events(8))
    told = ["--store", tmp_path / "store", "--identifiability", "synthetic", "--timezone", "UTC"]
    assert code_of(["ingest", source, *told]) == 0
    return tmp_path / "store"


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("the store was opened")

    monkeypatch.setattr("lifecourse.timeline.access.open_timeline", opened)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("words", "out", "said"),
    [
        (["label", "STORE", "mortality_1y"], "folder", "is a folder"),
        (["label", "STORE", "mortality_1y"], "file/labels", "is a file"),
        (["train", "STORE", "--task", "mortality_1y"], "file", "is a file"),
        (["train", "STORE", "--task", "mortality_1y"], "file/model", "is a file"),
        (["train", "STORE", "--task", "mortality_1y"], "store", "has other things in it"),
        (["train", "STORE", "--outcomes", "all"], "store", "has other things in it"),
        (["featurize", "STORE", "--labels", "FILE"], "file", "is a file"),
        (["featurize", "STORE", "--labels", "FILE"], "store", "is a store"),
        (["predict", "m", "STORE"], "folder", "is a folder"),
        (["predict", "m", "STORE"], "file/risks", "is a file"),
        (["recalibrate", "m", "STORE"], "file", "is a file"),
        (["recalibrate", "m", "STORE"], "store", "has other things in it"),
        (["bedside", "m", "STORE"], "file", "is a file"),
        (["plan", "STORE", "--all"], "file", "is a file"),
        (["plan", "STORE", "--all"], "store", "is a store"),
        (["pages", "STORE"], "file", "is a file"),
        (["link", "STORE", "STORE"], "folder", "is a folder"),
        (["audit", "export", "STORE"], "folder", "is a folder"),
        (["rules", "export"], "file", "is a file"),
        (["simulate"], "file/hospital", "is a file"),
        (["run", "meds"], "file/workspace", "is a file"),
        (["ingest", "meds"], "file/store", "is a file"),
    ],
)
def test_where_nothing_can_be_written_is_said_first(
    words: list[str], out: str, said: str, store: Path, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "m").mkdir()
    before = sorted(path.name for path in store.iterdir())
    places = {"STORE": store, "FILE": tmp_path / "file", "m": tmp_path / "m"}
    given = [places.get(word, word) for word in words]
    assert code_of([*given, "--out", tmp_path / out]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Our mistake" not in told
    assert sorted(path.name for path in store.iterdir()) == before


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    "words",
    [
        ["train", "STORE", "--task", "mortality_1y", "--seed"],
        ["discover", "STORE", "--seed"],
        ["discover", "STORE", "--shuffle"],
        ["link", "STORE", "STORE", "--out", "p.csv", "--seed"],
        ["phenotypes", "STORE", "--draw", "ckd", "--seed"],
        ["simulate", "--out", "hospital", "--seed"],
    ],
)
def test_a_seed_has_63_bits(words: list[str], store: Path, capsys: Captured) -> None:
    given = [store if word == "STORE" else word for word in words]
    assert code_of([*given, SEED]) == 2
    assert "a seed is at most 9223372036854775807" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        (TASK.format(days=30), "latin-1", "line 2: not UTF-8"),
        (TASK.format(days=1_000_000_000), "utf-8", "line 5: outcome_window_days: .*73050"),
        (TASK.format(days=30) + "gap_days: 80000\n", "utf-8", "gap_days: .*73050"),
        (
            TASK.format(days=30).replace("which: last", f"which: random, seed: {SEED}"),
            "utf-8",
            "trigger.seed: .*9223372036854775807",
        ),
    ],
)
def test_a_task_that_cannot_be_asked_is_refused_by_its_line(
    text: str, encoding: str, said: str, store: Path, tmp_path: Path, capsys: Captured
) -> None:
    task = tmp_path / "mine.yaml"
    task.write_bytes(text.encode(encoding))
    assert code_of(["label", store, task, "--out", tmp_path / "l.parquet"]) == 2
    told = capsys.readouterr().err
    assert [line for line in told.splitlines() if "TaskError 214: mine.yaml" in line]
    assert pl.Series([told]).str.contains(said).item(), told


def test_the_longest_task_is_asked(store: Path, tmp_path: Path) -> None:
    task = tmp_path / "mine.yaml"
    task.write_text(TASK.format(days=73_050) + "gap_days: 73050\nlookback_days: 73050\n")
    assert code_of(["label", store, task, "--out", tmp_path / "l.parquet"]) == 0


def test_an_aces_window_of_ten_thousand_years_is_refused(
    store: Path, tmp_path: Path, capsys: Captured
) -> None:
    task = tmp_path / "mine.yaml"
    task.write_text(
        "predicates: {lab: {code: LAB//1}}\ntrigger: lab\nwindows:\n  target: {start: trigger, end: start + 3650000d, "
        "start_inclusive: false, end_inclusive: true, label: lab}\n"
    )
    assert code_of(["label", store, task, "--out", tmp_path / "l.parquet"]) == 2
    assert "'3650000d' is longer than 73,050 days" in capsys.readouterr().err


def labels(store: Path, tmp_path: Path, **columns: list[object]) -> list[object]:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: r\n")
    pl.DataFrame(columns).write_parquet(tmp_path / "l.parquet")
    words = ["--recipe", recipe, "--labels", tmp_path / "l.parquet", "--out", tmp_path / "out"]
    return ["featurize", store, *words, "--json"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"prediction_time": [datetime(2020, 1, 1)]}, "needs the columns subject_id and"),
        ({"subject_id": [1]}, "needs the columns subject_id and prediction_time"),
        (
            {"subject_id": ["1"], "prediction_time": [datetime(2020, 1, 1)]},
            "subject_id in 'l.parquet' holds String",
        ),
        (
            {"subject_id": [1, 2], "prediction_time": [datetime(2020, 1, 1), None]},
            "prediction_time in 'l.parquet' is empty in 1 of 2 rows",
        ),
        (
            {"subject_id": [1, None], "prediction_time": [datetime(2020, 1, 1)] * 2},
            "subject_id in 'l.parquet' is empty in 1 of 2 rows",
        ),
        ({"subject_id": [1], "prediction_time": ["2020-01-01"]}, "holds String, and no moments"),
    ],
)
def test_labels_that_cannot_be_featurized_are_refused(
    columns: dict[str, list[object]], said: str, store: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert code_of(labels(store, tmp_path, **columns)) == 2
    assert said in capsys.readouterr().err


def test_labels_that_are_no_parquet_are_refused(
    store: Path, tmp_path: Path, capsys: Captured
) -> None:
    words = labels(store, tmp_path, subject_id=[1])
    (tmp_path / "l.parquet").write_text("subject_id,prediction_time\n1,2020-01-01\n")
    assert code_of(words) == 2
    assert "no Parquet file" in capsys.readouterr().err


def test_rows_of_people_who_are_not_in_the_store_are_counted(
    store: Path, tmp_path: Path, capsys: Captured
) -> None:
    times = [datetime(2020, 1, 1, tzinfo=UTC)] * 4
    words = labels(store, tmp_path, subject_id=[1, 77, 77, 2], prediction_time=times)
    capsys.readouterr()
    assert code_of(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["rows_of_people_not_in_the_store"]) == (4, 2)


def test_recipes_in_a_circle_are_refused(
    store: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = labels(store, tmp_path, subject_id=[1], prediction_time=[datetime(2020, 1, 1)])
    (tmp_path / "recipe.yaml").write_text("name: r\nextends: recipe.yaml\n")
    assert code_of(words) == 2
    assert "extends itself: recipe.yaml, which extends recipe.yaml" in capsys.readouterr().err
    (tmp_path / "recipe.yaml").write_text("name: r\nextends: other.yaml\n")
    (tmp_path / "other.yaml").write_text("name: o\nextends: recipe.yaml\n")
    assert code_of(words) == 2
    assert "other.yaml, which extends recipe.yaml, which extends" in capsys.readouterr().err
    (tmp_path / "other.yaml").write_text("name: o\nextends: default\n")
    assert code_of(words) == 0


def test_an_abstention_takes_the_model_before_it_away(
    store: Path, tmp_path: Path, capsys: Captured
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for name in ("model.json", "card.json", "manifest.json", "evaluation.json"):
        (model / name).write_text("{}")
    assert code_of(["train", store, "--task", "mortality_1y", "--out", model]) == 0
    assert [path.name for path in model.iterdir()] == ["outcome.json"]
    capsys.readouterr()
    assert code_of(["predict", model, store]) == 2
    assert "there is no model 'model': " in capsys.readouterr().err


def test_what_a_source_calls_somebody_is_no_subject_id_and_is_not_repeated(
    store: Path, capsys: Captured
) -> None:
    assert code_of(["predict", "m", store, "--subject", "ŁK-00003"]) == 2
    told = capsys.readouterr().err
    assert "own-records.md, 'Find a person'" in told
    assert "ŁK-00003" not in told


def test_a_subject_id_is_made_of_the_issuer_and_its_id(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "visits.csv").write_text("id,when\nŁK-00003,2020-01-01\n", encoding="utf-8")
    (tmp_path / "map.yaml").write_text(
        "_defaults: {subject_id: $id}\nvisits: {visit: {code: VISIT//x, time: $when}}\n"
    )
    words = ["--store", tmp_path / "s", "--mapping", tmp_path / "map.yaml", "--issuer", "clinic"]
    told = [*words, "--identifiability", "synthetic", "--as", "delimited"]
    assert code_of(["ingest", tmp_path / "t", *told]) == 0, capsys.readouterr().err
    found = subject_id("clinic", "ŁK-00003")
    assert code_of(["inspect", tmp_path / "s", "--subject", found]) == 0


def test_who_may_not_open_a_store_is_told_for_what_it_opens(
    tmp_path: Path, capsys: Captured
) -> None:
    source = write_meds(tmp_path / "meds", meds_events(8))
    told = ["--store", tmp_path / "s", "--identifiability", "pseudonymous", "--plain"]
    assert code_of(["ingest", source, *told, "--timezone", "UTC"]) == 0
    capsys.readouterr()
    assert code_of(["predict", tmp_path, tmp_path / "s"]) == 3
    assert "opens for --purpose operations or --purpose research" in capsys.readouterr().err
