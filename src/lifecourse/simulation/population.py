"""Lives: latent quantities, events with hazards that depend on them, and care that looks, decides and treats.

Time runs in quarters. Within a quarter a person may visit once; what is measured then has noise; treatment begun there
works from the next quarter on. Events happen with chance 1 - exp(-hazard / 4) at a uniform moment of the quarter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lifecourse.simulation.parameters import Parameters

STEPS_PER_YEAR = 4
NEVER = np.inf
CARDIOVASCULAR = ("myocardial_infarction", "stroke", "heart_failure")
TREATMENTS = ("statin", "lisinopril", "amlodipine", "metformin", "empagliflozin", "anticoagulant")
DIAGNOSES = ("diabetes", "hypertension", "ckd", "atrial_fibrillation")
MEASURED = ("bmi", "sbp", "total_cholesterol", "hdl", "hba1c", "egfr")
SMOKING = ("never", "former", "current")
DAYS_PER_YEAR = 365.25


@dataclass(slots=True, kw_only=True)
class Lives:
    """`n` people; times are years since the start, `NEVER` where something does not happen.

    onset : first occurrence by outcome, float64[n]
    admissions : (person, time, reason) of stays in hospital
    known, treated : when a diagnosis was recorded and a treatment begun, float64[n]
    visited : bool[n, steps]; measured : float64[n, steps] by quantity, valid where visited
    """

    n: int
    age: np.ndarray
    female: np.ndarray
    smoking: np.ndarray
    start: dict[str, np.ndarray]
    drift: dict[str, np.ndarray]
    onset: dict[str, np.ndarray]
    known: dict[str, np.ndarray]
    treated: dict[str, np.ndarray]
    visited: np.ndarray
    visit_time: np.ndarray
    measured: dict[str, np.ndarray]
    admissions: list[tuple[np.ndarray, np.ndarray, str]] = field(default_factory=list)

    @property
    def death(self) -> np.ndarray:
        """When each dies, float64[n]."""
        return self.onset["death"]


def live(n: int, model: Parameters, rng: np.random.Generator) -> Lives:
    """`n` lives over `model.years` years."""
    lives = _born(n, model, rng)
    for step in range(model.years * STEPS_PER_YEAR):
        _live_a_quarter(lives, step, model, rng)
    for onset in lives.onset.values():
        onset[onset > lives.death] = NEVER
    return lives


def latent(lives: Lives, years: float, model: Parameters) -> dict[str, np.ndarray]:
    """The true quantities at `years` since the start, under the treatment there is then."""
    found = {name: lives.start[name] + lives.drift[name] * years for name in MEASURED}
    effects = model.effects
    since = np.maximum(years - lives.onset["diabetes"], 0.0)
    diabetic = lives.onset["diabetes"] <= years

    def on(name: str) -> np.ndarray:
        return lives.treated[name] <= years

    found["hba1c"] = found["hba1c"] + np.where(
        diabetic, effects["diabetes_hba1c"] + effects["diabetes_hba1c_per_year"] * since, 0.0
    )
    found["hba1c"] = found["hba1c"] + np.where(on("metformin"), effects["metformin_hba1c"], 0.0)
    lowered = on("lisinopril").astype(float) + on("amlodipine")
    found["sbp"] = found["sbp"] + effects["antihypertensive_sbp"] * lowered
    found["total_cholesterol"] = found["total_cholesterol"] * np.where(
        on("statin"), effects["statin_total_cholesterol"], 1.0
    )
    found["egfr"] = found["egfr"] + np.where(
        diabetic, effects["diabetes_egfr_per_year"] * since, 0.0
    )
    return {
        name: np.clip(value, model.start[name].low * 0.7, model.start[name].high * 1.5)
        if name != "hba1c"
        else np.clip(value, 4.0, 14.0)
        for name, value in found.items()
    }


def covariates(
    lives: Lives,
    years: float,
    values: dict[str, np.ndarray],
    *,
    diabetes: np.ndarray,
    cvd: np.ndarray,
    treated_at: float | None = None,
) -> dict[str, np.ndarray]:
    """What the hazards' ratios are per unit of, float64[n] each.

    `treated_at` holds treatment and atrial fibrillation as they were then.
    """
    at = years if treated_at is None else treated_at
    return {
        "age_decades": (lives.age + years - 50.0) / 10.0,
        "male": ~lives.female * 1.0,
        "smoker": (lives.smoking == SMOKING.index("current")) * 1.0,
        "bmi_5": (values["bmi"] - 28.0) / 5.0,
        "sbp_20": (values["sbp"] - 125.0) / 20.0,
        "non_hdl_40": (values["total_cholesterol"] - values["hdl"] - 142.0) / 40.0,
        "hba1c_half": (np.minimum(values["hba1c"], 6.4) - 5.45) / 0.5,
        "low_egfr_15": np.maximum(90.0 - values["egfr"], 0.0) / 15.0,
        "diabetes": diabetes * 1.0,
        "cvd": cvd * 1.0,
        "af": (lives.onset["atrial_fibrillation"] <= at) * 1.0,
        "statin": (lives.treated["statin"] <= at) * 1.0,
        "anticoagulant": (lives.treated["anticoagulant"] <= at) * 1.0,
    }


def hazard(outcome: str, found: dict[str, np.ndarray], model: Parameters) -> np.ndarray:
    """The yearly hazard of `outcome`, float64[n]."""
    spec = model.hazards[outcome]
    log = sum(np.log(ratio) * found[name] for name, ratio in spec.ratios.items())
    return np.minimum(spec.per_year * np.exp(log), 3.0)


def has_cvd(lives: Lives, years: float) -> np.ndarray:
    """Who has had any cardiovascular event by then, bool[n]."""
    return np.any([lives.onset[name] <= years for name in CARDIOVASCULAR], axis=0)


def _born(n: int, model: Parameters, rng: np.random.Generator) -> Lives:
    age = rng.uniform(*model.ages, n)
    start, drift = {}, {}
    for name in MEASURED:
        spec = model.start[name]
        mean = spec.mean + spec.per_year_of_age * (age - 50.0)
        start[name] = np.clip(rng.normal(mean, spec.sd), spec.low, spec.high)
        drift[name] = rng.normal(spec.drift, spec.drift_sd, n)
    shares = np.cumsum([model.smoking[kind] for kind in SMOKING])
    steps = model.years * STEPS_PER_YEAR
    lives = Lives(
        n=n,
        age=age,
        female=rng.random(n) < model.female,
        smoking=np.searchsorted(shares / shares[-1], rng.random(n), side="right"),
        start=start,
        drift=drift,
        onset={name: np.full(n, NEVER) for name in model.hazards},
        known={name: np.full(n, NEVER) for name in DIAGNOSES},
        treated={name: np.full(n, NEVER) for name in TREATMENTS},
        visited=np.zeros((n, steps), dtype=bool),
        visit_time=np.zeros((n, steps)),
        measured={name: np.full((n, steps), np.nan) for name in MEASURED},
    )
    # Some come with diabetes already: one in ten, more with age (CDC National Diabetes Statistics Report).
    lives.onset["diabetes"][rng.random(n) < 0.10 * np.exp(0.02 * (age - 50.0))] = 0.0
    return lives


def _live_a_quarter(lives: Lives, step: int, model: Parameters, rng: np.random.Generator) -> None:
    years = step / STEPS_PER_YEAR
    values = latent(lives, years, model)
    alive = lives.death > years
    _happen(lives, years, values, alive, model, rng)
    ill = has_cvd(lives, years) | (lives.onset["diabetes"] <= years)
    chance = 1.0 - np.exp(-model.visits_per_year * np.where(ill, 1.6, 1.0) / STEPS_PER_YEAR)
    lives.visit_time[:, step] = years + rng.random(lives.n) / STEPS_PER_YEAR
    visited = (rng.random(lives.n) < chance) & (lives.death > lives.visit_time[:, step])
    lives.visited[:, step] = visited
    for name in MEASURED:
        seen = values[name] + rng.normal(0.0, model.noise[name], lives.n)
        lives.measured[name][:, step] = np.maximum(seen, 3.0)
    _decide(lives, step, visited, model, rng)


def _happen(
    lives: Lives,
    years: float,
    values: dict[str, np.ndarray],
    alive: np.ndarray,
    model: Parameters,
    rng: np.random.Generator,
) -> None:
    found = covariates(
        lives, years, values, diabetes=lives.onset["diabetes"] <= years, cvd=has_cvd(lives, years)
    )
    for outcome in model.hazards:
        chance = 1.0 - np.exp(-hazard(outcome, found, model) / STEPS_PER_YEAR)
        struck = (rng.random(lives.n) < chance) & alive
        moment = years + rng.random(lives.n) / STEPS_PER_YEAR
        first = struck & (lives.onset[outcome] == NEVER)
        lives.onset[outcome][first] = moment[first]
        if outcome in (*CARDIOVASCULAR, "pneumonia"):
            who = np.flatnonzero(struck)
            lives.admissions.append((who, moment[who], outcome))


def _decide(
    lives: Lives, step: int, visited: np.ndarray, model: Parameters, rng: np.random.Generator
) -> None:
    """What the doctor sees at the visit, writes down and starts, each with its chance."""
    now = lives.visit_time[:, step]
    seen = {name: values[:, step] for name, values in lives.measured.items()}
    age = lives.age + now
    signs = {
        "diabetes": (seen["hba1c"] >= 6.5) & (lives.onset["diabetes"] <= now),
        "hypertension": seen["sbp"] >= 140.0,
        "ckd": seen["egfr"] < 60.0,
        "atrial_fibrillation": lives.onset["atrial_fibrillation"] <= now,
    }
    for name, sign in signs.items():
        noted = visited & sign & (lives.known[name] == NEVER)
        noted &= rng.random(lives.n) < model.care["diagnose"]
        lives.known[name][noted] = now[noted]
    known = {name: when <= now for name, when in lives.known.items()}
    ill = has_cvd(lives, step / STEPS_PER_YEAR)
    indicated = {
        "statin": ill | (known["diabetes"] & (age >= 40)) | (seen["total_cholesterol"] >= 260),
        "lisinopril": known["hypertension"] | (known["ckd"] & known["diabetes"]),
        "amlodipine": (lives.treated["lisinopril"] < now) & (seen["sbp"] >= 145),
        "metformin": known["diabetes"] & (seen["egfr"] >= 45),
        "empagliflozin": known["diabetes"] & (known["ckd"] | (seen["hba1c"] >= 8.0)),
        "anticoagulant": known["atrial_fibrillation"] & (age >= 65),
    }
    for name, wanted in indicated.items():
        begun = visited & wanted & (lives.treated[name] == NEVER)
        begun &= rng.random(lives.n) < model.care["treat"]
        lives.treated[name][begun] = now[begun]
