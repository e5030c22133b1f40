"""True risks: the futures that a person could live from a moment on, averaged.

Each future is lived by the same rules as the records were. What is added up is not whether an illness came but its
chance in each quarter to those still at risk, which has the same mean and far less noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.simulation.clinic import force, see_people
from lifecourse.simulation.life import live_a_quarter
from lifecourse.simulation.parameters import STEPS_PER_YEAR
from lifecourse.simulation.state import CARDIOVASCULAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecourse.simulation.clinic import Forced
    from lifecourse.simulation.life import Quarter
    from lifecourse.simulation.parameters import Parameters
    from lifecourse.simulation.population import People
    from lifecourse.simulation.state import State

COMPOSITE = "cardiovascular_disease"
OUTCOMES = (
    "diabetes",
    "ckd",
    COMPOSITE,
    *CARDIOVASCULAR,
    "atrial_fibrillation",
    "copd",
    "lung_cancer",
    "breast_cancer",
    "colorectal_cancer",
    "depression",
    "hip_fracture",
    "kidney_fall",
    "death",
)
OF_BOUNDS = ("ckd", "kidney_fall")
HORIZONS = (1, 5, 10)
MAIN_OUTCOMES = ("diabetes", "ckd", COMPOSITE, "atrial_fibrillation", "copd")
"""What the promises about models are made for."""
LANDMARK_YEARS = 5
"""Before the cut: the moment from which five years of records still follow."""


def has_had(state: State, outcome: str) -> np.ndarray:
    """bool[n], who is past a first event of `outcome`."""
    return state.has_cvd() if outcome == COMPOSITE else state.has(outcome)


def true_risks(
    people: People,
    state: State,
    model: Parameters,
    rng: np.random.Generator,
    *,
    futures: int,
    horizons: Sequence[int] = HORIZONS,
    forced: Forced | None = None,
) -> dict[tuple[str, int], np.ndarray]:
    """Chance of a first event within each horizon, death competing; float64[n] by outcome and years.

    `forced` holds drugs that some take, or do not take, from now on, whatever care decides; the rest goes on as care
    would have it. Who is dead or has had the event has 0.
    """
    total = {(o, h): np.zeros(people.n) for o in OUTCOMES for h in horizons}
    everyone = np.arange(people.n)
    for _ in range(futures):
        future = state.take(everyone)
        force(future, forced or {})
        sums = {outcome: np.zeros(people.n) for outcome in OUTCOMES}
        for step in range(max(horizons) * STEPS_PER_YEAR):
            before = {outcome: has_had(future, outcome) for outcome in (COMPOSITE, *OF_BOUNDS)}
            quarter = live_a_quarter(people, future, model, rng)
            see_people(people, future, model, rng, forced or {})
            _add(sums, before, quarter, future)
            years = (step + 1) / STEPS_PER_YEAR
            for horizon in horizons:
                if years == horizon:
                    for outcome in OUTCOMES:
                        total[(outcome, horizon)] += sums[outcome]
    return {key: value / futures for key, value in total.items()}


def _add(
    sums: dict[str, np.ndarray], before: dict[str, np.ndarray], quarter: Quarter, after: State
) -> None:
    # Half of those who die in a quarter do so before what else happens in it.
    survives = 1.0 - 0.5 * quarter.chance["death"]
    for outcome in OUTCOMES:
        if outcome in OF_BOUNDS:
            sums[outcome] += after.has(outcome) & ~before[outcome]
        elif outcome == COMPOSITE:
            none = np.prod([1.0 - quarter.chance[name] for name in CARDIOVASCULAR], axis=0)
            sums[outcome] += np.where(before[COMPOSITE], 0.0, (1.0 - none) * survives)
        elif outcome == "death":
            sums[outcome] += quarter.chance[outcome]
        else:
            sums[outcome] += quarter.chance[outcome] * survives
