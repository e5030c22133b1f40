"""Hazards against the records oracle of the synthetic hospital, death competing.

``python -m benchmarks.competing FOLDER [PEOPLE]``

PEOPLE (100,000) of one seed teach, as many of another are judged; both are kept in FOLDER. Each person who teaches has
one row, at a moment drawn from the years of the record; follow-up ends with the data, so that a row is seen for as
long as there are records. For five outcomes and 1, 5 and 10 years: the share of the oracle's gain over chance, observed
over expected incidence with its interval, and mean predicted over mean true risk in groups of 1,000 or more. Ten years
reach beyond the records of those who are judged: there, what would happen is drawn from the true risks. Ends with 1
where a promise is broken.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from benchmarks.hospital import hospital

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.features import featurize, load_recipe
from lifecourse.models import train
from lifecourse.models.evaluation import auroc
from lifecourse.models.model import age_band, sex_name
from lifecourse.simulation.futures import HORIZONS, MAIN_OUTCOMES
from lifecourse.tasks import Task, load_task

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models import RiskModel
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]

PEOPLE, TRAINING_SEED, JUDGED_SEED, ORACLE = 100_000, 303, 404, 100_000
LEAST_MEAN, LEAST_EACH = 0.95, 0.93
BOUNDS = ((1_600, 0.05), (400, 0.10))
"""So far may observed over expected be from 1 where there are so many events."""
COVERED, GROUP, GROUP_OFF, Z = 0.90, 1_000, 0.07, 1.96


def main(folder: Path, people: int) -> int:
    """Run it all; returns 1 where a promise is broken."""
    learning = hospital(folder / f"train{people}", people, TRAINING_SEED)
    judged = hospital(
        folder / f"judge{people}",
        people,
        JUDGED_SEED,
        oracle_people=min(ORACLE, max(people, 20_000)),
    )
    truth = folder / f"judge{people}" / "truth"
    lines: list[dict[str, Any]] = []
    for outcome in MAIN_OUTCOMES:
        model = train(learning, task_of(outcome), recipe=load_recipe("synthetic_hospital")).model
        if model is None:
            continue
        for line in _judged(model, judged, truth, outcome):
            lines.append(line)
            print(json.dumps(line), flush=True)
    told = summary(lines)
    print(json.dumps(told), flush=True)
    (folder / "competing.json").write_text(json.dumps({**told, "lines": lines}, indent=1))
    return int(not told["kept"])


def task_of(outcome: str) -> Task:
    """The outcome of the library's task within 1, 5 and 10 years, death competing, at two moments of each record."""
    plain = load_task(f"{outcome}_5y")
    if not isinstance(plain, Task):
        raise TypeError(f"{plain.name} is not a task of our own")
    days = [round(years * DAYS_PER_YEAR) for years in HORIZONS]
    return Task.model_validate(
        {
            **plain.model_dump(mode="json"),
            "name": f"{outcome}_or_death",
            "trigger": {"codelist": "any_visit", "which": "random", "seed": 5},
            "outcomes": [
                *({**one.model_dump(mode="json"), "name": outcome} for one in plain.outcomes),
                {"codelist": "death", "name": "death"},
            ],
            "outcome_window_days": days[-1],
            "horizons_days": days,
            "censoring": "time-to-event",
        }
    )


def summary(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Whether the promises hold, and by how much."""
    shares = [line["share"] for line in lines]
    few = [line for line in lines if line["events"] < BOUNDS[-1][0]]
    covered = [line["low"] <= 1 <= line["high"] for line in few]
    off = [
        line for line in lines for least, most in BOUNDS
        if line["events"] >= least and abs(line["observed_over_expected"] - 1) > most
    ]  # fmt: skip
    groups = [
        group for line in lines for group in line["groups"] if abs(group["ratio"] - 1) > GROUP_OFF
    ]
    told = {
        "mean_share": round(float(np.mean(shares)), 3) if shares else 0.0,
        "least_share": min(shares, default=0.0),
        "off": [f"{line['outcome']} {line['years']} y" for line in off],
        "covered": round(float(np.mean(covered)), 3) if covered else None,
        "groups_off": len(groups),
    }
    kept = told["mean_share"] >= LEAST_MEAN and told["least_share"] >= LEAST_EACH and not off
    return {**told, "kept": kept and not groups and (not covered or told["covered"] >= COVERED)}


def _judged(model: RiskModel, judged: Timeline, truth: Path, outcome: str) -> list[dict[str, Any]]:
    told = pl.scan_parquet(truth / "risks" / "*.parquet").filter(
        (pl.col("outcome") == outcome) & ~pl.col("is_recorded")
    )
    table = told.collect()
    people = table.unique("person", maintain_order=True).select(
        subject_id="person", prediction_time="time"
    )
    features = featurize(judged, people, model.recipe, vocabulary=model.vocabulary)
    incidence = model.incidence(features)
    place = {person: i for i, person in enumerate(people["subject_id"].to_list())}
    lines = []
    for h, years in enumerate(HORIZONS):
        mine = table.filter(pl.col("years") == years)
        rows = np.array([place[person] for person in mine["person"].to_list()])
        lines.append(_line(outcome, years, mine, incidence[rows, 0, h], features.dense[rows, :2]))
    return lines


def _line(
    outcome: str, years: int, table: pl.DataFrame, risk: Floats, age_and_sex: Floats
) -> dict[str, Any]:
    true = table["risk"].to_numpy()
    if table["happened"].null_count():
        came = np.random.default_rng(0).random(len(true)) < true
    else:
        came = table["happened"].to_numpy().astype(bool)
    best = table["attainable"].to_numpy() if "attainable" in table.columns else true
    areas = [auroc(came, score) - 0.5 for score in (risk, best, true)]
    ratio = came.mean() / risk.mean()
    spread = Z * np.sqrt((1 - came.mean()) / max(came.sum(), 1))
    return {
        "outcome": outcome,
        "years": years,
        "events": int(came.sum()),
        "auroc": round(areas[0] + 0.5, 4),
        "share": round(areas[0] / areas[1], 4),
        "share_of_latent": round(areas[0] / areas[2], 4),
        "observed_over_expected": round(float(ratio), 3),
        "low": round(float(ratio * np.exp(-spread)), 3),
        "high": round(float(ratio * np.exp(spread)), 3),
        "predicted_over_true": round(float(risk.mean() / true.mean()), 3),
        "groups": list(_groups(risk, true, age_and_sex)),
    }


def _groups(risk: Floats, true: Floats, age_and_sex: Floats) -> list[dict[str, Any]]:
    names = np.array(
        [f"{sex_name(female)}, {age_band(age)}" for age, female in age_and_sex], dtype=object
    )
    return [
        {"group": str(name), "ratio": round(float(risk[mine].mean() / true[mine].mean()), 3)}
        for name in sorted(set(names))
        if (mine := names == name).sum() >= GROUP
    ]


if __name__ == "__main__":
    size = int(sys.argv[2]) if len(sys.argv) > 2 else PEOPLE
    sys.exit(main(Path(sys.argv[1]), size))
