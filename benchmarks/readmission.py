"""Readmission within 30 days on the UCI diabetes table: ``python -m benchmarks.readmission FOLDER``.

All stays that did not end in death or hospice; earlier stays of the same person are history, and a person lies on one
side of a split. The table has no dates: a stay's moment is its number (`lifecourse.records.delimited`). Ends with 1
where area or calibration slope break the promise.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.workload import ROOT

from lifecourse.features import Recipe
from lifecourse.models import train
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.tasks import Task
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

DATA = Path(os.environ.get("LIFECOURSE_DATA", ROOT.parent / "shared" / "data")) / "uci-diabetes130"
LEAST_AREA, SLOPES = 0.685, (0.9, 1.1)
STAY = (
    "time_in_hospital", "num_lab_procedures", "num_procedures", "num_medications",
    "number_outpatient", "number_emergency", "number_inpatient", "number_diagnoses",
)  # fmt: skip
TASK = Task.model_validate(
    {
        "name": "readmitted",
        "trigger": {"codelist": "inpatient_discharge", "which": "every"},
        "washout": {
            "outcome": False,
            "also": [{"codes": ["DISCHARGE_DISPOSITION//13", "DISCHARGE_DISPOSITION//14"]}],
        },
        "outcome": {"codes": ["READMITTED//within_30_days"]},
        "outcome_window_days": 1,
        "censoring": "time-to-event",
        "follow_up_ends": "data_cut",
    }
)


def recipe() -> Recipe:
    """What was counted of this stay and of earlier ones, how often the person came back, and every code."""
    came_back = ("READMITTED//within_30_days", "READMITTED//after_30_days")
    covariates = [
        {"codes": ["AGE"], "summary": "last", "name": "years"},
        {"codes": ["VISIT//inpatient"], "summary": "count", "name": "stays"},
        *({"codes": [code], "summary": kind} for code in came_back for kind in ("count", "time_since")),
        *(
            {"codes": [f"STAY//{name}"], "summary": kind}
            for name in STAY
            for kind in ("last", "mean", "max", "sum")
        ),
    ]  # fmt: skip
    every = {"days": [1, None], "summaries": ["count"], "min_count": 50, "top_k": 1500}
    return Recipe.model_validate({"name": "stays", "covariates": covariates, "every_code": every})


def main(folder: Path) -> int:
    """Train and say how it did out of folds; returns 1 where a promise is broken."""
    store = folder / "uci.store"
    if not store.exists():
        folder.mkdir(parents=True, exist_ok=True)
        ingest(DATA, store, plain=True)
    timeline = open_timeline(store, actor=Actor(name="benchmark"), purpose=Purpose.OPERATIONS)
    model = train(timeline, TASK, recipe=recipe()).model
    if model is None:
        return 1
    (told,) = model.card["horizons"]
    names = ("events", "auroc", "brier", "calibration_slope", "observed_over_expected", "ici")
    twins = {
        name: round(twin["horizons"][0]["auroc"], 4) for name, twin in model.card["twins"].items()
    }
    line = {name: round(told[name], 4) for name in names} | {
        "learner": model.card["learner"],
        "twins": twins,
    }
    print(json.dumps(line))
    within = SLOPES[0] <= told["calibration_slope"] <= SLOPES[1]
    return int(not (told["auroc"] >= LEAST_AREA and within))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
