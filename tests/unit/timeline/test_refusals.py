"""A flipped bit, a wrong key, a swapped file, a truncated manifest: each is refused, by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from sources import meds_events, write_meds

from lifecourse.base.errors import (
    FileChanged,
    FileSwapped,
    KeyUnavailable,
    ManifestDamaged,
    StoreDamaged,
    WrongKey,
)
from lifecourse.privacy.keys import FileKeyProvider
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.sealed import read_tables
from lifecourse.timeline.store import Store

WHO = Actor(name="test")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    ingest(write_meds(tmp_path / "a", meds_events(20)), tmp_path / "store")
    ingest(write_meds(tmp_path / "b", meds_events(30, seed=4)), tmp_path / "store")
    return tmp_path / "store"


def part(store: Path, version: int | None = None) -> Path:
    return store / Store(store).manifest(version).parts[0].path


def events_of(store: Path) -> int:
    timeline = open_timeline(store, actor=WHO, purpose=Purpose.OPERATIONS)
    return sum(shard.n_events for shard in timeline.shards())


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)


def swap(store: Path) -> None:
    one, other = part(store, 1), part(store, 2)
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def swap_manifests(store: Path) -> None:
    one, other = (store / f"log/0000000{n}.json" for n in (1, 2))
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def another_key(store: Path) -> None:
    key = store.with_name("store.key")
    key.unlink()
    FileKeyProvider(key).create()


def another_stores_manifest(store: Path) -> None:
    ingest(store.parent / "a", store.parent / "other")
    shutil.copyfile(store.parent / "other/log/00000001.json", store / "log/00000002.json")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


HARM: dict[str, tuple[Callable[[Path], None], type[StoreDamaged] | type[KeyUnavailable]]] = {
    "a flipped bit in a table": (lambda store: flip(part(store)), FileChanged),
    "a flipped bit in a footer": (lambda store: flip(part(store), 0.99), FileChanged),
    "a table that is gone": (lambda store: part(store).unlink(), FileChanged),
    "two tables swapped": (swap, FileSwapped),
    "another key": (another_key, WrongKey),
    "no key": (lambda store: store.with_name("store.key").unlink(), KeyUnavailable),
    "a cut manifest": (lambda store: cut(store / "log/00000002.json"), ManifestDamaged),
    "a flipped bit in a manifest": (lambda store: flip(store / "log/00000002.json"), ManifestDamaged),
    "two manifests swapped": (swap_manifests, ManifestDamaged),
    "another store's manifest": (another_stores_manifest, ManifestDamaged),
    "cut keys": (lambda store: cut(store / "log/keys.json"), ManifestDamaged),
    "an empty manifest": (lambda store: (store / "log/00000002.json").write_bytes(b""), ManifestDamaged),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARM)
def test_harm_is_refused_by_name(store: Path, harm: str) -> None:
    harmed, error = HARM[harm]
    harmed(store)
    with pytest.raises(error):
        Store(store).verify()
    with pytest.raises(error):
        events_of(store)


def test_every_refusal_has_a_number_of_its_own() -> None:
    kinds = (FileChanged, FileSwapped, KeyUnavailable, ManifestDamaged, WrongKey, StoreDamaged)
    assert len({kind.number for kind in kinds}) == len(kinds)


def test_a_copied_table_does_not_open_under_another_name(store: Path) -> None:
    """Bound to store, version and path: the key alone does not make it another table."""
    found = Store(store)
    entry = found.manifest().parts[0]
    shutil.copyfile(store / entry.path, store / "parts/00000-elsewhere.parquet")
    other = replace(entry, path="parts/00000-elsewhere.parquet")
    with pytest.raises(WrongKey):
        found.read(other)
    later = replace(entry, written_in=7)
    with pytest.raises(WrongKey):
        found.read(later)


def test_nothing_of_a_manifest_is_open_but_its_place_in_the_chain(store: Path) -> None:
    text = (store / "log/00000002.json").read_text()
    for word in ("content", "rows", "sources", "subjects", "wrapped_key", "report", "parts/"):
        assert word not in text
    assert '"parent"' in text


def test_a_table_of_another_kind_is_not_read_as_one_without_events(tmp_path: Path) -> None:
    ingest(write_meds(tmp_path / "a", meds_events(60)), tmp_path / "plain", plain=True)
    manifest = Store(tmp_path / "plain").manifest()
    timeline = open_timeline(tmp_path / "plain", actor=WHO, purpose=Purpose.OPERATIONS)
    shards = range(timeline.n_shards)
    code = timeline.codes.codes[0]
    assert timeline.holding.matching(shards, ("subject_id", "time", "code"), {code}).height
    shutil.copyfile(
        tmp_path / "plain" / manifest.persons.path, tmp_path / "plain" / manifest.parts[0].path
    )
    for codes in ({code}, None):
        with pytest.raises(FileSwapped):
            timeline.holding.matching(shards, ("subject_id", "time", "code"), codes)


def test_an_earlier_part_that_lacks_a_column_that_may_be_absent_is_read(tmp_path: Path) -> None:
    ingest(write_meds(tmp_path / "a", meds_events(60)), tmp_path / "plain", plain=True)
    part = tmp_path / "plain" / Store(tmp_path / "plain").manifest().parts[0].path
    columns = ("subject_id", "time", "code", "numeric_value", "unit")
    whole = read_tables([(part, None, "")], columns, None)
    pl.read_parquet(part).drop("unit").write_parquet(part)
    lacking = read_tables([(part, None, "")], columns, None)
    assert lacking.columns == list(columns)
    assert lacking["unit"].null_count() == lacking.height == whole.height
    assert lacking.drop("unit").equals(whole.drop("unit"))
