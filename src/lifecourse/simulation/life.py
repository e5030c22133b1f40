"""Lives, a quarter at a time: bodies change, illness comes, care looks, decides and treats.

Within a quarter events happen with chance 1 - exp(-hazard / 4) at a uniform moment; treatment begun at a visit works
from the next quarter on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.simulation.hazards import covariates, hazard
from lifecourse.simulation.parameters import STEPS_PER_YEAR
from lifecourse.simulation.state import (
    CARDIOVASCULAR,
    CURRENT,
    FORMER,
    HIGH_PRESSURE,
    KIDNEY_FALL,
    LOW_FILTRATION,
    NEVER,
    under_treatment,
)

if TYPE_CHECKING:
    from lifecourse.simulation.parameters import Parameters
    from lifecourse.simulation.population import People
    from lifecourse.simulation.state import State

ADMITTED = (*CARDIOVASCULAR, "pneumonia", "hip_fracture", "hyponatremia")
QUARTER = 1.0 / STEPS_PER_YEAR
CHRONIC_YEARS = QUARTER


@dataclass(slots=True, kw_only=True)
class Quarter:
    """What happened: the chance of each illness to those at risk of a first one, and stays in hospital.

    chance : float64[n] by illness, 0 where someone is dead or has had it
    admissions : (places, moments, illness)
    """

    chance: dict[str, np.ndarray] = field(default_factory=dict)
    admissions: list[tuple[np.ndarray, np.ndarray, str]] = field(default_factory=list)


def live_a_quarter(
    people: People,
    state: State,
    model: Parameters,
    rng: np.random.Generator,
    *,
    is_mortal: bool = True,
) -> Quarter:
    """Three months of life; `state` is changed and its clock moved on."""
    seen = under_treatment(people, state)
    found = covariates(people, state, seen, model)
    alive = state.alive
    happened = _happen(state, found, alive, model, rng, is_mortal=is_mortal)
    _age(people, state, seen, model, rng)
    _smoke(people, state, model, rng)
    state.years += QUARTER
    for illness, onset in state.onset.items():
        if illness != "death":
            onset[onset > state.onset["death"]] = NEVER
    state.lasting_ckd[state.lasting_ckd > state.onset["death"]] = NEVER
    return happened


def _happen(
    state: State,
    found: dict[str, np.ndarray],
    alive: np.ndarray,
    model: Parameters,
    rng: np.random.Generator,
    *,
    is_mortal: bool,
) -> Quarter:
    quarter = Quarter()
    for illness in model.illness:
        if illness == "death" and not is_mortal:
            continue
        onset = state.onset[illness]
        chance = -np.expm1(-QUARTER * hazard(illness, found, model))
        struck = (rng.random(len(onset)) < chance) & alive
        moment = state.years + QUARTER * rng.random(len(onset))
        at_risk = alive & (onset == NEVER)
        quarter.chance[illness] = np.where(at_risk, chance, 0.0)
        first = struck & at_risk
        onset[first] = moment[first]
        if illness in ADMITTED:
            who = np.flatnonzero(struck)
            quarter.admissions.append((who, moment[who], illness))
    return quarter


def _age(
    people: People,
    state: State,
    seen: dict[str, np.ndarray],
    model: Parameters,
    rng: np.random.Generator,
) -> None:
    """Quantities a quarter later, and the illness that they define."""
    body, values = model.body, state.values
    diabetic = state.has("diabetes")
    fresh = diabetic & (state.onset["diabetes"] > state.years - QUARTER)
    for name, said in body.quantities.items():
        if name not in ("egfr", "hba1c"):
            values[name] = np.clip(
                values[name] + QUARTER * people.drift[name], said.low * 0.8, said.high * 1.2
            )
    fall, since = body.falling_hemoglobin, state.years - people.fall_begins
    falls = (since >= 0) & (since < fall["years"])
    values["hemoglobin"] = values["hemoglobin"] + QUARTER * np.where(falls, fall["per_year"], 0.0)
    rise = np.where(
        people.insulin_deficient,
        body.effect("insulin_deficient_hba1c_per_year"),
        body.effect("diabetes_hba1c_per_year"),
    )
    healthy = np.clip(values["hba1c"] + QUARTER * people.drift["hba1c"], 4.3, 6.4)
    ill = np.minimum(
        values["hba1c"] + QUARTER * rise + np.where(fresh, body.effect("diabetes_hba1c"), 0.0), 14.0
    )
    values["hba1c"] = np.where(diabetic, ill, healthy)
    wander = rng.normal(0.0, body.effect("egfr_wander") * QUARTER**0.5, people.n)
    slope = _kidney_slope(people, state, seen, model)
    values["egfr"] = np.clip(values["egfr"] + QUARTER * slope + wander, 5.0, 140.0)
    _define(state, values)


def _kidney_slope(
    people: People, state: State, seen: dict[str, np.ndarray], model: Parameters
) -> np.ndarray:
    """Change of eGFR per year, mL/min/1.73 m2."""
    body = model.body
    diabetic = state.has("diabetes")
    slope = people.drift["egfr"] + np.where(
        diabetic,
        np.where(
            people.insulin_deficient,
            body.effect("insulin_deficient_egfr_per_year"),
            body.effect("diabetes_egfr_per_year"),
        ),
        0.0,
    )
    slope = slope + body.effect("albuminuria_egfr_per_year") * np.maximum(
        seen["log_uacr"] - 2.3, 0.0
    )
    slope = (
        slope + body.effect("high_sbp_egfr_per_year") * np.maximum(seen["sbp"] - 130.0, 0.0) / 10.0
    )
    slower = np.where(state.is_on["sglt2_inhibitor"], body.effect("sglt2_egfr_slope"), 1.0)
    slower = slower * np.where(
        state.is_on["ace_inhibitor"], body.effect("ace_inhibitor_egfr_slope"), 1.0
    )
    return np.where(slope < 0.0, slope * slower, slope)


def _define(state: State, values: dict[str, np.ndarray]) -> None:
    """Illness that is a quantity beyond a bound, from the moment it is."""
    bounds = {
        "hypertension": values["sbp"] >= HIGH_PRESSURE,
        "ckd": values["egfr"] < LOW_FILTRATION,
        "kidney_fall": values["egfr"] < KIDNEY_FALL * state.baseline_egfr,
    }
    for illness, is_beyond in bounds.items():
        begins = is_beyond & state.alive & (state.onset[illness] == NEVER)
        state.onset[illness][begins] = state.years + QUARTER
    _last(state, bounds["ckd"])


def _last(state: State, is_low: np.ndarray) -> None:
    """Kidney disease is chronic after three months: KDIGO 2024, doi:10.1016/j.kint.2023.10.018.

    Kept beside the onset, which is the first fall below the bound. The truth tells it; no life changes by it.
    """
    now = state.years + QUARTER
    state.low_since = np.where(is_low, np.minimum(state.low_since, now), NEVER)
    lasts = (now - state.low_since >= CHRONIC_YEARS) & state.alive & (state.lasting_ckd == NEVER)
    state.lasting_ckd[lasts] = now


def _smoke(people: People, state: State, model: Parameters, rng: np.random.Generator) -> None:
    said = model.people.smoking
    current, former = state.smoking == CURRENT, state.smoking == FORMER
    state.pack_years = state.pack_years + QUARTER * people.packs_per_day * current
    helped = state.is_on["varenicline"]
    per_quarter = 1.0 - (1.0 - model.care.varenicline_quit_chance) ** 0.5
    quit_chance = np.where(helped, per_quarter, QUARTER * said.quits_per_year)
    drawn = rng.random(people.n)
    state.smoking[current & (drawn < quit_chance)] = FORMER
    began_again = former & (drawn < QUARTER * said.relapses_per_year)
    state.smoking[began_again] = CURRENT
