"""How people are at a moment: quantities, illness, habits and treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lifecourse.simulation.parameters import Parameters
    from lifecourse.simulation.population import People

NEVER = np.inf
NEVER_SMOKED, FORMER, CURRENT = 0, 1, 2
SMOKING = ("never", "former", "current")
CARDIOVASCULAR = ("myocardial_infarction", "stroke", "heart_failure")
DRUGS = (
    "statin",
    "ace_inhibitor",
    "amlodipine",
    "metformin",
    "sglt2_inhibitor",
    "anticoagulant",
    "clopidogrel",
    "varenicline",
    "sertraline",
    "omeprazole",
)
MEASURED = ("bmi", "sbp", "total_cholesterol", "hdl", "hba1c", "egfr", "log_uacr", "hemoglobin")
DERIVED = ("hypertension", "ckd", "kidney_fall", "statin_myopathy")
HIGH_PRESSURE, LOW_FILTRATION, KIDNEY_FALL = 140.0, 60.0, 0.60


@dataclass(slots=True, kw_only=True)
class State:
    """`n` people now; arrays are float64[n] unless said otherwise, times are years since the records begin.

    years : now
    values : latent quantities without the effect of drugs
    smoking : int8[n], as in SMOKING; pack_years : so far
    onset : first occurrence by illness, NEVER where it has not come
    since, is_on : when a drug was last begun; bool[n]
    barred : bool[n] by drug, not to be given again
    known : when an illness was first written down
    last_seen : the last measurement by quantity, NaN before the first
    baseline_egfr : when the records began, NaN before
    low_since : when an eGFR below 60 that goes on was first so, NEVER where it is not low
    lasting_ckd : when it had been low for three months, for the first time; NEVER where it never was
    """

    years: float
    values: dict[str, np.ndarray]
    smoking: np.ndarray
    pack_years: np.ndarray
    onset: dict[str, np.ndarray]
    since: dict[str, np.ndarray]
    is_on: dict[str, np.ndarray]
    barred: dict[str, np.ndarray]
    known: dict[str, np.ndarray]
    last_seen: dict[str, np.ndarray]
    baseline_egfr: np.ndarray
    low_since: np.ndarray
    lasting_ckd: np.ndarray

    @property
    def alive(self) -> np.ndarray:
        """bool[n], who lives."""
        return self.onset["death"] > self.years

    def has(self, illness: str) -> np.ndarray:
        """bool[n], who has or has had it by now."""
        return self.onset[illness] <= self.years

    def has_cvd(self) -> np.ndarray:
        """bool[n], who has had any cardiovascular event."""
        return (
            self.has(CARDIOVASCULAR[0]) | self.has(CARDIOVASCULAR[1]) | self.has(CARDIOVASCULAR[2])
        )

    def take(self, rows: np.ndarray) -> State:
        """A copy of these people's state; `rows` are places."""
        copied: dict[str, object] = {"years": self.years}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                copied[name] = value[rows]
            elif isinstance(value, dict):
                copied[name] = {key: array[rows] for key, array in value.items()}
        return State(**copied)  # type: ignore[arg-type]  # by name, of the fields' own types


def first_day(people: People, model: Parameters) -> State:
    """How people are when life under care begins, `years_before` the records."""
    n = people.n
    illnesses = (*model.illness, *DERIVED)
    began_at = people.age - model.people.years_before
    smoked_for = np.clip(began_at - 18.0, 0.0, None) * np.where(people.smokes == FORMER, 0.5, 1.0)
    return State(
        years=-float(model.people.years_before),
        values={name: value.copy() for name, value in people.start.items()},
        smoking=people.smokes.copy(),
        pack_years=np.where(people.smokes > NEVER_SMOKED, smoked_for * people.packs_per_day, 0.0),
        onset={name: np.full(n, NEVER) for name in illnesses},
        since={name: np.full(n, NEVER) for name in DRUGS},
        is_on={name: np.zeros(n, dtype=bool) for name in DRUGS},
        barred={name: np.zeros(n, dtype=bool) for name in DRUGS},
        known={name: np.full(n, NEVER) for name in illnesses if name != "death"},
        last_seen={name: np.full(n, np.nan) for name in MEASURED},
        baseline_egfr=np.full(n, np.nan),
        low_since=np.full(n, NEVER),
        lasting_ckd=np.full(n, NEVER),
    )


def under_treatment(people: People, state: State) -> dict[str, np.ndarray]:
    """Latent quantities as they are with the drugs people take: what a perfect measurement would show."""
    found = dict(state.values)
    on, effect = state.is_on, people.effect
    found["total_cholesterol"] = np.where(
        on["statin"],
        found["total_cholesterol"] * effect["statin_cholesterol"],
        found["total_cholesterol"],
    )
    drugs = on["ace_inhibitor"].astype(float) + on["amlodipine"]
    found["sbp"] = np.maximum(found["sbp"] + effect["antihypertensive_sbp"] * drugs, 85.0)
    lowered = (
        effect["metformin_hba1c"] * on["metformin"] + effect["sglt2_hba1c"] * on["sglt2_inhibitor"]
    )
    found["hba1c"] = np.maximum(found["hba1c"] + np.where(state.has("diabetes"), lowered, 0.0), 4.5)
    return found
