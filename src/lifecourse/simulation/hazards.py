"""Hazards: what raises the chance of illness and death, per unit, and by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.simulation.state import CURRENT, FORMER

if TYPE_CHECKING:
    from lifecourse.simulation.parameters import Parameters
    from lifecourse.simulation.population import People
    from lifecourse.simulation.state import State

HIGHEST_HAZARD = 3.0
STEP_OF_TRAJECTORY_YEARS = 6.0


def covariates(
    people: People, state: State, seen: dict[str, np.ndarray], model: Parameters
) -> dict[str, np.ndarray]:
    """What the ratios of `illness.yaml` are per unit of, float64[n] each; `seen` is as `under_treatment` gives it."""
    now = state.years
    year = int(np.clip(now, 0, people.county.shape[1] - 1))
    places = model.places.counties
    county = people.county[:, year]
    pm25 = np.array([max(p.pm25 + p.trend * min(year, model.people.years), 4.0) for p in places])
    move = model.people.activity
    tunnel, stenosis = state.onset["carpal_tunnel"], state.onset["spinal_stenosis"]
    fall = model.body.falling_hemoglobin
    raised_until = people.fall_begins + fall["years"] + fall["years_after"]
    falling = (now >= people.fall_begins) & (now < raised_until)
    bmi_5 = (seen["bmi"] - 28.0) / 5.0
    on = state.is_on
    found = {
        "age_decades": (people.age + now - 55.0) / 10.0,
        "female": people.female,
        "current_smoker": state.smoking == CURRENT,
        "former_smoker": state.smoking == FORMER,
        "pack_years_10": np.minimum(state.pack_years, 60.0) / 10.0,
        "bmi_5": bmi_5,
        "bmi_5_insulin_resistant": np.where(people.insulin_deficient, 0.0, bmi_5),
        "sbp_20": (seen["sbp"] - 125.0) / 20.0,
        "non_hdl_40": (seen["total_cholesterol"] - seen["hdl"] - 145.0) / 40.0,
        "low_hdl_10": (52.0 - seen["hdl"]) / 10.0,
        "hba1c_half": (np.minimum(seen["hba1c"], 6.4) - 5.5) / 0.5,
        "low_egfr_15": np.maximum(90.0 - seen["egfr"], 0.0) / 15.0,
        "log_uacr": seen["log_uacr"] - 2.3,
        "hemoglobin_fall": falling,
        "pm25_5": (pm25[county] - 11.0) / 5.0,
        "deprivation": np.array([p.deprivation for p in places])[county] - 0.5,
        "alcohol_10": np.clip((people.alcohol - 4.0) / 10.0, None, 4.0),
        "inactive": (move["log_mean"] - np.log(people.activity)) / move["log_sd"],
        "frailty": people.frailty,
        "cvd": state.has_cvd(),
        "carpal_tunnel": (tunnel <= now) & (tunnel > now - STEP_OF_TRAJECTORY_YEARS),
        "carpal_tunnel_then_stenosis": (tunnel < stenosis)
        & (stenosis <= now)
        & (stenosis > now - STEP_OF_TRAJECTORY_YEARS),
        "omeprazole_with_sertraline": on["omeprazole"] & on["sertraline"],
        "clopidogrel_works": on["clopidogrel"] * (1.0 - 0.5 * people.loss_of_cyp2c19),
    }
    for illness in ("diabetes", "heart_failure", "atrial_fibrillation", "copd", "lung_cancer",
                    "breast_cancer", "colorectal_cancer", "hip_fracture", "amyloidosis"):  # fmt: skip
        found[illness] = state.has(illness)
    for drug in ("statin", "ace_inhibitor", "sglt2_inhibitor", "anticoagulant"):
        found[drug] = on[drug]
    for name, score in people.polygenic.items():
        found[f"pgs_{name}"] = score
    for name, has in people.family_history.items():
        found[f"family_{name}"] = has
    return {name: np.asarray(value, dtype=np.float64) for name, value in found.items()}


def hazard(illness: str, found: dict[str, np.ndarray], model: Parameters) -> np.ndarray:
    """The yearly hazard, float64[n]: baseline times each ratio to the power of its covariate."""
    said = model.illness[illness]
    log = np.full(len(found["age_decades"]), np.log(said.per_year))
    for name, ratio in said.ratios.items():
        log += np.log(ratio) * found[name]
    return np.minimum(np.exp(log), HIGHEST_HAZARD)
