"""The parts of many outcomes at once, each beside a slow twin that is plainly right."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize

from lifecourse.features import FeatureMatrix, Recipe
from lifecourse.models.evaluation.auroc import auroc
from lifecourse.models.evaluation.stratified import stratified_auroc
from lifecourse.models.outcomes import OutcomesModel, ratios
from lifecourse.models.outcomes.baseline import AGES, AgeSexRates, counted
from lifecourse.models.outcomes.catalogue import NEVER, Onsets, outcome_of
from lifecourse.models.outcomes.landmarks import YEAR, landmarks_at, spread_landmarks
from lifecourse.models.outcomes.ratios import (
    RIDGE_OF_COVARIATES,
    FollowUps,
    drawn,
    fit_ratios,
    widened,
)


def years(*values: float) -> np.ndarray:
    return (np.array(values) * YEAR).astype(np.int64)


def people(n: int, seed: int = 0) -> tuple[pl.DataFrame, Onsets]:
    """People born at 0, followed from some age to another, two outcomes."""
    random = np.random.default_rng(seed)
    start = random.uniform(0, 40, n)
    end = start + random.uniform(1, 40, n)
    persons = pl.DataFrame(
        {
            "subject_id": np.arange(n),
            "birth": np.zeros(n, np.int64),
            "female": random.choice([0.0, 1.0, 0.5], n),
            "start": years(*start),
            "end": years(*end),
            "dies": random.random(n) < 0.2,
        }
    )
    had = [random.random(n) < share for share in (0.4, 0.7)]
    parts = [
        {
            "subject_id": np.flatnonzero(ill),
            "outcome": place,
            "time": years(*random.uniform(0, 80, ill.sum())),
        }
        for place, ill in enumerate(had)
    ]
    table = pl.concat([pl.DataFrame(one, schema_overrides={"outcome": pl.Int32}) for one in parts])
    return persons, Onsets(names=["a", "b"], titles=["a", "b"], table=table)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=25
    )
)
def test_stratified_area_is_the_share_of_pairs(rows: list[tuple[bool, int, int]]) -> None:
    won = pairs = 0.0
    for (came, risk, band), (other_came, other, other_band) in product(rows, rows):
        if came and not other_came and band == other_band:
            pairs += 1
            won += 1.0 if risk > other else 0.5 if risk == other else 0.0
    outcome, risk, stratum = (np.array(column) for column in zip(*rows, strict=True))
    found = stratified_auroc(outcome, risk.astype(float), stratum)
    assert np.isnan(found) if pairs == 0 else found == pytest.approx(won / pairs)


def test_in_one_stratum_it_is_the_ordinary_area() -> None:
    random = np.random.default_rng(1)
    outcome, risk = random.random(300) < 0.2, random.random(300)
    ordinary = auroc(outcome, risk)
    assert stratified_auroc(outcome, risk, np.zeros(300, np.int64)) == pytest.approx(ordinary)


def test_a_code_tells_of_its_three_characters_or_of_what_it_was_mapped_to() -> None:
    assert outcome_of("ICD10CM//E11.65", ()) == "ICD10CM//E11"
    assert outcome_of("CANCER//C44", ("ICD10//C44",)) == "ICD10//C44"
    assert outcome_of("ICD9CM//E880.1", ()) == "ICD9CM//E880"
    assert outcome_of("MEDS_DEATH", ()) == "death"
    assert outcome_of("LOINC//4548-4", ()) is None
    assert outcome_of("NOT_DONE//ICD10//E11", ()) is None


def test_events_and_years_at_risk_are_counted_as_one_counts_by_hand() -> None:
    persons, onsets = people(200)
    events, lived = counted(persons, onsets)
    told, exposed = np.zeros((2, 2, AGES)), np.zeros((2, 2, AGES))
    first = {(row[1], row[0]): row[2] / YEAR for row in onsets.table.iter_rows()}
    for person in persons.iter_rows(named=True):
        for place, (sex, share) in product(
            range(2), enumerate((1 - person["female"], person["female"]))
        ):
            onset = first.get((place, person["subject_id"]), np.inf)
            begin, end = person["start"] / YEAR, person["end"] / YEAR
            if begin < onset <= end:
                told[place, sex, int(onset)] += share
            for age in range(AGES):
                seen = min(age + 1, end, onset) - max(age, begin)
                exposed[place, sex, age] += share * max(seen, 0.0)
    np.testing.assert_allclose(events, told)
    np.testing.assert_allclose(lived, exposed, atol=1e-6)


def test_who_had_an_outcome_before_or_after_being_followed_did_not_come_to_it() -> None:
    persons, onsets = people(60, seed=5)
    start, end = (dict(persons.select("subject_id", name).iter_rows()) for name in ("start", "end"))
    expected = [0, 0]
    for subject, place, time in onsets.table.select("subject_id", "outcome", "time").iter_rows():
        expected[place] += start[subject] < time <= end[subject]
    assert onsets.counts_while_followed(persons).tolist() == expected
    assert (
        onsets.counts_while_followed(persons) < onsets.counts(persons["subject_id"].to_numpy())
    ).all()


def test_rates_add_up_to_the_events_seen() -> None:
    persons, onsets = people(3_000)
    rates = AgeSexRates.fit(persons, onsets)
    events, lived = counted(persons, onsets)
    foretold = (np.diff(rates.cumulated, axis=2) * lived).sum(axis=(1, 2))
    np.testing.assert_allclose(foretold, events.sum(axis=(1, 2)), rtol=0.01)


def test_an_outcome_that_nobody_has_new_gets_a_rate_all_the_same() -> None:
    persons, onsets = people(50)
    none = Onsets(names=["x"], titles=["x"], table=onsets.table.head(0))
    assert np.isfinite(AgeSexRates.fit(persons, none).cumulated).all()


def flat_rates(*a_year: float) -> AgeSexRates:
    cumulated = np.array(a_year)[:, None, None] * np.arange(AGES + 1)
    return AgeSexRates(cumulated=np.repeat(cumulated, 2, axis=1))


def test_what_comes_after_a_landmark_is_told_once_and_only_of_those_free_of_it() -> None:
    persons = pl.DataFrame(
        {"subject_id": [1, 2, 3, 4, 5], "birth": years(*[0.0] * 5), "female": [1.0] * 5,
         "start": years(*[1.0] * 5), "end": years(20, 20, 20, 12, 12),
         "dies": [False, False, False, True, False]}
    )  # fmt: skip
    table = pl.DataFrame(
        {"subject_id": [1, 2, 3], "outcome": [0, 0, 0], "time": years(12, 9, 16)},
        schema_overrides={"outcome": pl.Int32},
    )
    after = FollowUps(
        landmarks=landmarks_at(persons, np.arange(5), years(*[10.0] * 5)),
        onsets=Onsets(names=["a"], titles=["a"], table=table),
        rates=flat_rates(0.1),
        years=5.0,
    )
    happened, expected = after.of(0)
    came, known = after.known(0)
    # One has it after two years, one had it before, one later, one dies after two years, one is lost then.
    assert happened.tolist() == came.tolist() == [True, False, False, False, False]
    np.testing.assert_allclose(expected, [0.2, 0.0, 0.5, 0.2, 0.2], atol=1e-6)
    assert known.tolist() == [True, False, True, True, False]


def matrix(n: int, seed: int) -> FeatureMatrix:
    random = np.random.default_rng(seed)
    codes = sparse.csr_matrix((random.random((n, 6)) < 0.3).astype(np.float32))
    rows = pl.DataFrame({"subject_id": np.arange(n), "prediction_time": np.zeros(n, np.int64)})
    names = [f"c{i}" for i in range(6)]
    dense = np.column_stack([random.uniform(20, 60, n), random.integers(0, 2, n)]).astype(float)
    return FeatureMatrix(
        rows=rows, dense=dense, dense_names=["age", "female"], codes=codes, code_names=names, vocabulary=names
    )  # fmt: skip


def study(n: int) -> tuple[FeatureMatrix, FollowUps]:
    """The codes c0 and c1 raise the hazard of a; nothing raises that of b."""
    features, random = matrix(n, 2), np.random.default_rng(3)
    persons = pl.DataFrame(
        {"subject_id": np.arange(n), "birth": np.zeros(n, np.int64),
         "female": features.dense[:, 1], "start": np.zeros(n, np.int64),
         "end": years(*[80.0] * n), "dies": [False] * n}
    )  # fmt: skip
    codes = features.codes.toarray()
    rate = np.stack([0.02 * np.exp(codes[:, 0] + 0.5 * codes[:, 1]), np.full(n, 0.02)])
    parts = []
    for place in range(2):
        at = features.dense[:, 0] + random.exponential(1 / rate[place])
        parts.append(
            pl.DataFrame({"subject_id": np.arange(n), "outcome": place, "time": years(*at)})
        )
    table = pl.concat(parts).with_columns(pl.col("outcome").cast(pl.Int32))
    landmarks = landmarks_at(persons, np.arange(n), years(*features.dense[:, 0]))
    onsets = Onsets(names=["a", "b"], titles=["a", "b"], table=table)
    return features, FollowUps(
        landmarks=landmarks, onsets=onsets, rates=flat_rates(0.02, 0.02), years=5.0
    )


def test_ratios_are_those_of_a_penalised_poisson_regression(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ratios, "TOLERANCE", 1e-8)
    features, after = study(1_500)
    found = fit_ratios(features, after, [0, 1], ridge=5.0, directions=0)
    design = found.basis.design(widened(features, totals=True))
    columns = np.hstack([design.dense.T, design.codes.toarray()]).astype(float)
    ridge = np.full(columns.shape[1], 5.0)
    ridge[: len(design.dense)] = RIDGE_OF_COVARIATES
    for place in range(2):
        happened, expected = after.of(place)

        def loss(beta: np.ndarray, happened=happened, expected=expected) -> float:
            margin = beta[0] + columns @ beta[1:]
            told = margin[happened].sum() - (expected * np.exp(margin)).sum()
            return float(-told + (ridge * beta[1:] ** 2).sum() / 2)

        slow = minimize(loss, np.zeros(columns.shape[1] + 1), method="BFGS").x
        logs = slow[0] + columns @ slow[1:]
        np.testing.assert_allclose(found.logs(features)[:, place], logs, atol=0.01)


def test_planted_ratios_come_back_and_the_level_fits_the_events() -> None:
    features, after = study(30_000)
    found = fit_ratios(features, after, [0, 1], ridge=1.0, directions=1, totals=False)
    logs = found.logs(features)
    d = found.beta.shape[1] - 6
    # Columns are logs of counts: one record is log 2.
    np.testing.assert_allclose(found.beta[0, d : d + 2] * np.log(2), [1.0, 0.5], atol=0.12)
    for place in range(2):
        happened, expected = after.of(place)
        assert happened.sum() / (expected @ np.exp(logs[:, place])) == pytest.approx(1, abs=1e-3)


def test_rows_without_the_event_are_drawn_and_weighted_up_to_all_of_them() -> None:
    happened = np.arange(50_000) < 100
    expected = np.where(np.arange(50_000) % 5 == 0, 0.0, 0.1)
    rows, weight = drawn(happened, expected, seed=4)
    assert happened[rows].sum() == 100
    assert (weight[happened[rows]] == 1).all()
    without = int((~happened & (expected > 0)).sum())
    assert weight[~happened[rows]].sum() == pytest.approx(without)
    assert len(rows) == 10_100
    everyone, ones = drawn(happened[:500], expected[:500] + 0.1, seed=4)
    assert everyone.tolist() == list(range(500))
    assert (ones == 1).all()


def test_risks_are_what_small_steps_of_both_hazards_add_up_to() -> None:
    random = np.random.default_rng(5)
    cumulated = random.uniform(0, 0.05, (2, 2, AGES + 1)).cumsum(axis=2)
    model = OutcomesModel(
        names=["a", "death"], titles=["a", "death"], recipe=Recipe(name="r"), vocabulary=[],
        rates=AgeSexRates(cumulated=cumulated), ratios=None, card={},
    )  # fmt: skip
    age, female = np.array([30.4, 61.9]), np.array([1.0, 0.5])
    logs = np.array([[0.3, -0.2], [-1.0, 0.9]])
    found = model.incidence(age, female, logs, [200, 1500])
    for person in range(2):
        free, alive, risk = 1.0, 1.0, np.zeros(2)
        step = 1 / 365.25
        for day in range(1500):
            at = np.array([age[person] + day * step])
            lived = [model.rates.by(female[[person]], at + one)[0] for one in (0.0, step)]
            ill, dead = (lived[1] - lived[0]) * np.exp(logs[person])
            risk += [free * ill, alive * dead]
            free, alive = free * np.exp(-ill - dead), alive * np.exp(-dead)
            if day + 1 in (200, 1500):
                told = found[person, :, 0 if day + 1 == 200 else 1]
                np.testing.assert_allclose(told, risk, rtol=0.01)
    assert (found[:, :, 1] >= found[:, :, 0]).all()


def test_landmarks_lie_within_follow_up_and_so_far_apart() -> None:
    persons, _ = people(300)
    marks = spread_landmarks(persons, 5.0, seed=1)
    start, end = (dict(persons.select("subject_id", name).iter_rows()) for name in ("start", "end"))
    for subject, time in zip(marks.subjects.tolist(), marks.time.tolist(), strict=True):
        assert start[subject] <= time < end[subject]
    gaps = np.diff(marks.time)[np.diff(marks.subjects) == 0] / YEAR
    np.testing.assert_allclose(gaps, 5.0, atol=1e-6)
    assert NEVER not in marks.time
