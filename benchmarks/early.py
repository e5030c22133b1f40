"""Early warning on the synthetic hospital: ``python -m benchmarks.early FOLDER [PEOPLE]``.

PEOPLE (50,000) are learned from, each at moments five years apart, and as many of another seed are judged. For
diabetes, kidney and cardiovascular disease, the 5 % at the highest risk are alerted five years before the end: printed
are the months from alert to onset and the share of all who fall ill that was caught a year or more before, by the
model, by what is attainable and by the truth.

Then colorectal cancer, whose hazard a fall of haemoglobin inside its normal range raises and its level does not: a
model with slopes against its twin without, judged on people of the other seed, and where the slope stands among what
the model goes by, over halves of the people. Ends with 1 where the model does not beat its twin or the slope is not
among the first five with a stability of 0.8.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from benchmarks.hospital import hospital

from lifecourse.features import featurize, load_recipe
from lifecourse.models import train
from lifecourse.models.evaluation import auroc, over_draws
from lifecourse.models.importance import TOP, importance
from lifecourse.models.linear import Logistic
from lifecourse.models.split import folds_of
from lifecourse.models.truth import compare_with_truth
from lifecourse.tasks import Task, label, load_task

if TYPE_CHECKING:
    from lifecourse.features import FeatureMatrix
    from lifecourse.timeline.access import Timeline

PEOPLE, TRAINING_SEED, JUDGED_SEED, ORACLE = 50_000, 606, 707, 20_000
ALERTED = ("diabetes_5y", "ckd_5y", "cardiovascular_disease_5y")
APART_DAYS = 1_826
MARKER, LEAST_STABILITY = "haemoglobin.slope.all", 0.8


def main(folder: Path, people: int) -> int:
    """Run it all; returns 1 where a promise is broken."""
    learning = hospital(folder / f"early-train-{people}", people, TRAINING_SEED)
    judged = hospital(
        folder / f"early-judge-{people}", people, JUDGED_SEED, oracle_people=min(ORACLE, people)
    )
    truth = folder / f"early-judge-{people}" / "truth"
    for name in ALERTED:
        print(json.dumps(_alerts(learning, judged, truth, name)), flush=True)
    told = _slope(learning, judged)
    print(json.dumps(told), flush=True)
    return int(not told["kept"])


def _alerts(learning: Timeline, judged: Timeline, truth: Path, name: str) -> dict[str, Any]:
    """How early the alerts of the 5 % at highest risk come."""
    result = train(learning, _apart(name), recipe=load_recipe("synthetic_hospital"))
    if result.model is None:
        return {"outcome": name, "abstained": True}
    found = compare_with_truth(result.model, judged, truth)
    told: dict[str, Any] = {"outcome": found["outcome"], "events": found["events"]}
    for by, alerts in found["alerts"]["by"].items():
        quartiles = alerts["quartiles_months_before"]
        told[by] = {
            "median_months": None if quartiles is None else round(quartiles[1], 1),
            "caught": round(alerts["share_caught"], 3),
            "caught_a_year_before": round(alerts["share_caught_early"], 3),
        }
    return told


def _slope(learning: Timeline, judged: Timeline) -> dict[str, Any]:
    """Colorectal cancer with and without slopes, and how surely the planted one is found."""
    here, happened, people = _one_row_each(learning)
    there, came, _ = _one_row_each(judged, here.vocabulary)
    inner = folds_of(people, 5, 1) == 0
    rows = np.arange(len(happened))
    with_slopes = Logistic.fit(here, happened, rows, inner).predict(there)
    blind = Logistic.fit(_without_slopes(here), happened, rows, inner)
    without = blind.predict(_without_slopes(there))

    def measured(drawn: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, float]:
        areas = [auroc(came[drawn], risk[drawn]) for risk in (with_slopes, without)]
        return {"with": areas[0], "without": areas[1], "gain": areas[0] - areas[1]}

    found = over_draws(measured, np.arange(len(came)), seed=0, draws=500)
    ranked = importance(here, happened, people, Logistic, resamples=50)
    place = next(i for i, one in enumerate(ranked) if one.name == MARKER)
    low = found["gain"]["low"] or 0.0
    return {
        "outcome": "colorectal_cancer",
        "events": int(happened.sum()),
        "judged_events": int(came.sum()),
        "auroc_with_slopes": round(found["with"]["value"] or 0.0, 4),
        "auroc_without": round(found["without"]["value"] or 0.0, 4),
        "gain": [round(found["gain"][end] or 0.0, 4) for end in ("value", "low", "high")],
        "marker_place": place + 1,
        "marker_stability": ranked[place].stability,
        "first": [one.name for one in ranked[:TOP]],
        "kept": low > 0 and place < TOP and ranked[place].stability >= LEAST_STABILITY,
    }


def _one_row_each(
    timeline: Timeline, vocabulary: list[str] | None = None
) -> tuple[FeatureMatrix, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Features, whether colorectal cancer came within five years, and the person: a random moment of each."""
    task = _apart(
        "diabetes_5y",
        name="colorectal_cancer_5y",
        title="Colorectal cancer within 5 years",
        outcomes=[{"codelist": "colorectal_cancer"}],
    )
    table = label(timeline, task).table.filter(pl.col("boolean_value").is_not_null())
    chosen = table.sample(fraction=1.0, shuffle=True, seed=7).unique("subject_id", keep="first")
    rows = chosen.sort("subject_id")
    features = featurize(timeline, rows, load_recipe("synthetic_hospital"), vocabulary=vocabulary)
    return (
        features,
        rows["boolean_value"].to_numpy().astype(bool),
        rows["subject_id"].to_numpy(),
    )


def _apart(library: str, **changed: Any) -> Task:
    """The library's task, asked every five years in place of every year."""
    plain = load_task(library)
    if not isinstance(plain, Task):
        raise TypeError(f"{plain.name} is not a task of our own")
    written = plain.model_dump(mode="json", exclude_defaults=True)
    return Task.model_validate({**written, "trigger": {"every_days": APART_DAYS}, **changed})


def _without_slopes(features: FeatureMatrix) -> FeatureMatrix:
    kept = [i for i, name in enumerate(features.dense_names) if ".slope." not in name]
    return replace(
        features,
        dense=features.dense[:, kept],
        dense_names=[features.dense_names[i] for i in kept],
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else PEOPLE))
