"""`lifecourse featurize`: whose codes get columns, and what is said of a file that cannot tell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest
from sources import meds_events, write_meds

from lifecourse.cli import main

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = "name: r\nevery_code:\n  days: [null]\n  summaries: [count]\n  min_count: 1\n"


@pytest.fixture
def asked(tmp_path: Path) -> list[str]:
    """A store in which LATE//1 is of subjects 5 to 8 alone, everyone's labels, and the command so far."""
    events = meds_events(8)
    late = events.filter(pl.col("subject_id") > 4).filter(pl.col("time").is_not_null())
    source = write_meds(
        tmp_path / "meds", pl.concat([events, late.with_columns(code=pl.lit("LATE//1"))])
    )
    store, labels = tmp_path / "store", tmp_path / "labels.parquet"
    told = ["--store", str(store), "--identifiability", "synthetic", "--timezone", "UTC"]
    assert main(["ingest", str(source), *told]) == 0
    rows = events.group_by("subject_id").agg(prediction_time=pl.col("time").max())
    rows.sort("subject_id").write_parquet(labels)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    chosen = ["--labels", str(labels), "--recipe", str(recipe), "--out", str(tmp_path / "out")]
    return ["featurize", str(store), *chosen]


def vocabulary(tmp_path: Path) -> list[str]:
    found: list[str] = json.loads((tmp_path / "out" / "dictionary.json").read_bytes())["vocabulary"]
    return found


def test_a_code_of_held_out_people_alone_gets_no_column(asked: list[str], tmp_path: Path) -> None:
    splits = tmp_path / "subject_splits.parquet"
    split = ["train"] * 4 + ["held_out"] * 4
    pl.DataFrame({"subject_id": range(1, 9), "split": split}).write_parquet(splits)
    assert main(asked) == 0
    everyones = vocabulary(tmp_path)
    assert main([*asked, "--splits", str(splits)]) == 0
    assert "LATE//1" in everyones
    assert "LATE//1" not in vocabulary(tmp_path)
    assert len(vocabulary(tmp_path)) > 1


@pytest.mark.parametrize("columns", [{"subject_id": [1], "split": ["tuning"]}, {"subject_id": [1]}])
def test_a_file_without_training_people_is_refused(
    asked: list[str], tmp_path: Path, columns: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    splits = tmp_path / "splits.parquet"
    pl.DataFrame(columns).write_parquet(splits)
    assert main([*asked, "--splits", str(splits)]) == 2
    assert "split" in capsys.readouterr().err
