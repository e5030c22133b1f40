"""The reader who knows the hospital's rules, and areas in expectation, by the obvious way."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from benchmarks.falls import QUARTER, chance_of_falling
from benchmarks.twins import expected_auroc, gains
from scipy.stats import multivariate_normal

from lifecourse.models.evaluation import auroc
from lifecourse.simulation.charting import begin_microseconds
from lifecourse.simulation.parameters import parameters
from lifecourse.simulation.population import YEARS_AHEAD

BEGIN = datetime(1970, 1, 1) + timedelta(microseconds=begin_microseconds(parameters()))
NOW = 7.0
FALL = parameters().body.falling_hemoglobin


def moment(years: float) -> datetime:
    return BEGIN + timedelta(days=365.25 * years)


def slowly(at: list[float], values: list[float], age: float, female: float) -> float:
    """Bayes' rule with the density of the counts written out for every quarter a fall may begin in."""
    model = parameters()
    body, before = model.body.quantities["hemoglobin"], model.people.years_before
    poverty = [place.deprivation - 0.5 for place in model.places.counties]
    level = body.mean + body.age * (age - NOW - before - 50) + body.female * female
    level += 2 * float(np.mean(poverty))
    lived = np.array(at) + before
    spread = np.full((len(at), len(at)), body.sd**2 + 4 * float(np.var(poverty)))
    for i in range(len(at)):
        for j in range(len(at)):
            spread[i, j] += body.drift_sd**2 * lived[i] * lived[j]
        spread[i, i] += body.noise**2

    def density(begin: float) -> float:
        lasted = np.clip(np.array(at) - begin, 0, FALL["years"])
        mean = level + body.drift * lived + FALL["per_year"] * lasted
        return float(multivariate_normal(mean, spread).pdf(values))

    share = FALL["share"]
    begins = np.arange(-before, model.people.years + YEARS_AHEAD, QUARTER)
    falls = {begin: share / len(begins) * density(begin) for begin in begins}
    raised = sum(
        chance
        for begin, chance in falls.items()
        if begin <= NOW < begin + FALL["years"] + FALL["years_after"]
    )
    return raised / (sum(falls.values()) + (1 - share) * density(np.inf))


@pytest.mark.parametrize(
    ("at", "values"),
    [
        ([1.0, 2.5, 4.0, 5.0, 6.5], [15.2, 15.0, 15.1, 14.6, 13.9]),
        ([1.0, 2.5, 4.0, 5.0, 6.5], [14.1, 14.0, 14.3, 14.2, 14.0]),
        ([6.9], [13.0]),
    ],
)
@pytest.mark.parametrize("female", [0.0, 1.0])
def test_the_reader_follows_bayes_rule(at: list[float], values: list[float], female: float) -> None:
    later = [*at, 8.0]  # what comes after the moment is not read
    counts = pl.DataFrame(
        {"subject_id": 1, "time": [moment(t) for t in later], "value": [*values, 9.0]}
    ).with_columns(pl.col("time").cast(pl.Datetime("us")))
    asked = pl.DataFrame({"subject_id": [1, 2], "prediction_time": [moment(NOW)] * 2})
    found = chance_of_falling(counts, asked, np.array([55.0, 55.0]), np.array([female, female]))
    assert found[0] == pytest.approx(slowly(at, values, 55.0, female), rel=1e-6)
    begins = len(np.arange(-parameters().people.years_before, 12 + YEARS_AHEAD, QUARTER))
    of_all = FALL["share"] / begins
    assert found[1] == pytest.approx(of_all * (FALL["years"] + FALL["years_after"]) / QUARTER)


def test_an_area_in_expectation_is_the_mean_over_who_could_fall_ill() -> None:
    random = np.random.default_rng(3)
    risk, score = random.uniform(0.1, 0.4, 40), random.integers(0, 9, 40).astype(float)
    won = pairs = 0.0
    for i in range(40):
        for j in range(40):
            weight = risk[i] * (1 - risk[j])
            pairs += weight
            won += weight * ((score[i] > score[j]) + 0.5 * (score[i] == score[j]))
    assert expected_auroc(risk, score) == pytest.approx(won / pairs)


def test_gains_are_differences_of_the_same_people() -> None:
    random = np.random.default_rng(5)
    without, better = random.normal(size=300), random.normal(size=300)
    true = 1 / (1 + np.exp(1.0 - better))
    happened = random.random(300) < true
    told = gains(without, {"model": better, "same": without}, happened, true)
    assert told["gain_same"] == [0.0, 0.0, 0.0]
    assert told["expected_gain_same"] == [0.0, 0.0, 0.0]
    expected = round(auroc(happened, better) - auroc(happened, without), 4)
    assert told["gain_model"][0] == expected
    assert told["expected_gain_model"][1] > 0
