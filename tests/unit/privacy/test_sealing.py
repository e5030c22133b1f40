"""What was made of people is as closed as their store: sealed files, sealed lines, signed models."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from cohorts import RECIPE, TASK, cohort
from sources import meds_events, write_meds

from lifecourse.base.errors import FileChanged, KeyUnavailable, ModelError, WrongKey
from lifecourse.models import load_model, save_model, train
from lifecourse.privacy.sealing import is_sealed
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.derived import PLAIN, Derived
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.rotation import rotate_keys

WHO = Actor(name="test")


@pytest.fixture
def derived(tmp_path: Path) -> Derived:
    ingest(write_meds(tmp_path / "source", meds_events(8)), tmp_path / "w" / "store")
    return Derived.of(tmp_path / "w" / "store")


def test_what_is_written_is_read_and_says_nothing(derived: Derived, tmp_path: Path) -> None:
    path = tmp_path / "w" / "labels" / "a.json"
    derived.write_json(path, {"word": "canary"})
    assert is_sealed(path.read_bytes())
    assert b"canary" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert derived.read_json(path) == Derived.around(path).read_json(path) == {"word": "canary"}
    table = pl.DataFrame({"subject_id": [1, 2]})
    derived.write_table(path.with_suffix(".parquet"), table)
    assert derived.read_table(path.with_suffix(".parquet")).equals(table)


def test_a_sealed_file_is_read_after_the_keys_were_turned(derived: Derived, tmp_path: Path) -> None:
    path = tmp_path / "w" / "a.json"
    derived.write_json(path, 1)
    name = derived.name_of(7)
    rotate_keys(tmp_path / "w" / "store", actor=WHO, purpose=Purpose.OPERATIONS, keep_days=0)
    assert derived.read_json(path) == 1
    assert derived.name_of(7) == name
    derived.write_json(path, 2)
    assert derived.read_json(path) == 2


@pytest.mark.parametrize("place", [0.3, 0.6, 0.99])
def test_a_flipped_bit_is_refused(derived: Derived, tmp_path: Path, place: float) -> None:
    path = tmp_path / "w" / "a.json"
    derived.write_json(path, list(range(50)))
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileChanged):
        derived.read_json(path)


def test_a_file_in_anothers_place_is_refused(derived: Derived, tmp_path: Path) -> None:
    one, other = tmp_path / "w" / "a" / "model.json", tmp_path / "w" / "b" / "model.json"
    derived.write_json(one, 1)
    derived.write_json(other, 2)
    shutil.copyfile(one, other)
    with pytest.raises(FileChanged):
        derived.read_json(other)


def test_another_stores_file_is_refused(derived: Derived, tmp_path: Path) -> None:
    ingest(tmp_path / "source", tmp_path / "v" / "store")
    path = tmp_path / "w" / "a.json"
    derived.write_json(path, 1)
    with pytest.raises(WrongKey):
        Derived.of(tmp_path / "v" / "store").read_json(path)
    with pytest.raises(KeyUnavailable):
        PLAIN.read_json(path)


def test_lines_are_closed_each_by_itself(derived: Derived, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    lines = [derived.closed_line({"n": n}, path) for n in range(3)]
    path.write_bytes(b"".join(lines))
    assert [line["n"] for line in derived.lines(path)] == [0, 1, 2]
    assert b'"n"' not in path.read_bytes()
    with pytest.raises(FileChanged):
        derived.opened_line(lines[0].strip(), tmp_path / "others.jsonl")
    assert derived.opened_line(b'{"n": 9}', path) == {"n": 9}


def test_of_a_plain_store_files_are_ordinary(tmp_path: Path) -> None:
    ingest(write_meds(tmp_path / "source", meds_events(8)), tmp_path / "store", plain=True)
    derived = Derived.of(tmp_path / "store")
    derived.write_json(tmp_path / "a.json", 1)
    assert (tmp_path / "a.json").read_bytes() == b"1\n"
    assert derived.name_of(7) == "7"


@pytest.fixture(scope="module", params=[False, True], ids=["sealed", "plain"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a model."""
    root = tmp_path_factory.mktemp("trained")
    ingest(write_meds(root / "source", cohort()), root / "store", plain=request.param)
    timeline = open_timeline(root / "store", actor=WHO, purpose=Purpose.OPERATIONS)
    model = train(timeline, TASK, recipe=RECIPE).model
    assert model is not None
    save_model(model, root / "models" / "stroke", timeline.derived)
    return root


def copied(trained: Path, folder: Path) -> Path:
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    return folder / "models" / "stroke"


def test_a_model_is_signed_with_the_stores_key(trained: Path, tmp_path: Path) -> None:
    folder = copied(trained, tmp_path)
    assert load_model(folder).task.name == "stroke"
    assert (folder / "signature.json").is_file()


@pytest.mark.parametrize("name", ["model.json", "card.json", "manifest.json", "signature.json"])
def test_an_altered_file_of_a_model_is_refused_by_name(
    trained: Path, tmp_path: Path, name: str
) -> None:
    folder = copied(trained, tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[-20] ^= 1
    (folder / name).write_bytes(content)
    said = "manifest.json" if name == "signature.json" else name
    with pytest.raises(ModelError, match=said):
        load_model(folder)


def test_a_model_without_its_signature_is_refused(trained: Path, tmp_path: Path) -> None:
    folder = copied(trained, tmp_path)
    (folder / "signature.json").unlink()
    with pytest.raises(ModelError, match="not signed"):
        load_model(folder)


def test_another_workspaces_model_is_refused(tmp_path: Path) -> None:
    """Whole and signed, but by another key."""
    for name in ("one", "other"):
        ingest(write_meds(tmp_path / "source", cohort()), tmp_path / name / "store", plain=True)
    timeline = open_timeline(tmp_path / "one/store", actor=WHO, purpose=Purpose.OPERATIONS)
    model = train(timeline, TASK, recipe=RECIPE).model
    assert model is not None
    for name in ("one", "other"):
        own = Derived.of(tmp_path / name / "store")
        save_model(model, tmp_path / name / "models/stroke", own)
    shutil.rmtree(tmp_path / "other/models/stroke")
    shutil.copytree(tmp_path / "one/models/stroke", tmp_path / "other/models/stroke")
    with pytest.raises(ModelError, match="another store"):
        load_model(tmp_path / "other/models/stroke")
