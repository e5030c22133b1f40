"""A sequence model on disk: the same bytes again, as closed as its store, refused when it is another's or was changed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from lives import SCHEMA, Row, lives, timeline_of
from sources import write_meds

torch = pytest.importorskip("torch", reason="the extra 'deep' is not installed")
pytest.importorskip("safetensors", reason="the extra 'deep' is not installed")

from safetensors.numpy import load, save

from lifecourse.base.errors import ModelError
from lifecourse.models import kind_of_model, load_model
from lifecourse.models.outcomes import (
    load_outcomes,
    predict_outcomes,
    save_outcomes,
    train_outcomes,
)
from lifecourse.models.persistence import read_signed, write_signed
from lifecourse.models.sequence import SequenceModel, load_sequence, save_sequence, train_sequence
from lifecourse.models.sequence.learning import Schedule
from lifecourse.models.sequence.network import Shape
from lifecourse.privacy.sealing import is_sealed
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.derived import PLAIN, Derived
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.timeline.access import Timeline


def trained(timeline: Timeline) -> SequenceModel:
    small = Shape(width=16, layers=1, heads=2, dropout=0.1)
    return train_sequence(timeline, shape=small, schedule=Schedule(rounds=2, rate=5e-3, warm_up=20))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return lives(500)


@pytest.fixture(scope="module")
def model(rows: list[Row]) -> SequenceModel:
    return trained(timeline_of(rows))


def test_training_again_gives_the_same_bytes(rows: list[Row], tmp_path: Path) -> None:
    strict = torch.are_deterministic_algorithms_enabled()
    threads = torch.get_num_threads()
    state = torch.random.get_rng_state()
    for name in ("one", "other"):
        save_sequence(trained(timeline_of(rows)), tmp_path / name)
        torch.rand(3)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()
    # What others set in PyTorch is as it was.
    assert (torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()) == (
        strict,
        threads,
    )
    torch.random.set_rng_state(state)


def test_a_kept_model_tells_the_same_and_is_no_other_kind(
    model: SequenceModel, rows: list[Row], tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    save_sequence(model, folder)
    timeline = timeline_of(rows[:600])
    again = load_sequence(folder)
    assert predict_outcomes(again, timeline)[0].equals(predict_outcomes(model, timeline)[0])
    assert kind_of_model(folder) == "sequence"
    with pytest.raises(ModelError, match="a sequence model"):
        load_outcomes(folder)
    with pytest.raises(ModelError, match="many outcomes"):
        load_model(folder)
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="changed"):
        load_sequence(folder)


def test_hazards_are_no_sequence_model_and_draw_no_futures(rows: list[Row], tmp_path: Path) -> None:
    hazards = train_outcomes(timeline_of(rows))
    save_outcomes(hazards, tmp_path)
    with pytest.raises(ModelError, match="no sequence model"):
        load_sequence(tmp_path)
    with pytest.raises(ModelError, match="hazards draw no futures"):
        predict_outcomes(hazards, timeline_of(rows[:40]), futures=10)


def test_weights_that_do_not_fit_are_refused(model: SequenceModel, tmp_path: Path) -> None:
    save_sequence(model, tmp_path)
    files = read_signed(tmp_path)
    for wrong in (
        b"no weights",
        save({"rates": np.zeros(3)}),
        save(load(files["weights.safetensors"]) | {"more": np.zeros(1)}),
    ):
        write_signed({**files, "weights.safetensors": wrong}, tmp_path, PLAIN)
        with pytest.raises(ModelError, match=r"weights.safetensors .* does not fit"):
            load_sequence(tmp_path)


def test_it_is_as_closed_as_its_store_and_its_key_alone_is_taken(
    rows: list[Row], tmp_path: Path
) -> None:
    events = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    source = write_meds(
        tmp_path / "source", events.with_columns(numeric_value=pl.lit(None, pl.Float32))
    )
    for name in ("one", "other"):
        ingest(source, tmp_path / name / "store")
    store = tmp_path / "one" / "store"
    timeline = open_timeline(store, actor=Actor(name="test"), purpose=Purpose.OPERATIONS)
    model = trained(timeline)
    folder = tmp_path / "one" / "models" / "sequence"
    save_sequence(model, folder, timeline.derived)
    for name in ("model.json", "card.json", "weights.safetensors"):
        assert is_sealed((folder / name).read_bytes())
    again = load_sequence(folder, Derived.of(store))
    assert again.version == model.version
    for name, weight in model.network.state_dict().items():
        assert torch.equal(weight, again.network.state_dict()[name])
    save_sequence(model, folder)
    with pytest.raises(ModelError, match="not signed"):
        load_sequence(folder)
    own = Derived.of(tmp_path / "other" / "store")
    elsewhere = tmp_path / "other" / "models" / "sequence"
    save_sequence(model, elsewhere, own)
    save_sequence(model, folder, Derived(store=timeline.derived.store, seals=False))
    shutil.rmtree(elsewhere)
    shutil.copytree(folder, elsewhere)
    with pytest.raises(ModelError, match="another store"):
        load_sequence(elsewhere)
