"""Columns that know the answer: the outcome itself, what is written down only because of it, or somebody's forecast.

A column that by itself ranks people almost without a mistake is no predictor: it is the outcome under another name
(a cause of death, a code billed afterwards), and a model of it would be right in the records and wrong at the bedside
(Kaufman et al. 2012, doi 10.1145/2382577.2382579). One that ranks nearly as well may be honest, and is asked about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.features.extraction import ALWAYS
from lifecourse.models.diagnostics.concern import Concern
from lifecourse.models.evaluation import auroc, calibration_slope

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

TELLS = 0.97
"""From this area on, one column alone is the outcome: the best published predictors of a new disease stay below 0.9."""
ASKED = 0.9
"""From this area on it is asked whether the column is known before the outcome."""
FORETELLS = "foretells the outcome"
"""What a column between the two gives."""
IMPLIES = 0.99
"""So surely does a column that few have imply the outcome, when it is the outcome."""
FEWEST = 30
"""People with a column, below which nothing is said of it."""
LEAST_CAUGHT = 0.02
"""Of those with the outcome, whom a column must have before it can be the outcome."""
FORECASTS = 0.7
"""From this area on a column of probabilities is a forecast of this outcome."""
FORECAST_SLOPE = (0.4, 2.5)
DISTINCT = 20
VALUE, HAVING = "its value", "whether it is recorded"
OUT = "Leave it out of the recipe"
OUT_OF_EVERY_CODE = "Leave it out of the recipe (every_code: exclude)"


def leaks(features: FeatureMatrix, outcome: Flags) -> Iterator[Concern]:
    """A concern for each column that knows the answer, bool[r]."""
    for i, name in enumerate(features.dense_names):
        yield from _of_values(name, features.dense[:, i], outcome)
    yield from _of_codes(features, outcome)


def _of_values(name: str, values: Floats, outcome: Flags) -> Iterator[Concern]:
    known = np.isfinite(values)
    if known.sum() < FEWEST:
        return
    area = _either_way(auroc(outcome[known], values[known]))
    having = _either_way(auroc(outcome, known.astype(float)))
    answers = outcome[known]
    # Of few with or few without the outcome an area says nothing, as by a horizon that hardly anyone came to it.
    area, having = area if _both(answers) else 0.5, having if _both(outcome) else 0.5
    if area >= TELLS:
        yield _tells(name, area, VALUE, OUT)
    elif having >= TELLS:
        yield _tells(name, having, HAVING, OUT)
    elif answers.mean() >= IMPLIES and _may_imply(answers.sum(), outcome):
        yield _implies(name, float(answers.mean()), len(answers), OUT)
    elif forecasts := list(_of_forecast(name, values[known], answers)):
        yield from forecasts
    elif max(area, having) >= ASKED and name not in ALWAYS:
        yield _foretells(name, max(area, having), VALUE if area >= having else HAVING, OUT)


def _of_forecast(name: str, values: Floats, outcome: Flags) -> Iterator[Concern]:
    """Probabilities of this very outcome, made by a clinician or another model."""
    if values.min() < 0 or values.max() > 1 or len(np.unique(values)) < DISTINCT:
        return
    area = auroc(outcome, values)
    if not _either_way(area) >= FORECASTS:
        return
    chance = values if area > 0.5 else 1 - values
    slope = calibration_slope(outcome, chance)
    if FORECAST_SLOPE[0] <= slope <= FORECAST_SLOPE[1]:
        yield Concern(
            kind="a forecast",
            grave=False,
            column=name,
            said=(
                f"column '{name}' lies between 0 and 1 and foretells this outcome (AUROC {_either_way(area):.2f}): it "
                "looks like somebody's forecast. A model with it repeats that forecast; leave it out, or say that the "
                "model needs it."
            ),
            measured={"auroc": _either_way(area), "calibration_slope": slope},
        )


def _of_codes(features: FeatureMatrix, outcome: Flags) -> Iterator[Concern]:
    """By whether a code was found at all; all columns at once."""
    events, others = int(outcome.sum()), int((~outcome).sum())
    if features.codes.shape[1] == 0 or events == 0 or others == 0:
        return
    found = features.codes.copy()
    found.data = (found.data != 0).astype(np.float64)
    with_outcome = np.asarray(found.T @ outcome.astype(np.float64)).ravel()
    without = np.asarray(found.T @ (~outcome).astype(np.float64)).ravel()
    people = with_outcome + without
    area = 0.5 + (with_outcome / events - without / others) / 2
    for i in np.flatnonzero(people >= FEWEST):
        name, implied = features.code_names[i], float(with_outcome[i] / people[i])
        having = _either_way(float(area[i])) if _both(outcome) else 0.5
        if having >= TELLS:
            yield _tells(name, having, HAVING, OUT_OF_EVERY_CODE)
        elif implied >= IMPLIES and _may_imply(with_outcome[i], outcome):
            yield _implies(name, implied, int(people[i]), OUT_OF_EVERY_CODE)
        elif having >= ASKED:
            yield _foretells(name, having, HAVING, OUT_OF_EVERY_CODE)


def _both(outcome: Flags) -> bool:
    return bool(min(outcome.sum(), (~outcome).sum()) >= FEWEST)


def _may_imply(caught: float, outcome: Flags) -> bool:
    return bool(outcome.mean() < 0.5 and caught >= LEAST_CAUGHT * outcome.sum())


def _either_way(area: float) -> float:
    return max(area, 1 - area)


def _tells(name: str, area: float, how: str, leave_out: str) -> Concern:
    return Concern(
        kind="tells the outcome",
        grave=True,
        column=name,
        said=(
            f"column '{name}' alone tells who has the outcome by {how} (AUROC {area:.3f}): it is the outcome, or is "
            f"recorded because of it. {leave_out}, or let the outcome window begin later (gap)."
        ),
        measured={"auroc": area},
    )


def _foretells(name: str, area: float, how: str, leave_out: str) -> Concern:
    return Concern(
        kind=FORETELLS,
        grave=False,
        column=name,
        said=(
            f"column '{name}' foretells the outcome alone by {how} (AUROC {area:.3f}): is it known before the outcome "
            f"is? {leave_out} if it is recorded because of it."
        ),
        measured={"auroc": area},
    )


def _implies(name: str, share: float, people: int, leave_out: str) -> Concern:
    return Concern(
        kind="implies the outcome",
        grave=True,
        column=name,
        said=(
            f"of {people:,} rows with '{name}' {share:.1%} have the outcome: it is the outcome, or is recorded because "
            f"of it. {leave_out}, or let the outcome window begin later (gap)."
        ),
        measured={"share_with_outcome": share, "rows": float(people)},
    )
