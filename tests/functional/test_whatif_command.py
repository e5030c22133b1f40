"""`lifecourse whatif` on a store, as text and as JSON."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import orjson
import polars as pl
import pytest
from people import NEVER_SMOKER, SCHEMA, measured

from lifecourse.cli import main
from lifecourse.timeline.ingestion import ingest


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whatif")
    facts = [
        (None, "SEX//male", None, None),
        (datetime(1960, 5, 1), "MEDS_BIRTH", None, None),
        (datetime(2023, 3, 1), NEVER_SMOKER, None, None),
        *measured(2023),
    ]
    rows = [(7, *fact, f"Observation/{place}") for place, fact in enumerate(facts)]
    source = folder / "source" / "data"
    source.mkdir(parents=True)
    pl.DataFrame(rows, schema=SCHEMA, orient="row").write_parquet(source / "0.parquet")
    ingest(folder / "source", folder / "store", identifiability="synthetic", kind="meds")
    return folder / "store"


def test_a_person_s_benefits_as_json(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "whatif",
        str(store),
        "--subject",
        "7",
        "--give",
        "blood_pressure=10",
        "--give",
        "statin",
    ]
    assert main([*words, "--set", "prevent.sbp=125", "--json"]) == 0
    found = orjson.loads(capsys.readouterr().out)
    assert found["together"]["of"] == ["statin", "blood_pressure"]
    lowered = next(o for o in found["options"] if o["name"] == "blood_pressure")
    assert lowered["benefit"]["relative_effect"]["value"] == pytest.approx(0.91**2)
    assert {row["label"].split(":")[0] for row in found["asked_again"]} == {"association"}


def test_a_person_s_benefits_in_words(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["whatif", str(store), "--subject", "7"]) == 0
    said = capsys.readouterr().out
    assert "Together (statin, blood_pressure)" in said
    assert "number needed to treat" in said


@pytest.mark.parametrize(
    "words", [["--give", "statin=much"], ["--set", "sbp=120"], ["--give", "haircut"]]
)
def test_a_wrong_word_is_told(store: Path, words: list[str]) -> None:
    assert main(["whatif", str(store), "--subject", "7", *words]) == 2
