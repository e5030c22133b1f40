"""Models of either learner: saved and back the same, refused when changed, blind to the future."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import orjson
import polars as pl
import pytest
from cohorts import RECIPE, SEEN, TASK, at_visit, cohort, with_a_future

from lifecourse.base.clock import to_microseconds
from lifecourse.base.errors import ModelError
from lifecourse.base.files import sha256_of_file
from lifecourse.features import featurize
from lifecourse.models import load_model, predict, save_model, train
from lifecourse.models.binary import LEARNERS
from lifecourse.models.calibration import fit_calibrator
from lifecourse.models.persistence import write_signed
from lifecourse.models.split import folds_of
from lifecourse.timeline.derived import PLAIN
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.models import RiskModel

EVENTS = cohort()
AT = to_microseconds(SEEN)


@pytest.fixture(scope="module")
def trained() -> RiskModel:
    model = train(timeline_from_events(EVENTS), TASK, recipe=RECIPE).model
    assert model is not None
    return model


@pytest.fixture(params=sorted(LEARNERS))
def model(request: pytest.FixtureRequest, trained: RiskModel) -> RiskModel:
    """A model of each learner, whichever training kept."""
    rows = at_visit(range(1, 401))
    features = featurize(timeline_from_events(EVENTS), rows, RECIPE, vocabulary=trained.vocabulary)
    strokes = EVENTS.filter(code="ICD10CM//I63.9")["subject_id"]
    outcome = rows["subject_id"].is_in(strokes.implode()).to_numpy()
    learner = LEARNERS[request.param].fit(
        features, outcome, np.arange(400), np.arange(400) % 5 == 0
    )
    return replace(trained, learner=learner)


def test_saved_model_predicts_the_same_to_the_last_bit(model: RiskModel, tmp_path: Path) -> None:
    here = timeline_from_events(EVENTS)
    save_model(model, tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert predict(again, here, at=AT) == predict(model, here, at=AT)
    assert (again.version, again.vocabulary, again.card) == (
        model.version,
        model.vocabulary,
        model.card,
    )


@pytest.mark.parametrize(
    ("number", "said"), [(1, "earlier format"), (2, None), (3, None), (4, "later format")]
)
def test_a_model_of_the_format_before_is_read_and_others_are_refused(
    trained: RiskModel, tmp_path: Path, number: int, said: str | None
) -> None:
    save_model(trained, tmp_path / "m")
    files = {
        path.name: path.read_bytes()
        for path in (tmp_path / "m").iterdir()
        if path.name != "manifest.json"
    }
    document = orjson.loads(files["model.json"])
    assert document["format"] == 3
    files["model.json"] = orjson.dumps({**document, "format": number})
    write_signed(files, tmp_path / "m", PLAIN)
    if said is None:
        assert load_model(tmp_path / "m").version == trained.version
    else:
        with pytest.raises(ModelError, match=said):
            load_model(tmp_path / "m")


def test_every_changed_file_is_refused_by_name(model: RiskModel, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    save_model(model, folder)
    for path in sorted(folder.iterdir()):
        if path.name == "manifest.json":
            continue
        kept = path.read_bytes()
        path.write_bytes(kept[:-2] + bytes([kept[-2] ^ 1]) + kept[-1:])
        with pytest.raises(ModelError, match=path.name):
            load_model(folder)
        path.unlink()
        with pytest.raises(ModelError, match=path.name):
            load_model(folder)
        path.write_bytes(kept)
    load_model(folder)


def test_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model"):
        load_model(tmp_path)


def test_saving_twice_leaves_the_same_bytes(model: RiskModel, tmp_path: Path) -> None:
    for name in "ab":
        save_model(model, tmp_path / name)
    hashes = [
        {path.name: sha256_of_file(path) for path in (tmp_path / name).iterdir()} for name in "ab"
    ]
    assert hashes[0] == hashes[1]


def test_the_future_changes_no_prediction(model: RiskModel) -> None:
    before = predict(model, timeline_from_events(EVENTS), at=AT)
    after = predict(model, timeline_from_events(with_a_future(EVENTS)), at=AT)
    assert [e.to_dict() for e in before] == [e.to_dict() for e in after]
    assert len({e.value for e in before}) > 10


def test_the_dead_get_no_number_but_the_reason(model: RiskModel) -> None:
    events = EVENTS.filter(subject_id=1)
    died = events.filter(code="VISIT//outpatient").with_columns(code=pl.lit("MEDS_DEATH"))
    (found,) = predict(model, timeline_from_events(events.vstack(died)), [1], AT)
    assert (found.value, found.interval) == (None, None)
    assert found.reason == "the person has died"


@pytest.mark.parametrize(("intercept", "slope"), [(0.0, 1.0), (-0.7, 0.6), (0.5, 1.4), (1.0, 2.0)])
def test_calibrator_finds_the_slope_and_intercept_that_were_planted(
    intercept: float, slope: float
) -> None:
    random = np.random.default_rng(11)
    told = random.normal(-1, 1.2, 60_000)
    outcome = random.random(60_000) < 1 / (1 + np.exp(-(intercept + slope * told)))
    found = fit_calibrator(1 / (1 + np.exp(-told)), outcome)
    assert found.intercept == pytest.approx(intercept, abs=0.06)
    assert found.slope == pytest.approx(slope, abs=0.06)


@pytest.mark.parametrize(
    ("risk", "outcome"),
    [
        ([0.1, 0.2, 0.8, 0.9], [False, False, True, True]),  # told apart in full
        ([0.9, 0.8, 0.2, 0.1], [False, False, True, True]),  # the wrong way round
        ([0.3, 0.3, 0.3, 0.3], [False, True, False, False]),  # nothing told apart
        ([0.0, 0.0, 1.0, 1.0], [False, True, False, True]),
        ([1e-9, 0.5, 0.5, 1.0], [False, False, True, True]),
    ],
)
def test_calibrator_of_extremes_is_finite_and_keeps_the_order(
    risk: list[float], outcome: list[bool]
) -> None:
    found = fit_calibrator(np.array(risk), np.array(outcome))
    applied = found.apply(np.array([0.0, 0.01, 0.5, 0.99, 1.0]))
    assert np.isfinite([found.intercept, found.slope]).all()
    assert (np.diff(applied) >= 0).all()
    assert ((applied >= 0) & (applied <= 1)).all()


def test_rows_of_a_subject_are_never_on_two_sides() -> None:
    subjects = np.random.default_rng(2).integers(-(2**62), 2**62, 500).repeat(3)
    folds = folds_of(np.random.default_rng(3).permutation(subjects), 5, 0)
    shuffled = np.random.default_rng(3).permutation(subjects)
    for subject in np.unique(subjects):
        assert len(np.unique(folds[shuffled == subject])) == 1
