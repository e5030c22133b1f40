"""What the records of simulated people show at a moment, as one row of numbers a person.

The oracle conditions on this: all that the hospital wrote down by then, gathered as a careful reader would who knows
the model, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.simulation.futures import COMPOSITE
from lifecourse.simulation.state import CARDIOVASCULAR, DRUGS, NEVER

if TYPE_CHECKING:
    from lifecourse.simulation.clinic import Visits
    from lifecourse.simulation.history import History
    from lifecourse.simulation.parameters import Parameters
    from lifecourse.simulation.population import People

RECENT_YEARS = 2.0
GROUPS = {
    "genes": ("pgs_", "loss_of_cyp2c19"),
    "lifestyle": (
        "smoking.",
        "smoked_ever",
        "alcohol.",
        "activity.",
        "on_varenicline",
        "ever_varenicline",
    ),
    "environment": ("pm25", "deprivation"),
}
"""What the names of the columns of each kind of knowledge start with."""


def shown(history: History, years: float, model: Parameters) -> dict[str, np.ndarray]:
    """Columns of float64[n] at `years` since the records begin; NaN where the records say nothing."""
    people, visits = history.people, history.visits
    past = visits.moment < years
    person, moment = visits.person[past], visits.moment[past]
    columns: dict[str, np.ndarray] = {
        "age": people.age + years,
        "female": people.female.astype(float),
        "visits": np.bincount(person, minlength=people.n).astype(float),
        "visits_recent": np.bincount(
            person[moment > years - RECENT_YEARS], minlength=people.n
        ).astype(float),
    }
    for name, values in visits.measured.items():
        columns |= _of_quantity(name, person, moment, values[past], people.n, years)
    columns |= _of_answers(people, visits, past)
    for name, has in people.family_history.items():
        told = _ever(person[visits.asked["family"][past]], people.n)
        columns[f"family_{name}"] = np.where(told & has, 1.0, 0.0)
    columns |= _of_illness(history, years, model)
    last = _last(person, moment, people.n)
    for drug in DRUGS:
        taking = visits.taking[drug][past]
        columns[f"on_{drug}"] = np.where(last >= 0, taking[last] if len(taking) else 0.0, 0.0)
        columns[f"ever_{drug}"] = _ever(person[taking], people.n).astype(float)
    columns |= _of_places(people, years, model)
    return columns


def _of_quantity(
    name: str, person: np.ndarray, moment: np.ndarray, values: np.ndarray, n: int, years: float
) -> dict[str, np.ndarray]:
    """Number, last, age of the last, mean, and slope per year of the measurements."""
    known = ~np.isnan(values)
    who, when, value = person[known], moment[known] - years, values[known]
    count = np.bincount(who, minlength=n).astype(float)
    last = _last(who, when, n)
    has = last >= 0

    def of_last(array: np.ndarray) -> np.ndarray:
        return np.where(has, array[last], np.nan) if len(array) else np.full(n, np.nan)

    def total(array: np.ndarray) -> np.ndarray:
        return np.bincount(who, weights=array, minlength=n)

    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total(value) / count
        mean_when = total(when) / count
        spread = total(when**2) / count - mean_when**2
        slope = (total(when * value) / count - mean_when * mean) / np.where(
            spread > 0.05, spread, np.nan
        )
    return {
        f"{name}.count": count,
        f"{name}.last": of_last(value),
        f"{name}.since": of_last(-when),
        f"{name}.mean": np.where(has, mean, np.nan),
        f"{name}.slope": slope,
    }


def _of_answers(people: People, visits: Visits, past: np.ndarray) -> dict[str, np.ndarray]:
    found = {}
    for name, value in (
        ("smoking", visits.smoking.astype(float)),
        ("alcohol", people.alcohol[visits.person]),
        ("activity", people.activity[visits.person]),
    ):
        asked = past & visits.asked[name]
        who = visits.person[asked]
        last = _last(who, visits.moment[asked], people.n)
        given = value[asked]
        found[f"{name}.last"] = (
            np.where(last >= 0, given[last], np.nan) if len(given) else np.full(people.n, np.nan)
        )
        if name == "smoking":
            found["smoked_ever"] = _ever(who[given > 0], people.n).astype(float)
    return found


def _of_illness(history: History, years: float, model: Parameters) -> dict[str, np.ndarray]:
    """Years since each illness was first written down, 0 or more; NaN where it never was."""
    found = {}
    for illness, when in history.state.known.items():
        if illness in model.codes:
            found[f"since_{illness}"] = np.where(when < years, years - when, np.nan)
    for who, moments, reason in history.admissions:
        here = moments < years
        first = np.full(history.people.n, NEVER)
        np.minimum.at(first, who[here], moments[here])
        count = np.bincount(who[here], minlength=history.people.n).astype(float)
        found[f"admitted_{reason}"] = count
        found[f"since_{reason}"] = np.where(np.isfinite(first), years - first, np.nan)
    return found


def _of_places(people: People, years: float, model: Parameters) -> dict[str, np.ndarray]:
    county = people.county[:, int(years)]
    genotyped = people.genotyped
    found = {
        "pm25": np.array([c.pm25 + c.trend * years for c in model.places.counties])[county],
        "deprivation": np.array([c.deprivation for c in model.places.counties])[county],
    }
    for name, score in people.polygenic.items():
        found[f"pgs_{name}"] = np.where(genotyped, score, np.nan)
    found["loss_of_cyp2c19"] = np.where(genotyped, people.loss_of_cyp2c19, np.nan)
    return found


def is_recorded(history: History, outcome: str, years: float) -> np.ndarray:
    """bool[n], whether the records show by then that someone has had `outcome`."""
    names = CARDIOVASCULAR if outcome == COMPOSITE else (outcome,)
    found = np.zeros(history.people.n, dtype=bool)
    for name in names:
        known = history.state.known.get(name)
        if known is not None:
            found |= known < years
        for who, moments, reason in history.admissions:
            if reason == name:
                found[who[moments < years]] = True
    return found


def _last(who: np.ndarray, when: np.ndarray, n: int) -> np.ndarray:
    """int64[n], the place of each person's latest row, -1 without one."""
    place = np.full(n, -1)
    place[who[np.argsort(when, kind="stable")]] = np.argsort(when, kind="stable")
    return place


def _ever(who: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(who, minlength=n) > 0
