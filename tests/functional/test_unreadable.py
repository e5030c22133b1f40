"""A source that cannot be read is one clear error, and nothing half-written is left."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from lifecourse.cli import main

PERSON = "person_id,gender_concept_id,year_of_birth\n1,8532,1960\n"


def meds(folder: Path, damage: str) -> Path:
    path = folder / "data" / "0.parquet"
    path.parent.mkdir(parents=True)
    if damage == "no Parquet":
        path.write_bytes(b"PK\x03\x04 something else")
        return folder
    pl.DataFrame(
        {"subject_id": range(5000), "time": [datetime(2020, 1, 1)] * 5000, "code": ["A"] * 5000}
    ).write_parquet(path)
    content = bytearray(path.read_bytes())
    if damage == "cut short":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[4:200] = b"\xff" * 196
        path.write_bytes(content)
    return folder


def omop(folder: Path, damage: str) -> Path:
    folder.mkdir()
    if damage == "omop":
        (folder / "person.parquet").write_bytes(b"PAR1 and nothing else")
    elif damage == "gzip cut in its header":
        (folder / "person.csv.gz").write_bytes(gzip.compress(PERSON.encode())[:20])
    else:
        rows = "".join(f"{person},8532,{1900 + person % 100}\n" for person in range(2, 300_000))
        whole = gzip.compress((PERSON + rows).encode(), 1)
        (folder / "person.csv.gz").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.mark.parametrize("command", ["run", "ingest"])
@pytest.mark.parametrize(
    ("damage", "name"),
    [
        ("no Parquet", "0.parquet"),
        ("cut short", "0.parquet"),
        ("overwritten", "0.parquet"),
        ("omop", "person.parquet"),
        ("gzip cut in its header", "person.csv.gz"),
        ("gzip cut in its rows", "person.csv.gz"),
        ("html", "page.json"),
    ],
)
def test_what_cannot_be_read_is_named_and_leaves_nothing(
    tmp_path: Path, command: str, damage: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if damage == "html":
        source = tmp_path / "page.json"
        source.write_text("<html>Sign in</html>")
    else:
        made = omop if name.startswith("person") else meds
        source = made(tmp_path / "in", damage)
    before = {path for path in tmp_path.rglob("*") if source in (path, *path.parents)}
    option = "--out" if command == "run" else "--store"
    assert main([command, str(source), option, str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "SourceError" in said
    assert "Traceback" not in said
    assert name in said
    assert set(tmp_path.rglob("*")) == before


def test_a_store_that_stood_before_stays_as_it_was(tmp_path: Path) -> None:
    good = tmp_path / "good" / "data"
    good.mkdir(parents=True)
    pl.DataFrame({"subject_id": [1], "time": [datetime(2020, 1, 1)], "code": ["A"]}).write_parquet(
        good / "0.parquet"
    )
    store = str(tmp_path / "store")
    assert main(["ingest", str(tmp_path / "good"), "--store", store]) == 0
    assert main(["ingest", str(meds(tmp_path / "bad", "cut short")), "--store", store]) == 2
    assert main(["store", "verify", store]) == 0
    assert main(["ingest", str(tmp_path / "good"), "--store", store]) == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("quiet.hl7", "", "read as hl7v2 and has no record"),
        ("notes.json", '{"text": "seen today"}', "No record of 1 gave an event"),
    ],
)
def test_a_source_that_gives_nothing_is_read_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, said: str
) -> None:
    source = tmp_path / name
    source.write_text(content)
    assert main(["ingest", str(source), "--store", str(tmp_path / "store"), "--plain"]) == 0
    assert said in capsys.readouterr().out
