"""Training bends a calibration map where other people gain by it, leaves it straight where not, and says which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cohorts import RECIPE, TASK
from followed_people import followed_people, matrix
from scipy.special import expit

from lifecourse.models import binary
from lifecourse.models.binary import BinaryStudy
from lifecourse.models.calibration import Calibrator, fit_calibrator
from lifecourse.models.evaluation import Followed, log_loss
from lifecourse.models.hazards import CurveCalibrator, fit_hazards
from lifecourse.models.linear import Logistic
from lifecourse.models.shapes import (
    BETA,
    FITS,
    ISOTONIC,
    STANDARD_ERRORS,
    BentCalibrator,
    Shape,
    _Groups,
    chosen_calibrator,
    fit_beta,
    fit_isotonic,
)
from lifecourse.models.split import N_FOLDS, folds_of


def told(n: int, seed: int, *, bent: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Risks as a model says them, what is true, and what came; a floor and a ceiling where `bent`."""
    random = np.random.default_rng(seed)
    at = random.normal(-1.2, 1.3, n)
    true = 0.08 + 0.5 * expit(3.0 * at) if bent else expit(0.2 + 0.8 * at)
    return expit(at), true, random.random(n) < true


@pytest.mark.parametrize("kind", [BETA, ISOTONIC])
@pytest.mark.parametrize("seed", range(3))
def test_the_gain_of_groups_equals_that_of_people_one_by_one(kind: str, seed: int) -> None:
    """Up to 400 people everyone is a group of their own; the twin fits and asks person by person."""
    random = np.random.default_rng(seed)
    risk, _, came = told(400, seed, bent=True)
    weight, folds = random.uniform(0.5, 2.0, 400), random.integers(0, 5, 400)
    gains = []
    for person in range(400):
        others = folds != folds[person]
        shape = FITS[kind](risk[others], came[others], weight[others])
        q = risk[person] if shape is None else float(shape.apply(risk[person : person + 1])[0])
        p = risk[person]
        gain = np.log(q / p) if came[person] else np.log((1 - q) / (1 - p))
        gains.append(weight[person] * gain)
    slow = np.mean(gains) - STANDARD_ERRORS * np.std(gains) / np.sqrt(400)
    fast = _Groups.of(risk, came, weight, folds).beyond_chance(kind)
    assert fast == pytest.approx(slow, abs=1e-6)


def test_groups_of_many_people_say_what_each_alone_says() -> None:
    risk, _, came = told(20_000, 5, bent=True)
    folds = np.arange(20_000) % 5
    groups = _Groups.of(risk, came, np.ones(20_000), folds)
    for kind, fit in ((BETA, fit_beta), (ISOTONIC, fit_isotonic)):
        shape, alone = groups.fitted(kind), fit(risk, came, np.ones(20_000))
        assert shape is not None
        assert alone is not None
        assert np.abs(shape.apply(risk) - alone.apply(risk)).mean() < 0.004


def test_a_straight_truth_keeps_the_straight_map_and_a_bent_one_gains() -> None:
    kept, lost = 0, []
    for seed in range(40):
        risk, true, came = told(3_000, seed, bent=False)
        found = chosen_calibrator(risk, came, np.arange(3_000) % 5)
        kept += isinstance(found, Calibrator)
        straight = fit_calibrator(risk, came)
        lost.append(_cross_entropy(true, found.apply(risk)) - _cross_entropy(true, straight.apply(risk)))  # fmt: skip
    assert kept >= 38
    assert np.mean(lost) < 2e-4
    for seed in range(10):
        risk, true, came = told(3_000, 100 + seed, bent=True)
        found = chosen_calibrator(risk, came, np.arange(3_000) % 5)
        assert isinstance(found, BentCalibrator)
        straight = fit_calibrator(risk, came)
        assert np.abs(found.apply(risk) - true).mean() < 0.6 * np.abs(straight.apply(risk) - true).mean()  # fmt: skip


def test_too_few_of_either_answer_are_left_straight() -> None:
    risk, _, came = told(3_000, 1, bent=True)
    few = np.flatnonzero(came)[49:]
    came[few] = False
    for answers in (came, ~came, np.zeros(3_000, dtype=bool)):
        assert isinstance(chosen_calibrator(risk, answers, np.arange(3_000) % 5), Calibrator)


@pytest.mark.parametrize("kind", [BETA, ISOTONIC])
def test_a_bent_map_and_a_straight_one_after_it_are_one_map(kind: str) -> None:
    risk, _, came = told(5_000, 2, bent=True)
    shape = FITS[kind](risk, came, np.ones(5_000))
    assert shape is not None
    after = Calibrator(intercept=-0.4, slope=1.3)
    asked = np.concatenate([[1e-5, 1 - 1e-5], risk])
    bent = BentCalibrator(straight=Calibrator(intercept=0.1, slope=0.9), shape=shape)
    assert bent.then(after).apply(asked) == pytest.approx(after.apply(bent.apply(asked)))


