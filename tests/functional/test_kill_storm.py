"""Two competing writers and an eraser, killed at random moments: every store that survives has lost nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import storm
from storm import EVENTS_EACH, OF_THE_BASE, WRITERS, people_of

from lifecourse.timeline.ingestion import ingest

KILLS_OF_A_STORE = 50
BATCHES = 150


def events_of(people: list[int]) -> pl.DataFrame:
    day = datetime(2020, 1, 1)
    return pl.DataFrame(
        [
            (who, day + timedelta(days=n), "LOINC//2160-0", float(n))
            for who in people
            for n in range(EVENTS_EACH)
        ],
        schema={
            "subject_id": pl.Int64, "time": pl.Datetime("us"), "code": pl.String, "numeric_value": pl.Float32,
        },
        orient="row",
    )  # fmt: skip


def prepared(folder: Path) -> Path:
    """A store with its first load, and what the writers will add: each batch a file of a name of its own."""
    for name, people in [
        ("base", list(range(1, OF_THE_BASE + 1))),
        *((f"{w}-{n:03}", people_of(f"{w}-{n:03}")) for w in WRITERS for n in range(BATCHES)),
    ]:
        (folder / name / "data").mkdir(parents=True)
        events_of(people).write_parquet(folder / name / "data" / f"{name}.parquet")
    ingest(folder / "base", folder / "store")
    return folder


def stormed(folder: Path, kills: int, seed: int) -> dict[str, int]:
    words = [sys.executable, storm.__file__, str(prepared(folder)), str(kills), str(seed)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, int] = json.loads(done.stdout)
    assert found["failed"] == 0, done.stderr[-2000:]
    return found


def test_a_store_survives_kills_of_two_writers_and_an_eraser(tmp_path: Path) -> None:
    found = stormed(tmp_path, int(os.environ.get("LIFECOURSE_KILLS", "50")), seed=7)
    assert found["kills"] >= 50
    # It was a storm and no calm: all three got something done in between.
    assert found["committed"] >= 5
    assert found["erased"] >= 2
    assert found["versions"] > found["committed"] // 2


@pytest.mark.prove
def test_ten_stores_survive_500_kills(tmp_path: Path) -> None:
    found = [stormed(tmp_path / str(n), KILLS_OF_A_STORE, seed=100 + n) for n in range(10)]
    assert sum(each["kills"] for each in found) >= 500
    assert sum(each["committed"] for each in found) >= 50
    assert sum(each["erased"] for each in found) >= 20
