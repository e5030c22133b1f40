"""Who may look, what is on disk, and what is said about it: through the commands, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from sources import meds_events, write_meds

from lifecourse.cli import main

CANARY = "Zebulon-Canary"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_meds(tmp_path_factory.mktemp("source"), meds_events(20))


def ingested(source: Path, store: Path, *words: str) -> Path:
    assert main(["ingest", str(source), "--store", str(store), "--actor", "ada", *words]) == 0
    return store


def canary_patient(folder: Path) -> Path:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "gender": "female",
        "birthDate": "1970-03-01",
        "name": [{"family": CANARY, "given": [CANARY]}],
        "address": [{"line": [CANARY]}],
    }
    broken = {"resourceType": "Observation", "id": "o1", "note": CANARY}
    folder.mkdir(parents=True)
    lines = [orjson.dumps(patient), orjson.dumps(broken), f'{{"resourceType": "{CANARY}'.encode()]
    (folder / "Patient.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    return folder


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_pseudonymous_records_are_refused_for_direct_care(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ingested(source, tmp_path / "store", "--identifiability", "pseudonymous")
    capsys.readouterr()
    assert main(["inspect", str(store), "--purpose", "direct_care", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "PolicyRefused"
    entries = [json.loads(line) for line in (store / "audit/audit.jsonl").read_text().splitlines()]
    assert entries[-1]["outcome"] == "refused"


def test_every_command_that_looks_leaves_an_audit_entry(source: Path, tmp_path: Path) -> None:
    store = ingested(source, tmp_path / "store")
    assert main(["inspect", str(store), "--actor", "grace"]) == 0
    entries = [json.loads(line) for line in (store / "audit/audit.jsonl").read_text().splitlines()]
    assert [entry["actor"] for entry in entries] == ["ada", "grace"]
    assert entries[-1]["purpose"] == "operations"


def test_a_store_of_real_people_is_encrypted(source: Path, tmp_path: Path) -> None:
    store = ingested(source, tmp_path / "store")
    tables = [path for path in files_of(store) if path.suffix == ".parquet"]
    assert tables
    assert all(b"LOINC" not in table.read_bytes() for table in tables)
    key = store.with_name("store.key")
    assert key.stat().st_mode & 0o077 == 0


def test_without_its_key_a_store_does_not_open(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ingested(source, tmp_path / "store")
    store.with_name("store.key").unlink()
    assert main(["inspect", str(store)]) == 2
    assert "KeyUnavailable 123" in capsys.readouterr().err


def test_a_changed_byte_is_found(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ingested(source, tmp_path / "store")
    assert main(["store", "verify", str(store)]) == 0
    table = next(path for path in files_of(store / "parts") if "parquet" in path.name)
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.chmod(0o600)
    table.write_bytes(content)
    assert main(["store", "verify", str(store)]) == 2
    assert "FileChanged 126" in capsys.readouterr().err


def test_a_changed_audit_entry_is_found(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ingested(source, tmp_path / "store")
    assert main(["inspect", str(store)]) == 0
    log = store / "audit/audit.jsonl"
    log.write_text(log.read_text().replace('"ada"', '"eve"'))
    assert main(["store", "verify", str(store)]) == 2
    assert "audit entry" in capsys.readouterr().err


def test_names_reach_no_output_no_log_and_no_file_in_the_clear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = canary_patient(tmp_path / "source")
    store = ingested(source, tmp_path / "store")
    assert main(["inspect", str(store), "--json"]) == 0
    assert main(["plan", str(store), "--subject", "1"]) == 2
    said = capsys.readouterr()
    assert CANARY not in said.out + said.err
    for path in files_of(store):
        assert CANARY.encode() not in path.read_bytes(), path.name