def test_curves_of_which_some_are_bent_are_mapped_again_one_by_one() -> None:
    random = np.random.default_rng(3)
    raw = np.sort(random.uniform(0.01, 0.4, (50, 2, 2)), axis=2)
    shape = Shape(kind=BETA, numbers=[1.2, 0.7, 0.1])
    first = CurveCalibrator(
        horizons_days=[1.0, 2.0],
        intercept=[[0.1, 0.2], [0.0, -0.1]],
        slope=[[1.1, 0.9], [1.0, 1.2]],
        shapes=[[shape, None], [None, None]],
    )
    second = CurveCalibrator(
        horizons_days=[1.0, 2.0],
        intercept=[[0.3, 0.0], [-0.2, 0.1]],
        slope=[[0.8, 1.0], [1.1, 0.9]],
        shapes=[[None, shape], [None, None]],
    )
    both = first.then(second)
    for c in range(2):
        for h in range(2):
            twice = second._map(first._map(raw[:, c, h], c, h), c, h)
            assert both._map(raw[:, c, h], c, h) == pytest.approx(twice)
    assert both.kinds == [["beta", "beta"], ["straight", "straight"]]


def study_of(n: int, seed: int, *, bent: bool) -> BinaryStudy:
    random = np.random.default_rng(seed)
    dense = random.normal(size=(n, 4))
    at = -1.2 + dense @ np.array([0.8, -0.7, 0.6, 0.0])
    true = 0.08 + 0.5 * expit(3.0 * at) if bent else expit(at)
    features = matrix(dense, np.zeros((n, 1), dtype=np.float32))
    return BinaryStudy(
        task=TASK,
        recipe=RECIPE,
        features=features,
        outcome=random.random(n) < true,
        subjects=np.arange(n),
        folds=folds_of(np.arange(n), N_FOLDS, 0),
        vocabulary=features.vocabulary,
        vocabularies=[features.vocabulary] * N_FOLDS,
        seed=0,
    )


def test_training_of_yes_or_no_bends_where_its_people_held_out_gain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binary, "LEARNERS", {"logistic": Logistic})
    bent = study_of(5_000, 1, bent=True)
    kept = bent.fit().kept
    assert isinstance(kept.calibrator, BentCalibrator)
    straight = kept.raw.copy()
    for fold in range(N_FOLDS):
        others, mine = bent.folds != fold, bent.folds == fold
        straight[mine] = fit_calibrator(kept.raw[others], bent.outcome[others]).apply(kept.raw[mine])  # fmt: skip
    assert log_loss(bent.outcome, kept.risk) < log_loss(bent.outcome, straight) - 0.005
    assert isinstance(study_of(5_000, 2, bent=False).fit().kept.calibrator, Calibrator)


def test_training_of_times_to_events_keeps_straight_maps_of_a_straight_truth() -> None:
    people = followed_people(2_000, seed=8)
    fit = people.fit()
    assert fit.calibrator.kinds == [["straight"] * 3] * 2


def test_training_of_times_to_events_bends_a_bent_truth_and_curves_still_rise() -> None:
    """The hazard has a floor and a ceiling in the sum of covariates, which no sum of curves of each can draw."""
    random = np.random.default_rng(4)
    n = 6_000
    dense = random.normal(size=(n, 6))
    rate = 0.0002 + 0.002 * expit(4.0 * dense.sum(axis=1) - 3.0)
    came = random.exponential(1 / rate)
    lost = random.uniform(400, 1_500, n)
    horizons = np.array([365.0, 730.0])
    fit = fit_hazards(
        matrix(dense, np.zeros((n, 1), dtype=np.float32)),
        Followed(duration_days=np.minimum(came, lost), event=(came <= lost).astype(np.int64)),
        np.arange(n),
        horizons_days=horizons,
    )
    assert "straight" not in fit.calibrator.kinds[0]
    straight = replace(fit.calibrator, shapes=None)
    fresh = random.normal(size=(4_000, 6))
    rates = 0.0002 + 0.002 * expit(4.0 * fresh.sum(axis=1) - 3.0)
    true = -np.expm1(-rates[:, None] * horizons)
    raw = fit.learner.incidence(matrix(fresh, np.zeros((4_000, 1), dtype=np.float32)))
    off = [np.abs(one.apply(raw, horizons)[:, 0] - true).mean() for one in (straight, fit.calibrator)]  # fmt: skip
    assert off[1] < 0.95 * off[0]
    assert (np.diff(fit.calibrator.apply(raw, horizons), axis=2) >= 0).all()


def _cross_entropy(true: np.ndarray, said: np.ndarray) -> float:
    return float(-(true * np.log(said) + (1 - true) * np.log1p(-said)).mean())
