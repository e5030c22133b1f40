"""Cards of models of times to events, with numbers at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from lifecourse.models.evaluation import calibration_table

CAUSES, DAYS = ("MI", "<b>stroke", "death"), (30, 365, 1826)
MEASURES = ("auroc", "brier", "calibration_slope", "ici", "e50", "e90")
UNSEEN = "3 people were seen for so long, and 50 are needed"


def horizons(seed: int = 0) -> list[dict[str, Any]]:
    """What a card says of each cause at each horizon."""
    random = np.random.default_rng(seed)
    return [_row(random, cause, days) for cause in CAUSES for days in DAYS]


def _row(random: np.random.Generator, cause: str, days: int) -> dict[str, Any]:
    observed, expected = random.uniform(0.001, 0.6, 2)
    return {
        "cause": cause,
        "horizon_days": days,
        "events": int(random.integers(1, 5000)),
        "observed": observed,
        "low": observed * 0.8,
        "high": observed * 1.2,
        "expected": expected,
        "observed_over_expected": observed / expected,
        **{name: float(random.random()) for name in MEASURES},
    }


def in_tenths(rows: list[dict[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """The same with groups of people by their risk, to draw."""
    random = np.random.default_rng(seed)
    risk = random.random(400) * 0.4
    return [
        {**row, "calibration": calibration_table(random.random(400) < risk, risk)} for row in rows
    ]


def unseen(row: dict[str, Any], **reason: str) -> dict[str, Any]:
    """The same of a horizon to which nobody was seen."""
    kept = ("cause", "horizon_days", "events", "expected")
    return {**dict.fromkeys(row), **{name: row[name] for name in kept}, **reason}


def card(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """An outcome of training with `rows` for its horizons."""
    return {
        "task": "times",
        "outcome": "model",
        "title": "MI, stroke or death",
        "horizons": rows,
        "judged": "out of 5 folds by subject",
        "subjects": 900,
        "rows": 900,
        "events": 130,
        "horizon_days": DAYS[-1],
        "levelled_by": ["age", "female"],
    }
