"""`lifecourse audit`: verify, sign, account, export; each of them is in the log too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sources import meds_events, write_meds

from lifecourse.cli import main
from lifecourse.privacy.checkpoints import Verifier
from lifecourse.privacy.merkle import is_consistent
from lifecourse.timeline.about import audit_of


@pytest.fixture
def store(tmp_path: Path) -> Path:
    source = write_meds(tmp_path / "source", meds_events(12))
    made = tmp_path / "store"
    assert (
        main(
            [
                "ingest",
                str(source),
                "--store",
                str(made),
                "--actor",
                "ada",
                "--identifiability",
                "synthetic",
            ]
        )
        == 0
    )
    return made


def asked(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_checkpoint_kept_elsewhere_finds_what_the_log_alone_cannot(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "elsewhere.txt"
    signed = asked(capsys, "audit", "checkpoint", store, "--out", kept)
    assert kept.read_text() == signed["checkpoint"]
    assert Verifier.of(signed["verifier"]).read(kept.read_text()).size == signed["entries"]
    whole = asked(
        capsys, "audit", "verify", store, "--checkpoint", kept, "--verifier", signed["verifier"]
    )
    assert whole["outcome"] == "whole"
    # The whole folder is put back to what a thief of the key would like it to be: shorter, with a fitting head.
    log = audit_of(store)
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(lines[:1]))
    for path in (log.folder / "checkpoints").iterdir():
        path.unlink()
    log._seal(json.loads(lines[0]))
    assert asked(capsys, "audit", "verify", store)["outcome"] == "whole"
    refused = asked(capsys, "audit", "verify", store, "--checkpoint", kept, code=2)
    assert "audit entries" in refused["error"]["message"]


def test_a_kept_checkpoint_is_checked_by_every_verification(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(capsys, "audit", "checkpoint", store)
    note = next((audit_of(store).folder / "checkpoints").iterdir())
    assert asked(capsys, "store", "verify", store)["outcome"] == "whole"
    note.write_text(note.read_text().replace("\n2\n", "\n1\n"))
    assert asked(capsys, "store", "verify", store, code=2)["error"]["kind"] == "StoreDamaged"


def test_a_witness_is_shown_that_the_log_only_grew(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import base64

    first, request = tmp_path / "first.txt", tmp_path / "request.txt"
    signed = asked(capsys, "audit", "checkpoint", store, "--out", first)
    for _ in range(5):
        asked(capsys, "inspect", store)
    asked(capsys, "audit", "checkpoint", store, "--since", first, "--out", request)
    head, _, note = request.read_text().partition("\n\n")
    old, *proof = head.splitlines()
    verifier = Verifier.of(signed["verifier"])
    before, after = verifier.read(first.read_text()), verifier.read(note)
    assert old == f"old {before.size}"
    assert after.size > before.size
    steps = [base64.b64decode(step) for step in proof]
    assert is_consistent(before.size, before.root, after.size, after.root, steps)


def test_accounting_and_export_are_entered_before_they_answer(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(capsys, "inspect", store, "--purpose", "research", "--actor", "eva")
    told = asked(capsys, "audit", "accounting", store, "--subject", "1", "--actor", "officer")
    assert [row["recipient"] for row in told["disclosures"]] == ["eva"]
    assert told["disclosures"][0]["program"] == "lifecourse inspect"
    out = tmp_path / "events.ndjson"
    asked(capsys, "audit", "export", store, "--format", "fhir", "--out", out, "--actor", "officer")
    events = [json.loads(line) for line in out.read_text().splitlines()]
    assert events[-1]["subtype"][1]["display"] == "audit export"
    entries = list(audit_of(store).entries())
    assert [e["action"] for e in entries if e["actor"] == "officer" and e["action"] != "open"] == [
        "audit accounting",
        "audit export",
    ]
    assert main(["audit", "accounting", str(store), "--subject", "1"]) == 0
    assert "perhaps among many" in capsys.readouterr().out


def test_a_verification_that_finds_damage_is_entered_as_failed(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = audit_of(store)
    log.path.write_text(log.path.read_text().replace('"ada"', '"eve"'))
    assert asked(capsys, "audit", "verify", store, code=2)["error"]["message"].startswith(
        "audit entry 1"
    )
    assert list(log.entries())[-1]["outcome"] == "failed"


@pytest.mark.parametrize(
    "words",
    [
        ("accounting",),
        ("export",),
        ("verify", "--checkpoint", "none"),
        ("verify", "--verifier", "x", "--checkpoint", "{store}/log"),
    ],
)
def test_what_is_missing_is_said(
    store: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(store=store) for word in words]
    if "{store}" in words[-1]:
        given[-1] = str(next((store / "log").glob("*.json")))
    assert main(["audit", given[0], str(store), *given[1:]]) == 2
    assert "Traceback" not in capsys.readouterr().err
