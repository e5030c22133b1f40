"""The slope planted in the synthetic hospital, and who could find it (part of ``python -m benchmarks.early``).

A fall of haemoglobin inside its normal range raises the hazard of colorectal cancer, its level does not. Those who
teach are asked each year from their third year of records on: colorectal cancer within a year? The others are judged at
the moment of which the true risks are known, seven years after their records begin: a logistic model with the change of
haemoglobin against its twin without, by the true risk of the next year, so that no chance of who falls ill is in the
comparison; of everyone, and of those `watched`, who have three counts in the last three years.

Beside them, on the same people: what a model that sees no haemoglobin at all reaches with a reader who knows by which
rules the hospital makes falls and blood counts, and works out from each person's recorded counts how likely they are to
be falling (nobody who sees the records alone can know more of the falls), and with somebody who sees the falls. `place`
is the rank that each has among what the model goes by. `needed` is of how many people it takes the cancers of a year to
tell the reader's chances from none, at three standard errors. Kept where the model beats its twin and the change is
among the first five in 80 % of halves of the people.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from benchmarks.twins import gains, of_columns

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.features import featurize, load_recipe
from lifecourse.models.importance import TOP, importance
from lifecourse.models.linear import Logistic
from lifecourse.models.split import folds_of
from lifecourse.simulation.charting import US_PER_DAY, begin_microseconds
from lifecourse.simulation.parameters import parameters
from lifecourse.simulation.population import YEARS_AHEAD
from lifecourse.tasks import Task, label

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]

RECIPE = Path(__file__).with_suffix(".yaml")
CHANGE, LEAST_STABILITY, RESAMPLES = ".change.", 0.8, 20
COUNTED, WATCHED = "haemoglobin.count.1095d", 3
QUARTER, STANDARD_ERRORS = 0.25, 3.0
TASK = {
    "name": "colorectal_cancer_1y",
    "title": "Colorectal cancer within a year",
    "trigger": {"every_days": 365},
    "lookback_days": 730,
    "washout": {},
    "outcomes": [{"codelist": "colorectal_cancer"}],
    "outcome_window_days": 365,
    "censoring": "exclude",
    "follow_up_ends": "data_cut",
}


def planted(learning: Timeline, judged: Timeline, source: Path) -> dict[str, Any]:
    """What is found of it; `source` is the folder that the judged were simulated into."""
    rows = label(learning, Task.model_validate(TASK)).table
    rows = rows.filter(pl.col("boolean_value").is_not_null())
    came, people = rows["boolean_value"].to_numpy().astype(bool), rows["subject_id"].to_numpy()
    recipe = load_recipe(RECIPE)
    here = featurize(learning, rows, recipe)
    asked = _asked(source)
    there = featurize(judged, asked.select("subject_id", "prediction_time"), recipe, vocabulary=[])
    every, inner = np.arange(len(came)), folds_of(people, 5, 1) == 0
    model = Logistic.fit(here, came, every, inner)
    blind = Logistic.fit(of_columns(here, _is_level), came, every, inner)
    without = blind.margin(of_columns(there, _is_level))
    bare = Logistic.fit(of_columns(here, _is_other), came, every, inner)
    otherwise = bare.margin(of_columns(there, _is_other))
    falling = asked["falling"].to_numpy()
    chance = chance_of_falling(_counts(source), asked, there.dense[:, 0], there.dense[:, 1])
    ratio = parameters().illness["colorectal_cancer"].ratios["hemoglobin_fall"]
    read, seen = np.log1p((ratio - 1) * chance), np.log(ratio) * falling
    scores = {"model": model.margin(there), "reader": otherwise + read, "seen": otherwise + seen}
    happened, true = asked["happened"].to_numpy(), asked["risk"].to_numpy()
    found = gains(without, scores, happened, true)
    often = np.flatnonzero(there.dense[:, there.dense_names.index(COUNTED)] >= WATCHED)
    watched = {name: score[often] for name, score in scores.items()}
    ranked = importance(here, came, people, Logistic, resamples=RESAMPLES)
    place = next(i for i, one in enumerate(ranked) if CHANGE in one.name)
    spreads = _spread(model.contributions(there))
    kept = found["expected_gain_model"][1] > 0 and place < TOP
    return {
        "outcome": "colorectal_cancer",
        "events": int(came.sum()),
        "people_judged": len(true),
        "falling": int(falling.sum()),
        "falling_by_the_reader": round(float(chance.sum())),
        **found,
        "watched": len(often),
        "of_watched": gains(without[often], watched, happened[often], true[often]),
        "place": place + 1,
        "stability": ranked[place].stability,
        "first": [one.name for one in ranked[:TOP]],
        "place_of_reader": 1 + int((spreads > _spread(read[:, None])[0]).sum()),
        "place_of_seen": 1 + int((spreads > _spread(seen[:, None])[0]).sum()),
        "needed": _needed(true / np.exp(seen), chance, ratio),
        "kept": bool(kept and ranked[place].stability >= LEAST_STABILITY),
    }


def chance_of_falling(
    counts: pl.DataFrame, asked: pl.DataFrame, age: Floats, female: Floats
) -> Floats:
    """float64[r]: how likely each person of `asked` has the raised hazard, by their counts up to `prediction_time`.

    Bayes' rule over when a fall begins, in quarters; a person's level and drift are unknown, normal as in the hospital.

    Parameters
    ----------
    counts : of haemoglobin, ``subject_id``, ``time``, ``value`` (g/dL)
    age, female : float64[r], years at `prediction_time`, and 1 or 0
    """
    model = parameters()
    body, before = model.body.quantities["hemoglobin"], float(model.people.years_before)
    fall = model.body.falling_hemoglobin
    raised = fall["years"] + fall["years_after"]
    poverty = np.array([place.deprivation for place in model.places.counties]) - 0.5
    origin = begin_microseconds(model)
    begins = np.arange(-before, model.people.years + YEARS_AHEAD, QUARTER)
    prior = fall["share"] / len(begins)
    of = counts.partition_by("subject_id", as_dict=True)
    chances = np.zeros(asked.height)
    for row, (person, moment) in enumerate(asked.select("subject_id", "prediction_time").rows()):
        now = _years(moment, origin)
        known = (begins <= now) & (begins > now - raised)
        evidence = np.ones(len(begins))
        mine = of.get((person,))
        if mine is not None:
            mine = mine.filter(pl.col("time") <= moment)
            at = (mine["time"].dt.epoch("us").to_numpy() - origin) / (US_PER_DAY * DAYS_PER_YEAR)
            lived = at + before
            first_age = age[row] - now - before
            usual = body.mean + body.female * female[row] + body.age * (first_age - 50.0)
            usual += 2.0 * poverty.mean()
            off = mine["value"].to_numpy().astype(float) - usual - body.drift * lived
            spread = body.sd**2 + 4.0 * poverty.var() + body.drift_sd**2 * np.outer(lived, lived)
            spread += body.noise**2 * np.eye(len(at))
            path = fall["per_year"] * np.clip(at - begins[:, None], 0.0, fall["years"])
            weighed = path @ np.linalg.inv(spread)
            evidence = np.exp(weighed @ off - 0.5 * (weighed * path).sum(axis=1))
        falls = prior * evidence
        chances[row] = falls[known].sum() / (falls.sum() + 1.0 - fall["share"])
    return chances


def _years(moment: Any, origin: int) -> float:
    return float((pl.Series([moment]).dt.epoch("us")[0] - origin) / (US_PER_DAY * DAYS_PER_YEAR))


def _asked(source: Path) -> pl.DataFrame:
    """Those free of it at the moment of the true risks: the risk of a year, whether it came, and who is falling."""
    people = pl.scan_parquet(source / "truth" / "people" / "*.parquet")
    risks = pl.scan_parquet(source / "truth" / "risks" / "*.parquet")
    fall = parameters().body.falling_hemoglobin
    lasts = pl.duration(days=round((fall["years"] + fall["years_after"]) * DAYS_PER_YEAR))
    begins = pl.col("hemoglobin_falls_from")
    is_falling = (begins <= pl.col("time")) & (pl.col("time") < begins + lasts)
    free = (pl.col("outcome") == "colorectal_cancer") & ~pl.col("is_recorded")
    return (
        risks.filter(free & (pl.col("years") == 1) & pl.col("happened").is_not_null())
        .join(people.select("person", "hemoglobin_falls_from"), on="person")
        .select(
            "risk", "happened", subject_id="person", prediction_time="time",
            falling=is_falling.fill_null(value=False),
        )
        .sort("subject_id")
        .collect()
    )  # fmt: skip


def _counts(source: Path) -> pl.DataFrame:
    """Every recorded haemoglobin."""
    code = parameters().codes["hemoglobin"].code
    events = pl.scan_parquet(source / "data" / "**" / "*.parquet").filter(pl.col("code") == code)
    return (
        events.select("subject_id", "time", value="numeric_value")
        .sort("subject_id", "time")
        .collect()
    )


def _needed(usual: Floats, chance: Floats, ratio: float) -> int:
    """People of whom a year's cancers tell the chances of falling from none, at so many standard errors.

    The score test's information of a rate that goes with 1 + (ratio - 1) chance; `usual` is the risk without a fall.
    """
    raised = 1.0 + (ratio - 1.0) * chance
    raised /= np.average(raised, weights=usual)
    information = float((usual * (raised - 1.0) ** 2).sum())
    return round(len(usual) * STANDARD_ERRORS**2 / information)


def _spread(added: Floats) -> Floats:
    return np.asarray(np.abs(added - added.mean(axis=0)).mean(axis=0))


def _is_level(name: str) -> bool:
    return CHANGE not in name


def _is_other(name: str) -> bool:
    return not name.startswith("haemoglobin.")
