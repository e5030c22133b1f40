"""A store of every earlier format still opens, and is brought to today's with what it says unchanged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from lifecourse.base.errors import KeyUnavailable, StoreOutdated
from lifecourse.cli import main
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline import manifest as log
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.manifest import FORMAT
from lifecourse.timeline.migration import migrate
from lifecourse.timeline.store import Store

ASKED: dict[str, Any] = {"actor": Actor(name="officer"), "purpose": Purpose.OPERATIONS}
RESEARCH: dict[str, Any] = {"actor": Actor(name="officer"), "purpose": Purpose.RESEARCH}
EARLIER = sorted((Path(__file__).parents[2] / "data" / "stores").glob("format-*"))


@pytest.fixture(params=[path.name for path in EARLIER])
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "earlier"
    shutil.copytree(EARLIER[0].parent / request.param, folder)
    return folder


def said(store: Path, version: int) -> list[dict[str, Any]]:
    """What the events of a version say, without where a record came from."""
    found = Store(store)
    parts = [found.read(entry) for entry in found.manifest(version).parts]
    return pl.concat(parts).drop("source_id").to_dicts()


def resources(day: int, patients: int = 3) -> list[dict[str, Any]]:
    people = [
        {"resourceType": "Patient", "id": f"p{i}", "gender": "female"} for i in range(patients)
    ]
    labs = [
        {
            "resourceType": "Observation", "id": f"o{i}", "status": "final",
            "subject": {"reference": f"Patient/p{i}"}, "effectiveDateTime": "2021-02-03T08:00:00Z",
            "meta": {"versionId": str(day)},
            "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
            "valueQuantity": {"value": 1.0 + day, "unit": "mg/dL"},
        }
        for i in range(patients)
    ]  # fmt: skip
    return [*people, *labs]


def export(folder: Path, *told: dict[str, Any]) -> Path:
    folder.mkdir(parents=True)
    (folder / "all.ndjson").write_bytes(b"\n".join(orjson.dumps(each) for each in told) + b"\n")
    return folder


def test_there_is_a_store_of_every_format_before_this_one() -> None:
    assert [path.name for path in EARLIER] == [f"format-{n}" for n in range(1, FORMAT)]


@pytest.mark.parametrize("kind", ["plain", "sealed", "pseudonymous"])
def test_an_earlier_store_opens_in_every_version(earlier: Path, kind: str) -> None:
    store = earlier / kind / "store"
    asked = RESEARCH if kind == "pseudonymous" else ASKED
    for version in log.versions(store):
        timeline = open_timeline(store, as_of_version=version, **asked)
        assert timeline.n_subjects == 13
        assert timeline.n_events == sum(shard.n_events for shard in timeline.shards()) > 0
    Store(store).verify()


@pytest.mark.parametrize("kind", ["plain", "sealed", "pseudonymous"])
def test_a_migrated_store_says_what_it_said(earlier: Path, kind: str) -> None:
    store = earlier / kind / "store"
    before = {version: said(store, version) for version in log.versions(store)}
    assert main(["store", "migrate", str(store)]) == 0
    found = Store(store)
    if kind != "plain":
        assert {found.manifest(version).format for version in before} == {FORMAT}
        assert all(entry.written_in for entry in found.manifest().files)
    assert {version: said(store, version) for version in before} == before
    found.verify()
    assert migrate(store, **ASKED)["outcome"] == "nothing to do"
    assert {path.name for path in (store / "parts").iterdir()} == {
        Path(entry.path).name for version in before for entry in found.manifest(version).files
    }


def test_an_earlier_encrypted_store_is_not_added_to_before_it_is_migrated(
    earlier: Path, tmp_path: Path
) -> None:
    store = earlier / "sealed" / "store"
    source = export(tmp_path / "more", *resources(4))
    with pytest.raises(StoreOutdated, match="store migrate"):
        ingest(source, store)
    migrate(store, **ASKED)
    assert ingest(source, store).subjects == 16


def test_a_plain_store_of_format_1_is_added_to_as_it_is(earlier: Path, tmp_path: Path) -> None:
    assert (
        ingest(export(tmp_path / "more", *resources(4)), earlier / "plain" / "store").subjects == 16
    )


def test_without_its_key_an_earlier_store_is_not_migrated(earlier: Path) -> None:
    store = earlier / "sealed" / "store"
    store.with_name("store.key").unlink()
    with pytest.raises(KeyUnavailable):
        migrate(store, **ASKED)
    assert not (store / "log" / "keys.json").exists()


def test_ids_of_records_of_pseudonyms_are_hashed_with_the_stores_secret(
    earlier: Path, tmp_path: Path
) -> None:
    old = earlier / "pseudonymous" / "store"
    stated = {
        row["source_id"] for row in Store(old).read(Store(old).manifest().parts[0]).to_dicts()
    }
    assert "Observation/other3-3" in stated
    people = open_timeline(old, **RESEARCH).subject_ids().tolist()
    migrate(old, **ASKED)
    assert open_timeline(old, **RESEARCH).subject_ids().tolist() == people
    store = tmp_path / "new"
    ingest(
        export(tmp_path / "a", *resources(1)), store, identifiability=Identifiability.PSEUDONYMOUS
    )
    hashes = []
    for each in (old, store):
        found = Store(each)
        ids = found.read(found.manifest().parts[0])["source_id"].drop_nulls().to_list()
        assert ids
        assert all(name.partition("/")[0] in ("Observation", "Patient") for name in ids)
        assert not {name.partition("/")[2] for name in ids} & {n.partition("/")[2] for n in stated}
        hashes.append({name for name in ids if name.startswith("Observation")})
    assert not hashes[0] & hashes[1]


def test_no_words_of_a_rejected_row_are_kept_of_pseudonyms(tmp_path: Path) -> None:
    source = export(tmp_path / "a", *resources(1))
    with (source / "all.ndjson").open("ab") as file:
        file.write(b'{"resourceType": "Patient", "name": "zz-canary\n')
    words = {}
    for kind in (Identifiability.PSEUDONYMOUS, Identifiability.IDENTIFIED):
        ingest(source, tmp_path / kind, identifiability=kind)
        rejects = Store(tmp_path / kind).read(Store(tmp_path / kind).manifest().rejects)
        words[kind] = [text for text in rejects["raw"].to_list() if text is not None]
        assert rejects.height == 1
    assert words[Identifiability.PSEUDONYMOUS] == []
    assert "zz-canary" in words[Identifiability.IDENTIFIED][0]


def test_tomorrows_export_still_replaces_and_deletes_records_of_pseudonyms(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest(
        export(tmp_path / "a", *resources(1)), store, identifiability=Identifiability.PSEUDONYMOUS
    )
    changed = resources(2)
    changed[4]["status"] = "entered-in-error"
    report = ingest(export(tmp_path / "b", *changed), store)
    found = Store(store)
    events = found.read(found.manifest().parts[0])
    values = events.filter(pl.col("code") == "LOINC//2160-0")["numeric_value"].to_list()
    assert values == [3.0, 3.0]
    assert report.changed == 2
    assert report.removed == 1


def test_a_migrated_store_of_pseudonyms_is_added_to_as_one_that_never_was_old(
    earlier: Path, tmp_path: Path
) -> None:
    old = earlier / "pseudonymous" / "store"
    migrate(old, **ASKED)
    fresh = tmp_path / "fresh" / "store"
    (fresh / "log").mkdir(parents=True)
    shutil.copyfile(old.with_name("store.key"), fresh.with_name("store.key"))
    shutil.copyfile(old / "log/keys.json", fresh / "log/keys.json")
    lab = {
        "resourceType": "Observation", "id": "other3-3", "status": "final",
        "subject": {"reference": "Patient/other3"}, "effectiveDateTime": "2021-02-03T08:00:00Z",
        "meta": {"versionId": "7"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
        "valueQuantity": {"value": 9.0, "unit": "mg/dL"},
    }  # fmt: skip
    patient = {
        "resourceType": "Patient",
        "id": "other3",
        "gender": "female",
        "birthDate": "1970-03-01",
    }
    more = export(tmp_path / "more", patient, lab)
    before = len(said(old, 2))
    ingest(more, old)
    events = said(old, 3)
    # The correction took the place of what it corrects: joined by the hash of its id.
    assert len(events) <= before
    assert [e["numeric_value"] for e in events if e["numeric_value"] == 9.0] == [9.0]
    ingest(more, fresh, identifiability=Identifiability.PSEUDONYMOUS)
    mine = {
        row["source_id"] for row in Store(fresh).read(Store(fresh).manifest().parts[0]).to_dicts()
    }
    theirs = {
        row["source_id"] for row in Store(old).read(Store(old).manifest().parts[0]).to_dicts()
    }
    assert mine <= theirs
