"""Keys are turned in kilobytes; killed at any moment the store is readable; retired keys open nothing."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sources import meds_events, write_meds
from transit import TOKEN, transit

from lifecourse.base import clock
from lifecourse.base.errors import StoreDamaged, UserError, WrongKey
from lifecourse.cli import main
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline import rewriting, rotation
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.backup import backup, restore
from lifecourse.timeline.erasure import erase
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.rotation import rotate_keys
from lifecourse.timeline.store import Store

ASKED: dict[str, Any] = {"actor": Actor(name="officer"), "purpose": Purpose.OPERATIONS}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    ingest(write_meds(tmp_path / "a", meds_events(20)), tmp_path / "store")
    ingest(write_meds(tmp_path / "b", meds_events(30, seed=4)), tmp_path / "store")
    return tmp_path / "store"


def events_of(store: Path, version: int | None = None) -> int:
    timeline = open_timeline(store, as_of_version=version, **ASKED)
    assert timeline.n_events == sum(shard.n_events for shard in timeline.shards())
    return timeline.n_events


def at(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    later = clock.now() + timedelta(days=days)
    for module in ("lifecourse.privacy.keyring", "lifecourse.timeline.rotation"):
        monkeypatch.setattr(f"{module}.now", lambda: later)


def test_turning_keys_writes_no_table_and_changes_no_answer(store: Path) -> None:
    before = {path: path.read_bytes() for path in (store / "parts").iterdir()}
    wrapped = {e.wrapped_key for v in (1, 2) for e in Store(store).manifest(v).files}
    said = [events_of(store, version) for version in (1, 2)]
    assert main(["store", "rotate-keys", str(store)]) == 0
    assert {path: path.read_bytes() for path in (store / "parts").iterdir()} == before
    after = {e.wrapped_key for v in (1, 2) for e in Store(store).manifest(v).files}
    assert not wrapped & after
    assert [events_of(store, version) for version in (1, 2)] == said
    Store(store).verify()
    ingest(write_meds(store.parent / "c", meds_events(35, seed=5)), store)


def test_a_plain_store_has_no_keys_to_turn(tmp_path: Path) -> None:
    ingest(write_meds(tmp_path / "a", meds_events(5)), tmp_path / "plain", plain=True)
    with pytest.raises(UserError):
        rotate_keys(tmp_path / "plain", **ASKED)


def test_a_backup_opens_until_the_stated_day_and_is_noise_after(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = store.parent / "copy"
    backup(store, copy, **ASKED)
    rotate_keys(store, keep_days=30, **ASKED)
    shutil.copyfile(store.with_name("store.key"), store.with_name("again.key"))
    restore(copy, store.with_name("again"), **ASKED)
    assert events_of(store.with_name("again")) == events_of(store)
    at(monkeypatch, days=31)
    ingest(write_meds(store.parent / "c", meds_events(35, seed=5)), store)
    assert len(store.with_name("store.key").read_text().split()) == 1
    shutil.copyfile(store.with_name("store.key"), store.with_name("third.key"))
    with pytest.raises(WrongKey):
        restore(copy, store.with_name("third"), **ASKED)
    assert not store.with_name("third").exists()
    events_of(store)


def test_what_erasure_destroyed_opens_with_no_key_of_today(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup has the old tables, their wrapped keys and the old ring: after the stated day nothing opens these."""
    copy = store.parent / "copy"
    backup(store, copy, **ASKED)
    who = int(open_timeline(store, **ASKED).subject_ids()[0])
    report = erase(store, who, keep_days=10, **ASKED)
    assert report["earlier_backups_open_until"]
    at(monkeypatch, days=11)
    rotate_keys(store, **ASKED)
    with pytest.raises(WrongKey):
        Store(copy, keyed_as=store).manifest()
    # Nor do the keys in the ring of today, put in the place of the old ring.
    shutil.copyfile(store / "log/keys.json", copy / "log/keys.json")
    with pytest.raises(StoreDamaged):
        Store(copy, keyed_as=store).manifest()


class Killed(BaseException):
    """The end of a process, at a step of our choice."""


STEPS = (
    "lifecourse.privacy.keys.FileKeyProvider.rotate",
    "lifecourse.timeline.store.Store.keep_ring",
    "lifecourse.timeline.rewriting.write_bytes",
    "lifecourse.timeline.manifest.replace",
    "lifecourse.timeline.rewriting.write_ring",
    "lifecourse.timeline.rewriting.removed_for_good",
)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_store_is_readable_and_the_next_writer_ends_it(
    store: Path, step: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [events_of(store, version) for version in (1, 2)]
    target, _, name = step.rpartition(".")
    with monkeypatch.context() as patched:
        original = _resolve(target, name)

        def dies(*arguments: Any, **options: Any) -> Any:
            if after:
                original(*arguments, **options)
            raise Killed

        patched.setattr(step, dies)
        with pytest.raises(Killed):
            rotate_keys(store, keep_days=0, **ASKED)
    assert [events_of(store, version) for version in (1, 2)] == said
    rotate_keys(store, keep_days=0, **ASKED)
    rotate_keys(store, keep_days=0, **ASKED)
    Store(store).verify()
    assert [events_of(store, version) for version in (1, 2)] == said
    assert len(Store(store).ring.keys) == 1
    assert not (store / "log" / rewriting.JOURNAL).exists()
    with Store(store).locked():
        rewriting.finish_rewriting(Store(store))
    assert len(store.with_name("store.key").read_text().split()) == 1
    assert rotation.KEEP_DAYS == 30


def _resolve(target: str, name: str) -> Any:
    from importlib import import_module

    try:
        return getattr(import_module(target), name)
    except ModuleNotFoundError:
        module, _, kind = target.rpartition(".")
        return getattr(getattr(import_module(module), kind), name)


def test_a_store_whose_keys_a_vault_keeps_is_made_read_turned_and_erased_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transit() as (address, engine):
        monkeypatch.setenv("LIFECOURSE_KEYS", f"vault:{address}/transit/hospital")
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        store = tmp_path / "store"
        ingest(write_meds(tmp_path / "a", meds_events(20)), store)
        assert not store.with_name("store.key").exists()
        count = events_of(store)
        engine.asked.clear()
        assert events_of(store) == count
        assert not [what for _, what in engine.asked if what.startswith("decrypt")]
        rotate_keys(store, keep_days=0, **ASKED)
        who = int(open_timeline(store, **ASKED).subject_ids()[0])
        erase(store, who, keep_days=0, **ASKED)
        with Store(store).locked():
            rewriting.finish_rewriting(Store(store))
        assert engine.least["hospital"] == 3
        assert events_of(store) < count
        Store(store).verify()
