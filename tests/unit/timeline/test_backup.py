"""A backup is the store, whole and closed; what is damaged or without its key is not restored."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sources import meds_events, write_meds

from lifecourse.base.errors import KeyUnavailable, StoreDamaged, UserError
from lifecourse.cli import main
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.backup import backup, restore
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.store import Store

ASKED = {"actor": Actor(name="officer"), "purpose": Purpose.OPERATIONS}


def two_versions(folder: Path) -> Path:
    store = folder / "store"
    ingest(write_meds(folder / "first", meds_events(20)), store)
    ingest(write_meds(folder / "second", meds_events(30, seed=4)), store)
    return store


def test_a_restored_store_answers_as_the_first_did_in_every_version(tmp_path: Path) -> None:
    store = two_versions(tmp_path)
    told = backup(store, tmp_path / "copy", **ASKED)
    assert told["versions"] == 2
    assert not list((tmp_path / "copy").rglob("*.key"))
    shutil.copyfile(tmp_path / "store.key", tmp_path / "again.key")
    restore(tmp_path / "copy", tmp_path / "again", **ASKED)
    for version in (1, 2):
        first, second = (
            open_timeline(path, as_of_version=version, **ASKED)
            for path in (store, tmp_path / "again")
        )
        assert first.content_hash == second.content_hash
        assert first.n_events == sum(shard.n_events for shard in second.shards())
    assert Store(tmp_path / "again").verify() == Store(store).verify()
    ingest(tmp_path / "first", tmp_path / "again")


def test_without_its_key_or_with_another_nothing_is_restored(tmp_path: Path) -> None:
    store = two_versions(tmp_path)
    backup(store, tmp_path / "copy", **ASKED)
    with pytest.raises(KeyUnavailable):
        restore(tmp_path / "copy", tmp_path / "again", **ASKED)
    Store(tmp_path / "again").keys.create()
    with pytest.raises(StoreDamaged):
        restore(tmp_path / "copy", tmp_path / "again", **ASKED)
    assert not (tmp_path / "again").exists()


def test_a_damaged_file_is_found_and_no_copy_is_left(tmp_path: Path) -> None:
    store = two_versions(tmp_path)
    backup(store, tmp_path / "copy", **ASKED)
    for folder, act in ((tmp_path / "copy", restore), (store, backup)):
        part = next((folder / "parts").glob("*.parquet"))
        part.chmod(0o600)
        part.write_bytes(part.read_bytes()[:-1] + b"x")
        shutil.copyfile(tmp_path / "store.key", tmp_path / "another.key")
        with pytest.raises(StoreDamaged, match=part.name):
            act(folder, tmp_path / "another", **ASKED)
        assert not (tmp_path / "another").exists()


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = two_versions(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="something in it"):
        backup(store, tmp_path / "full", **ASKED)
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    assert main(["store", "backup", str(store)]) == 2
    assert "--to" in capsys.readouterr().err
    assert main(["store", "backup", str(store), "--to", str(tmp_path / "new")]) == 0
    assert main(["store", "restore", str(tmp_path / "no")]) == 2
