"""Cohorts written by tests: adults seen once, some with a risk fact and later strokes."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from lifecourse.features import Recipe
from lifecourse.tasks import Task

SEEN = datetime(2020, 1, 1)
RISK = "SNOMED//49436004"
RECIPE = Recipe.model_validate(
    {
        "name": "small",
        "covariates": [{"codelist": "sbp", "summary": "last"}],
        "every_code": {"days": [None, 365], "summaries": ["count"], "min_count": 10},
    }
)
TASK = Task.model_validate(
    {
        "name": "stroke",
        "trigger": {"codes": ["VISIT//outpatient"], "which": "first"},
        "outcome": {"codes": ["ICD10CM//I63.9"]},
        "outcome_window_days": 365,
        "censoring": "negative",
    }
)
SCHEMA = {
    "subject_id": pl.Int64,
    "time": pl.Datetime("us"),
    "code": pl.String,
    "numeric_value": pl.Float32,
}


def cohort(n: int = 400, *, seed: int = 4) -> pl.DataFrame:
    """Events of `n` adults, half of them with `RISK`, which makes a stroke in the next year likelier."""
    random = np.random.default_rng(seed)
    rows: list[tuple[int, datetime | None, str, float | None]] = []
    for subject in range(1, n + 1):
        at_risk = bool(random.random() < 0.5)
        born = SEEN - timedelta(days=int(random.integers(40, 80) * 365))
        rows += [
            (subject, None, "SEX//female" if subject % 2 else "SEX//male", None),
            (subject, born, "MEDS_BIRTH", None),
            (subject, SEEN - timedelta(days=9), "LOINC//8480-6", float(random.normal(130, 15))),
            (subject, SEEN, "VISIT//outpatient", None),
        ]
        if at_risk:
            rows.append((subject, SEEN - timedelta(days=30), RISK, None))
        if random.random() < (0.55 if at_risk else 0.15):
            rows.append((subject, SEEN + timedelta(days=100), "ICD10CM//I63.9", None))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def with_a_future(events: pl.DataFrame, *, seed: int = 5) -> pl.DataFrame:
    """`events` and, for everyone, facts of every known code from a microsecond after `SEEN` on."""
    random = np.random.default_rng(seed)
    known = events.filter(pl.col("code") != "MEDS_BIRTH").drop_nulls("time")
    codes = known["code"].unique().sort().to_list()
    rows = [
        (subject, SEEN + timedelta(microseconds=int(random.integers(1, 10**15))), code, 222.0)
        for subject in events["subject_id"].unique().sort().to_list()
        for code in codes
    ]
    return pl.concat([events, pl.DataFrame(rows, schema=SCHEMA, orient="row")])


def at_visit(subjects: range) -> pl.DataFrame:
    """One row a subject, at the moment that they were seen."""
    return pl.DataFrame(
        {"subject_id": subjects, "prediction_time": [SEEN] * len(subjects)},
        schema_overrides={"prediction_time": pl.Datetime("us")},
    )
