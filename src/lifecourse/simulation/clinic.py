"""Care: who comes, what is measured, what is written down, what is started and stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.simulation.life import ADMITTED, QUARTER
from lifecourse.simulation.state import CURRENT, DRUGS, MEASURED, NEVER, under_treatment

if TYPE_CHECKING:
    from lifecourse.simulation.parameters import Parameters
    from lifecourse.simulation.population import People
    from lifecourse.simulation.state import State

CHRONIC = ("diabetes", "ckd", "atrial_fibrillation", "copd", "heart_failure", "hypertension")
CANCERS = ("lung_cancer", "breast_cancer", "colorectal_cancer")
OF_TEST = {
    "lipids": ("total_cholesterol", "hdl"),
    "hba1c": ("hba1c",),
    "kidney": ("egfr",),
    "uacr": ("log_uacr",),
    "blood_count": ("hemoglobin",),
}
VITALS = ("bmi", "sbp")
SGLT2_FROM = 3.0
"""Years since the records begin at which SGLT2 inhibitors can be had."""
VARENICLINE_QUARTERS = 2
EVERYONE = slice(None)
Forced = Mapping[str, tuple[np.ndarray | slice, bool]]
"""By drug: the places of the people whom it is about (int64 or bool; EVERYONE), and whether they take it."""


@dataclass(slots=True, kw_only=True)
class Visits:
    """The visits of a quarter.

    person : int64[v], places; moment : float64[v], years since the records begin
    measured : float64[v] by quantity, NaN where it was not measured
    asked : bool[v] by subject; smoking : int8[v], as it was
    written : (places into `person`, illness) first written down here
    taking : bool[v] by drug, after the visit
    """

    person: np.ndarray
    moment: np.ndarray
    measured: dict[str, np.ndarray]
    asked: dict[str, np.ndarray]
    smoking: np.ndarray
    written: list[tuple[np.ndarray, str]]
    taking: dict[str, np.ndarray]


def joined(visits: list[Visits]) -> Visits:
    """The visits of several quarters as one table."""
    starts = np.cumsum([0, *(len(v.person) for v in visits)])
    written: dict[str, list[np.ndarray]] = {}
    for start, quarter in zip(starts, visits, strict=False):
        for here, illness in quarter.written:
            written.setdefault(illness, []).append(here + start)

    def columns(name: str) -> dict[str, np.ndarray]:
        keys = getattr(visits[0], name)
        return {key: np.concatenate([getattr(v, name)[key] for v in visits]) for key in keys}

    return Visits(
        person=np.concatenate([v.person for v in visits]),
        moment=np.concatenate([v.moment for v in visits]),
        measured=columns("measured"),
        asked=columns("asked"),
        smoking=np.concatenate([v.smoking for v in visits]),
        written=[(np.concatenate(places), illness) for illness, places in written.items()],
        taking=columns("taking"),
    )


def see_people(
    people: People,
    state: State,
    model: Parameters,
    rng: np.random.Generator,
    forced: Forced,
) -> Visits:
    """The visits of the quarter that just passed; `state` learns what was seen, written and begun.

    `forced` holds drugs that some take or do not take, whatever care decides.
    """
    ill = state.has_cvd()
    for name in CHRONIC:
        ill |= state.known[name] <= state.years
    rate = people.visit_rate * np.where(ill, model.care.visits["chronic"], 1.0)
    moment = state.years - QUARTER * rng.random(people.n)
    comes = (rng.random(people.n) < -np.expm1(-QUARTER * rate)) & (state.onset["death"] > moment)
    person = np.flatnonzero(comes)
    measured = _measure(people, state, person, ill[person], model, rng)
    asked = {name: rng.random(len(person)) < share for name, share in model.care.asked.items()}
    written = _write_down(people, state, person, moment[person], model, rng)
    _treat(people, state, person, moment[person], asked["smoking"], model, rng)
    _stop(people, state, model, rng)
    force(state, forced)
    return Visits(
        person=person,
        moment=moment[person],
        measured=measured,
        asked=asked,
        smoking=state.smoking[person].copy(),
        written=written,
        taking={drug: state.is_on[drug][person].copy() for drug in DRUGS},
    )


def force(state: State, forced: Forced) -> None:
    """Put people on drugs, and take them off."""
    for drug, (places, is_taken) in forced.items():
        state.is_on[drug][places] = is_taken


def _measure(
    people: People,
    state: State,
    person: np.ndarray,
    ill: np.ndarray,
    model: Parameters,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    truth = under_treatment(people, state)
    age = people.age[person] + state.years
    reasons = {
        "anyone": np.ones(len(person), dtype=bool),
        "age_40": age >= 40.0,
        "chronic": ill,
        "diabetes": state.known["diabetes"][person] <= state.years,
        "symptoms_of_diabetes": truth["hba1c"][person] >= 6.8,
        "ckd": state.known["ckd"][person] <= state.years,
        "bmi_30": truth["bmi"][person] >= 30.0,
    }
    found = {}
    for test, quantities in (("vitals", VITALS), *OF_TEST.items()):
        chances = model.care.tests.get(test, {"anyone": 1.0})
        chance = sum(added * reasons[reason] for reason, added in chances.items())
        done = rng.random(len(person)) < chance
        for name in quantities:
            noise = rng.normal(0.0, model.body.quantities[name].noise, len(person))
            value = np.where(done, truth[name][person] + noise, np.nan)
            found[name] = value if name == "log_uacr" else np.maximum(value, 3.0)
            state.last_seen[name][person] = np.where(
                done, found[name], state.last_seen[name][person]
            )
    return found


def _write_down(
    people: People,
    state: State,
    person: np.ndarray,
    moment: np.ndarray,
    model: Parameters,
    rng: np.random.Generator,
) -> list[tuple[np.ndarray, str]]:
    chances, written = model.care.recorded, []
    for illness in state.known:
        if illness in ADMITTED and illness != "heart_failure":
            continue
        noticed = state.onset[illness][person] <= moment
        noticed &= state.known[illness][person] == NEVER
        noticed &= _evidence(illness, state, person)
        if illness in people.never_written:
            noticed &= ~people.never_written[illness][person]
        chance = (
            chances["admission"] if illness in CANCERS else chances.get(illness, chances["other"])
        )
        here = np.flatnonzero(noticed & (rng.random(len(person)) < chance))
        state.known[illness][person[here]] = moment[here]
        if illness != "kidney_fall" and len(here):
            written.append((here, illness))
    return written


def _evidence(illness: str, state: State, person: np.ndarray) -> np.ndarray:
    """Whether a doctor could know: some illness shows only in a test."""
    seen = state.last_seen
    if illness == "diabetes":
        return seen["hba1c"][person] >= 6.3  # NaN compares false: not tested, not known
    if illness == "ckd":
        return seen["egfr"][person] < 62.0
    if illness == "hypertension":
        return seen["sbp"][person] >= 136.0
    return np.ones(len(person), dtype=bool)


def _treat(
    people: People,
    state: State,
    person: np.ndarray,
    moment: np.ndarray,
    asked_smoking: np.ndarray,
    model: Parameters,
    rng: np.random.Generator,
) -> None:
    known = {name: when[person] <= moment for name, when in state.known.items()}
    seen = {name: state.last_seen[name][person] for name in MEASURED}
    age = people.age[person] + moment
    vascular = (state.onset["myocardial_infarction"][person] <= moment) | (
        state.onset["stroke"][person] <= moment
    )
    indicated = {
        "statin": vascular
        | (known["diabetes"] & (age >= 40.0))
        | (seen["total_cholesterol"] >= 240.0),
        "ace_inhibitor": known["hypertension"] | (known["ckd"] & known["diabetes"]),
        "amlodipine": state.is_on["ace_inhibitor"][person] & (seen["sbp"] >= 140.0),
        "metformin": known["diabetes"] & ~(seen["egfr"] < 45.0),
        "sglt2_inhibitor": known["diabetes"]
        & (known["ckd"] | known["heart_failure"] | (seen["hba1c"] >= 7.5))
        & (state.years >= SGLT2_FROM),
        "anticoagulant": known["atrial_fibrillation"]
        & ((age >= 65.0) | vascular | known["diabetes"]),
        "clopidogrel": vascular,
        "varenicline": asked_smoking & (state.smoking[person] == CURRENT),
        "sertraline": known["depression"] | known["anxiety"],
        "omeprazole": known["reflux"],
    }
    for drug in DRUGS:
        starts = indicated[drug] & ~state.is_on[drug][person] & ~state.barred[drug][person]
        starts &= rng.random(len(person)) < model.care.started[drug]
        who = person[starts]
        state.is_on[drug][who] = True
        state.since[drug][who] = moment[starts]


def _stop(people: People, state: State, model: Parameters, rng: np.random.Generator) -> None:
    """Some stop without a reason; a statin stops for good when it harms muscle; varenicline is a course."""
    stops = -np.expm1(-QUARTER * model.care.stopped_per_year)
    for drug in DRUGS:
        state.is_on[drug] &= rng.random(people.n) >= stops
    state.is_on["varenicline"] &= (
        state.since["varenicline"] > state.years - VARENICLINE_QUARTERS * QUARTER
    )
    said = model.genes.effects["statin_myopathy_per_year"]
    rate = said["per_year"] * said["per_allele"] ** people.slco1b1_alleles
    harmed = state.is_on["statin"] & (rng.random(people.n) < -np.expm1(-QUARTER * rate))
    harmed &= state.alive
    state.is_on["statin"] &= ~harmed
    state.barred["statin"] |= harmed
    fresh = harmed & (state.onset["statin_myopathy"] == NEVER)
    state.onset["statin_myopathy"][fresh] = state.years
