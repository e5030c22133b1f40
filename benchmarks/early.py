"""Early warning on the synthetic hospital: ``python -m benchmarks.early FOLDER [PEOPLE]``.

PEOPLE (50,000) of one seed are learned from, each at moments five years apart, and as many of another are judged. For
diabetes, kidney and cardiovascular disease within five years, by a logistic model (`lifecourse.models.linear`):

`first_alerts`: the first 5,000 of the judged are asked each year for as long as their records are free of the disease;
the alert rate of 5 % is of moments, its threshold set on 3,000 of those who teach. Months from the first alert to the
onset, and to the diagnosis that was written down; the share of all that was caught, and a year or more before.

`one_moment`: the 5 % at the highest risk five years before the end, by the model, by what is attainable and by truth.

`slopes`: the model with columns of how measured quantities move (the change of the last two years from before, the
slope over all history) against its twin without them, by what happened and by the true risks.

Then colorectal cancer, where a slope is planted: `benchmarks.falls`; it is rare, and four times as many teach. Ends
with 1 where that promise is broken.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from benchmarks.falls import planted
from benchmarks.hospital import hospital
from benchmarks.twins import gains, of_columns

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.features import Recipe, featurize, load_recipe
from lifecourse.models.linear import USUAL_PENALTY, Logistic
from lifecourse.simulation.state import CARDIOVASCULAR
from lifecourse.tasks import Task, label, load_task

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]

PEOPLE, TRAINING_SEED, JUDGED_SEED, ORACLE = 50_000, 1_515, 1_616, 20_000
WARNED_OF = {
    "diabetes": ("diabetes",),
    "ckd": ("ckd",),
    "cardiovascular_disease": CARDIOVASCULAR,
}
OF_RARE = 4
APART_DAYS, ALERT_RATE, EARLY_MONTHS = 1_826, 0.05, 12
ASKED_YEARLY, OF_THRESHOLD = 5_000, 3_000
EACH_YEAR = {
    "trigger": {"every_days": 365},
    "censoring": "time-to-event",
    "outcome_window_days": 10 * APART_DAYS,
}
MOVING = (".slope.", ".change.")
CHANGE_DAYS = 730


def main(folder: Path, people: int) -> int:
    """Run it all; returns 1 where a promise is broken."""
    learning = hospital(folder / f"early-train-{people}", people, TRAINING_SEED)
    source = folder / f"early-judge-{people}"
    judged = hospital(source, people, JUDGED_SEED, oracle_people=min(ORACLE, people))
    for disease in WARNED_OF:
        print(json.dumps(_warned(learning, judged, source, disease)), flush=True)
    many = OF_RARE * people
    told = planted(hospital(folder / f"early-train-{many}", many, TRAINING_SEED), judged, source)
    print(json.dumps(told), flush=True)
    return int(not told["kept"])


def _warned(learning: Timeline, judged: Timeline, source: Path, disease: str) -> dict[str, Any]:
    """Everything about one disease."""
    rows = label(learning, _apart(disease)).table.filter(pl.col("boolean_value").is_not_null())
    recipe = _moving()
    here = featurize(learning, rows, recipe)
    asked = _asked(source, disease)
    there = featurize(judged, asked, recipe, vocabulary=here.vocabulary)
    came = rows["boolean_value"].to_numpy().astype(bool)

    def fitted(*left_out: str) -> tuple[Logistic, Floats]:
        def keep(name: str) -> bool:
            return not any(part in name for part in left_out)

        every, nowhere = np.arange(len(came)), np.zeros(len(came), dtype=np.bool_)
        model = Logistic.fit(of_columns(here, keep), came, every, nowhere, settings=USUAL_PENALTY)
        return model, model.margin(of_columns(there, keep))

    model, both = fitted()
    others = {"change": fitted(".slope.")[1], "slope": fitted(".change.")[1], "both": both}
    happened, true = asked["happened"].to_numpy(), asked["risk"].to_numpy()
    asking = _Asking(model=model, recipe=recipe, vocabulary=here.vocabulary, disease=disease)
    return {
        "outcome": disease,
        "events": int(came.sum()),
        "first_alerts": _first_alerts(asking, learning, judged, source),
        "one_moment": _one_moment(both, asked),
        "slopes": gains(fitted(*MOVING)[1], others, happened, true),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """A model, and what its columns are."""

    model: Logistic
    recipe: Recipe
    vocabulary: list[str]
    disease: str

    def each_year(self, timeline: Timeline, people: int) -> pl.DataFrame:
        """``subject_id``, ``prediction_time``, ``score``, ``diagnosis``: each year that records show none of it."""
        yearly = _apart(self.disease, **EACH_YEAR)
        passed = pl.duration(microseconds=pl.col("duration_days") * MICROSECONDS_PER_DAY)
        known = pl.when(pl.col("event") > 0).then(pl.col("prediction_time") + passed)
        rows = label(timeline, yearly).table.filter(pl.col("subject_id") <= people)
        rows = rows.select("subject_id", "prediction_time", diagnosis=known)
        found = featurize(timeline, rows, self.recipe, vocabulary=self.vocabulary)
        return rows.with_columns(score=self.model.margin(found))


def _asked(source: Path, disease: str) -> pl.DataFrame:
    """Who was free of it five years before the end, with what is known of them."""
    risks = pl.scan_parquet(source / "truth" / "risks" / "*.parquet")
    five = (pl.col("outcome") == disease) & (pl.col("years") == 5) & ~pl.col("is_recorded")
    return (
        risks.filter(five & pl.col("happened").is_not_null())
        .rename({"person": "subject_id", "time": "prediction_time"})
        .sort("subject_id")
        .collect()
    )


def _apart(disease: str, **changed: Any) -> Task:
    """The library's task, asked every five years in place of every year."""
    plain = load_task(f"{disease}_5y")
    if not isinstance(plain, Task):
        raise TypeError(f"{plain.name} is not a task of our own")
    written = plain.model_dump(mode="json", exclude_defaults=True)
    return Task.model_validate({**written, "trigger": {"every_days": APART_DAYS}, **changed})


