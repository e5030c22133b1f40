"""Nothing of a person is ever written in the clear: every byte of whole jobs on a store of real people is looked at.

What is written and taken away again is looked at too: files are linked aside when they appear (`written`).
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from cohorts import TASK, cohort
from written import written

from lifecourse.base.errors import ConfigError
from lifecourse.cli import main
from lifecourse.privacy.sealing import is_sealed
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.resources import chart_from_resources

WORDS = "zz-canary-words-of-a-note"
VALUE = 7774.125
MOMENT = datetime(2019, 6, 5, 4, 3, 2, 123457)
SUBJECT = 3_141_592_653_589
CODE = "LOCAL//ZZ-CANARY-CODE"
CANARIES = {
    "words": WORDS.encode(),
    "code": CODE.encode(),
    "id": str(SUBJECT).encode(),
    "id in binary": struct.pack("<q", SUBJECT),
    "values": struct.pack("<ff", VALUE, VALUE),  # one alone has four bytes, which chance writes too
    "value of 64 bits": struct.pack("<d", VALUE),
    "moment": struct.pack("<q", int((MOMENT - datetime(1970, 1, 1)).total_seconds() * 1e6)),
    "moment in words": b"2019-06-05T04:03:02",
}
# How files begin that hold tables or arrays whoever reads them: packed ones show no canary.
OPEN_FORMS = {b"PAR1": "Parquet", b"ARROW1": "Arrow", b"PK\x03\x04": "NumPy", b"\x93NUM": "NumPy", b"\x28\xb5\x2f\xfd": "zstd"}  # fmt: skip


def source(folder: Path) -> Path:
    events = cohort(240).with_columns(text_value=pl.lit(None, pl.String))
    rows = [
        (SUBJECT, None, "SEX//female", None, None),
        (SUBJECT, datetime(1960, 1, 1), "MEDS_BIRTH", None, None),
        (SUBJECT, MOMENT, CODE, VALUE, WORDS),
        (SUBJECT, datetime(2020, 1, 1), "VISIT//outpatient", None, None),
        (SUBJECT, datetime(2020, 1, 2), "LOINC//8480-6", VALUE, None),
        (SUBJECT, datetime(2020, 1, 3), "LOINC//8480-6", VALUE, None),
    ]
    more = pl.DataFrame(rows, schema={**events.schema}, orient="row")
    data = folder / "data"
    data.mkdir(parents=True)
    whole = pl.concat([events, more])
    for number in range(3):
        whole.filter(pl.col("subject_id") % 3 == number).write_parquet(data / f"{number}.parquet")
    return folder


class Job:
    """Commands in processes of their own, with all passing places below one folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "watched"
        self.temporary, self.home, self.cwd = (self.root / name for name in ("tmp", "home", "cwd"))
        for each in (self.temporary, self.home, self.cwd):
            each.mkdir(parents=True)
        self.environment = {
            **os.environ,
            "TMPDIR": str(self.temporary),
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "POLARS_TEMP_DIR": str(self.temporary),
        }

    def run(self, *words: object) -> None:
        command = [sys.executable, "-m", "lifecourse.cli", *map(str, words)]
        done = subprocess.run(
            command, env=self.environment, cwd=self.cwd, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        said = done.stderr
        assert not [word for word in (WORDS, CODE) if word in said]

    def kill(self, *words: object, after_seconds: float) -> None:
        command = [sys.executable, "-m", "lifecourse.cli", *map(str, words)]
        process = subprocess.Popen(
            command,
            env=self.environment,
            cwd=self.cwd,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(after_seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()


def journey(job: Job, records: Path, task: Path, *options: str) -> None:
    workspace = job.root / "workspace"
    (job.root / "out").mkdir()
    settings = job.root / "workspace" / "lifecourse.yaml"
    settings.parent.mkdir()
    settings.write_text(f"tasks: [{task}]\n")
    for after in (0.5, 1.0):
        job.kill(
            "run", records, "--out", workspace, "--timezone", "UTC", *options, after_seconds=after
        )
    job.run("run", records, "--out", workspace, "--timezone", "UTC", *options)
    labels, features = job.root / "out/labels.parquet", job.root / "out/features"
    job.run("label", workspace, task, "--out", labels)
    job.run("featurize", workspace, "--labels", labels, "--out", features)
    job.run("train", workspace, "--task", task, "--out", job.root / "out/model")
    job.run("evaluate", job.root / "out/model", workspace)
    job.run("predict", "stroke", workspace, "--purpose", "operations")
    job.run("plan", workspace, "--all", "--out", job.root / "out/plans")
    job.run("phenotypes", workspace, "--draw", "type_2_diabetes", "--each", 3)
    job.run("discover", workspace)
    job.run("inspect", workspace)
    job.run("store", "rotate-keys", workspace)
    job.run("store", "backup", workspace, "--to", job.root / "backup")


def everything(kept: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in kept.iterdir()}


def findings(contents: dict[str, bytes], names: list[Path]) -> list[tuple[str, str]]:
    found = []
    for number, content in contents.items():
        name = str(names[int(number)])
        found += [(name, what) for what, canary in CANARIES.items() if canary in content]
        found += [(name, form) for begin, form in OPEN_FORMS.items() if content.startswith(begin)]
    found += [(str(name), "its name") for name in names if str(SUBJECT) in name.name]
    return found


@pytest.fixture
def task(tmp_path: Path) -> Path:
    path = tmp_path / "stroke.yaml"
    path.write_bytes(orjson.dumps(TASK.model_dump(mode="json", exclude_defaults=True)))
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="looks at files through inotify")
def test_no_byte_of_a_person_is_written_in_the_clear(tmp_path: Path, task: Path) -> None:
    records, job = source(tmp_path / "records"), Job(tmp_path)
    with written([job.root], tmp_path / "kept") as watch:
        journey(job, records, task)
    contents = everything(tmp_path / "kept")
    assert len(contents) > 100
    assert [name for name in watch.names if name.suffix == ".spill" or ".ingest" in str(name)]
    assert [name for name in watch.names if "features" in str(name)]
    assert (job.root / "workspace/models/stroke/model.json").is_file()
    assert is_sealed((job.root / "workspace/models/stroke/model.json").read_bytes())
    assert findings(contents, watch.names) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks at files through inotify")
def test_the_same_scan_finds_every_canary_in_a_plain_workspace(tmp_path: Path, task: Path) -> None:
    records, job = source(tmp_path / "records"), Job(tmp_path)
    with written([job.root], tmp_path / "kept") as watch:
        job.run("run", records, "--out", job.root / "workspace", "--plain")
        job.run("label", job.root / "workspace", task, "--out", job.root / "labels.parquet")
    found = {what for _, what in findings(everything(tmp_path / "kept"), watch.names)}
    assert {"Parquet", "id", "code", "its name"} <= found


def test_what_was_told_to_spill_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = source(tmp_path / "records")
    ingest(records, tmp_path / "store")
    monkeypatch.setenv("POLARS_OOC_MEMORY_BUDGET_MB", "200")
    from lifecourse.timeline import store

    store._RINGS.clear()
    with pytest.raises(ConfigError, match="POLARS_OOC_MEMORY_BUDGET_MB"):
        open_timeline(tmp_path / "store", actor=Actor(name="a"), purpose=Purpose.OPERATIONS)
    with pytest.raises(ConfigError):
        ingest(records, tmp_path / "another")
    assert main(["inspect", str(tmp_path / "store")]) == 2
    assert "ConfigError 130" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="looks at files through inotify")
def test_resources_of_a_hook_are_read_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    patient: dict[str, Any] = {
        "resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1970-03-01",
        "name": [{"family": WORDS}],
    }  # fmt: skip
    observation = {
        "resourceType": "Observation", "id": "o1", "status": "final",
        "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2021-02-03T08:00:00Z",
        "code": {"text": WORDS}, "valueString": WORDS,
    }  # fmt: skip
    with written([tmp_path / "tmp"], tmp_path / "kept") as watch:
        chart = chart_from_resources(
            [patient, observation], actor=Actor(name="a"), purpose=Purpose.DIRECT_CARE
        )
    assert chart.events.height
    assert watch.names == []


def test_duckdb_lays_nothing_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    from lifecourse.records.omop.rows import connected

    monkeypatch.chdir(tmp_path)
    made = duckdb.connect(str(tmp_path / "cdm.duckdb"))
    made.execute("create table person as select range as person_id from range(10)")
    made.close()
    with connected(tmp_path / "cdm.duckdb") as connection:
        connection.execute("set memory_limit = '30MB'")
        with pytest.raises(duckdb.OutOfMemoryException):
            connection.execute(
                "select count(*) from (select range, hash(range) h from range(20000000) order by h)"
            )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cdm.duckdb"]
