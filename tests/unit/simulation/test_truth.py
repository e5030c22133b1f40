"""The truth beside the records is true: risks are what happens, treatments and planted patterns act as written."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lifecourse.simulation import simulate
from lifecourse.simulation.clinic import EVERYONE
from lifecourse.simulation.futures import (
    LANDMARK_YEARS,
    MAIN_OUTCOMES,
    OUTCOMES,
    has_had,
    true_risks,
)
from lifecourse.simulation.history import History, live
from lifecourse.simulation.parameters import parameters
from lifecourse.simulation.requirements import check_hospital
from lifecourse.simulation.state import under_treatment
from lifecourse.simulation.truth import first_onset

LANDMARK = float(parameters().people.years - LANDMARK_YEARS)


@pytest.fixture(scope="module")
def history() -> History:
    return live(10_000, 1, parameters(), np.random.default_rng(7), landmarks=(LANDMARK,))


def test_true_risks_are_what_happens_on_average(history: History) -> None:
    state = history.snapshots[LANDMARK]
    rng = np.random.default_rng(8)
    told = true_risks(history.people, state, parameters(), rng, futures=2, horizons=(1, 5))
    for outcome in OUTCOMES:
        here = state.alive & ~has_had(state, outcome)
        for years in (1, 5):
            seen = (first_onset(history, outcome) <= LANDMARK + years)[here].sum()
            expected = told[(outcome, years)][here].sum()
            assert abs(seen - expected) < 4.0 * np.sqrt(expected) + 0.03 * expected, (
                outcome,
                years,
            )


def test_who_is_dead_or_has_had_it_has_no_risk_of_a_first_event(history: History) -> None:
    state = history.snapshots[LANDMARK]
    rng = np.random.default_rng(8)
    told = true_risks(history.people, state, parameters(), rng, futures=1, horizons=(1,))
    for outcome in OUTCOMES:
        past = ~state.alive | has_had(state, outcome)
        assert (told[(outcome, 1)][past] == 0.0).all(), outcome


def test_treatment_lowers_the_risk_that_it_is_meant_to(history: History) -> None:
    state, people, model = history.snapshots[LANDMARK], history.people, parameters()

    def risk(outcome: str, drug: str, *, taken: bool) -> np.ndarray:
        rng = np.random.default_rng(9)
        forced = {drug: (EVERYONE, taken)}
        found = true_risks(people, state, model, rng, futures=1, horizons=(5,), forced=forced)
        return found[(outcome, 5)]

    at_risk = state.alive & ~has_had(state, "myocardial_infarction")
    saved = risk("myocardial_infarction", "statin", taken=False)[at_risk].mean()
    assert risk("myocardial_infarction", "statin", taken=True)[at_risk].mean() < 0.85 * saved
    fibrillating = state.alive & state.has("atrial_fibrillation") & ~state.has("stroke")
    bare = risk("stroke", "anticoagulant", taken=False)[fibrillating].mean()
    assert risk("stroke", "anticoagulant", taken=True)[fibrillating].mean() < 0.6 * bare


def test_the_planted_trajectory_goes_in_its_order(history: History) -> None:
    onset = history.state.onset
    steps = parameters().planted["trajectory"]["steps"]
    for earlier, later in pairwise(steps):
        has_earlier, has_later = np.isfinite(onset[earlier]), np.isfinite(onset[later])
        follows = has_later & (onset[later] > onset[earlier])
        # Of four other histories 3.5 to 4.3 times for the first step, 5.7 to 10 for the second.
        assert follows[has_earlier].mean() > 3.0 * has_later[~has_earlier].mean()


def test_the_planted_subtype_is_another_course_of_one_disease(history: History) -> None:
    state, people = history.state, history.people
    diabetic = state.alive & (state.onset["diabetes"] < 6.0)
    seen = under_treatment(people, state)
    deficient = people.insulin_deficient
    worse = seen["hba1c"][diabetic & deficient].mean() - seen["hba1c"][diabetic & ~deficient].mean()
    assert worse > 0.5


def test_the_truth_beside_the_records_names_everyone_and_their_risks(tmp_path: Path) -> None:
    simulate(300, 1, "meds", tmp_path / "out", futures=1, treatments=True)
    truth = tmp_path / "out" / "truth"
    people = pl.read_parquet(truth / "people" / "*.parquet")
    assert people["person"].to_list() == list(range(1, 301))
    risks = pl.read_parquet(truth / "risks" / "*.parquet")
    assert (
        risks.select(pl.col("risk", "^with.*$").is_between(0.0, 1.0).all()).row(0) == (True,) * 13
    )
    within = risks.filter(pl.col("years") == 5).group_by("outcome").agg(pl.col("happened").sum())
    assert set(within["outcome"]) == set(OUTCOMES)
    assert (
        risks.filter(pl.col("years") == 10)["happened"].null_count()
        == risks.filter(pl.col("years") == 10).height
    )
    # A longer time has the larger chance.
    wide = risks.pivot("years", index=["person", "outcome"], values="risk")
    assert wide.filter(
        (pl.col("1") > pl.col("5") + 1e-12) | (pl.col("5") > pl.col("10") + 1e-12)
    ).is_empty()
    assert (truth / "planted.yaml").is_file()


def test_most_requirements_show_on_ten_thousand_people() -> None:
    report = check_hospital(10_000, 3)
    assert {each.outcome for each in report.discriminations} == set(MAIN_OUTCOMES)
    shares = [
        each for each in report.requirements if "without" in each.name or "no code" in each.name
    ]
    assert len(shares) == 8
    assert all(each.is_kept for each in shares)
    for each in report.discriminations:
        assert each.latent > each.records > each.age_sex


@pytest.mark.prove
def test_every_requirement_holds_on_fifty_thousand_people() -> None:
    report = check_hospital(50_000, 20_261_125)
    broken = [each for each in report.requirements if not each.is_kept]
    assert not broken