def _first_alerts(
    asking: _Asking, learning: Timeline, judged: Timeline, source: Path
) -> dict[str, Any]:
    """How long before onset and diagnosis the first alert came to those who fell ill after they were first asked."""
    names = WARNED_OF[asking.disease]
    known = asking.each_year(learning, OF_THRESHOLD)["score"].to_numpy()
    is_alert = pl.col("score") > float(np.quantile(known, 1 - ALERT_RATE))
    people = pl.scan_parquet(source / "truth" / "people" / "*.parquet").select(
        pl.col("person").alias("subject_id"),
        pl.min_horizontal(f"onset_{name}" for name in names).alias("onset"),
    )
    table = asking.each_year(judged, ASKED_YEARLY).with_columns(alert=is_alert)
    table = table.join(people.collect(), on="subject_id")
    alerts = table.filter("alert")
    return {
        "people": table["subject_id"].n_unique(),
        "moments_alerted": round(alerts.height / table.height, 3),
        "people_alerted": round(
            alerts["subject_id"].n_unique() / table["subject_id"].n_unique(), 3
        ),
        **{f"to_{until}": _until(table, until) for until in ("onset", "diagnosis")},
    }


def _until(table: pl.DataFrame, until: str) -> dict[str, Any]:
    """Of those free of it at the first moment asked about to whom it came."""
    free = table.filter(pl.col("prediction_time") < pl.col(until))
    first = free.group_by("subject_id").agg(
        pl.col(until).first(), warned=pl.col("prediction_time").filter("alert").min()
    )
    return {"came": first.height, **_lead(_months(first, until, "warned"), first.height)}


def _one_moment(score: Floats, asked: pl.DataFrame) -> dict[str, Any]:
    """The alerts of the 5 % at highest risk, five years before the end."""
    told: dict[str, Any] = {"came": int(asked["happened"].sum())}
    scores = {"model": score, "attainable": asked["attainable"], "true_risk": asked["risk"]}
    for by, values in scores.items():
        order = np.argsort(-np.asarray(values), kind="stable")
        alerted = np.zeros(asked.height, dtype=np.bool_)
        alerted[order[: round(ALERT_RATE * asked.height)]] = True
        caught = asked.with_columns(alert=alerted).filter("alert", "happened")
        told[by] = _lead(_months(caught, "onset", "prediction_time"), told["came"])
    return told


def _months(table: pl.DataFrame, until: str, since: str) -> Floats:
    """Months between two columns, where both are known."""
    month = MICROSECONDS_PER_DAY * DAYS_PER_YEAR / 12
    passed = (pl.col(until) - pl.col(since)).dt.total_microseconds() / month
    return table.select(passed).to_series().drop_nulls().to_numpy()


def _lead(months: Floats, came: int) -> dict[str, Any]:
    return {
        "caught": round(len(months) / came, 3),
        "caught_a_year_before": round(float((months >= EARLY_MONTHS).sum() / came), 3),
        "median_months": round(float(np.median(months)), 1) if len(months) else None,
    }


def _moving() -> Recipe:
    """The hospital's recipe, and of each quantity that it has the slope of, the change of the last two years."""
    plain = load_recipe("synthetic_hospital").model_dump(mode="json")
    changes = [
        {"codelist": one["codelist"], "summary": "change", "days": CHANGE_DAYS}
        for one in plain["covariates"]
        if one["summary"] == "slope"
    ]
    return Recipe.model_validate({**plain, "covariates": [*plain["covariates"], *changes]})


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else PEOPLE))
