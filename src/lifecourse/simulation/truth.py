"""The truth beside the records: phenotypes as they are, and risks at the cut from the model itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.simulation.population import (
    CARDIOVASCULAR,
    STEPS_PER_YEAR,
    Lives,
    covariates,
    has_cvd,
    hazard,
    latent,
)

if TYPE_CHECKING:
    from lifecourse.simulation.parameters import Parameters

HORIZONS = (1, 5, 10)


def truth(lives: Lives, first_person: int, model: Parameters) -> pl.DataFrame:
    """One row per person: true phenotypes and quantities at the cut, and true risks of those alive then.

    ``risk_<outcome>_<years>y``: chance of a first event within that many years of the cut, death competing, if
    treatment and atrial fibrillation stay as they are; 0 to 1, null for the dead and, but for death, for
    those who have had the event.
    """
    cut = float(model.years)
    values = latent(lives, cut, model)
    alive = lives.death > cut
    columns: dict[str, pl.Series | np.ndarray] = {
        "person": np.arange(first_person, first_person + lives.n),
        "alive": alive,
        "age": lives.age + np.minimum(cut, lives.death),
        "female": lives.female,
        "diabetes": lives.onset["diabetes"] <= cut,
        "ckd": values["egfr"] < 60.0,
        "cardiovascular_disease": has_cvd(lives, cut),
        **{name: lives.onset[name] <= cut for name in (*CARDIOVASCULAR, "atrial_fibrillation")},
        **{f"true_{name}": value for name, value in values.items()},
    }
    at_risk = {
        "diabetes": alive & (lives.onset["diabetes"] > cut),
        "cardiovascular_disease": alive & ~has_cvd(lives, cut),
        "death": alive,
    }
    for (outcome, years), risk in _risks(lives, model).items():
        known = pl.Series(risk).zip_with(
            pl.Series(at_risk[outcome]), pl.Series([None] * lives.n, dtype=pl.Float64)
        )
        columns[f"risk_{outcome}_{years}y"] = known
    return pl.DataFrame(columns)


def _risks(lives: Lives, model: Parameters) -> dict[tuple[str, int], np.ndarray]:
    """Cumulative incidences, by stepping the chances of being in each state: with or without diabetes and CVD."""
    cut = float(model.years)
    diabetic, cvd = lives.onset["diabetes"] <= cut, has_cvd(lives, cut)
    states = [(d, c) for d in (False, True) for c in (False, True)]
    chance = {(d, c): ((diabetic == d) & (cvd == c)) * 1.0 for d, c in states}
    total = {name: np.zeros(lives.n) for name in ("diabetes", "cardiovascular_disease", "death")}
    found = {}
    for step in range(max(HORIZONS) * STEPS_PER_YEAR):
        years = cut + step / STEPS_PER_YEAR
        values = latent(lives, years, model)
        chance = _step(lives, model, years, cut, values, chance, total)
        done = step + 1
        if done % STEPS_PER_YEAR == 0 and done // STEPS_PER_YEAR in HORIZONS:
            for name, risk in total.items():
                found[(name, done // STEPS_PER_YEAR)] = risk.copy()
    return found


def _step(
    lives: Lives,
    model: Parameters,
    years: float,
    cut: float,
    values: dict[str, np.ndarray],
    chance: dict[tuple[bool, bool], np.ndarray],
    total: dict[str, np.ndarray],
) -> dict[tuple[bool, bool], np.ndarray]:
    after = {state: np.zeros(lives.n) for state in chance}
    for (has_diabetes, has_event), mass in chance.items():
        everyone = np.ones(lives.n, dtype=bool)
        x = covariates(
            lives,
            years,
            values,
            diabetes=everyone & has_diabetes,
            cvd=everyone & has_event,
            treated_at=cut,
        )
        rates = {
            "death": hazard("death", x, model),
            "diabetes": np.zeros(lives.n) if has_diabetes else hazard("diabetes", x, model),
            "cardiovascular_disease": np.zeros(lives.n)
            if has_event
            else np.sum([hazard(name, x, model) for name in CARDIOVASCULAR], axis=0),
        }
        all_rates = np.sum(list(rates.values()), axis=0)
        leaving = mass * (1.0 - np.exp(-all_rates / STEPS_PER_YEAR))
        moved = {name: leaving * rate / all_rates for name, rate in rates.items()}
        for name, part in moved.items():
            total[name] += part
        after[(has_diabetes, has_event)] += mass - leaving
        if not has_diabetes:
            after[(True, has_event)] += moved["diabetes"]
        if not has_event:
            after[(has_diabetes, True)] += moved["cardiovascular_disease"]
    return after
