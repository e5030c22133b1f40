"""Who the people are: what does not change, and what is so on their first day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.simulation import genome

if TYPE_CHECKING:
    from lifecourse.simulation.genome import Genotypes
    from lifecourse.simulation.parameters import Parameters

YEARS_AHEAD = 11
"""Years after the cut for which places are known, so that futures can be lived."""

PERSONAL_EFFECTS = (
    "statin_cholesterol",
    "antihypertensive_sbp",
    "metformin_hba1c",
    "sglt2_hba1c",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """`n` people; arrays are float64[n] unless said otherwise.

    age : years when the records begin
    family, ancestry, county : int64[n]; int64[n]; int64[n, years + YEARS_AHEAD], place in the counties by year
    loss_of_cyp2c19, slco1b1_alleles : int64[n], copies of CYP2C19*2 and SLCO1B1*5
    genotyped : bool[n], whose genome the hospital has
    polygenic : standard deviations by score; family_history : bool[n] by illness
    drift : change of a latent quantity per year, by quantity
    frailty : standard normal, told by no record
    insulin_deficient : bool[n], the form that diabetes would take
    fall_begins : years since the records begin at which hemoglobin starts to fall; inf for most
    effect : what a treatment does to this person, by name
    visit_rate : visits per year before illness adds to them
    never_written : bool[n] by illness, whether no one ever writes it down
    """

    n: int
    first: int
    age: np.ndarray
    female: np.ndarray
    ancestry: np.ndarray
    family: np.ndarray
    county: np.ndarray
    genotypes: Genotypes
    polygenic: dict[str, np.ndarray]
    loss_of_cyp2c19: np.ndarray
    slco1b1_alleles: np.ndarray
    genotyped: np.ndarray
    family_history: dict[str, np.ndarray]
    start: dict[str, np.ndarray]
    drift: dict[str, np.ndarray]
    smokes: np.ndarray
    packs_per_day: np.ndarray
    alcohol: np.ndarray
    activity: np.ndarray
    frailty: np.ndarray
    insulin_deficient: np.ndarray
    fall_begins: np.ndarray
    effect: dict[str, np.ndarray]
    visit_rate: np.ndarray
    never_written: dict[str, np.ndarray]

    def take(self, rows: np.ndarray) -> People:
        """These people only; `rows` are places."""
        picked = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                picked[name] = value[rows]
            elif isinstance(value, dict):
                picked[name] = {key: array[rows] for key, array in value.items()}
            else:
                picked[name] = value
        picked["genotypes"] = genome.Genotypes(
            pharmacogenes=self.genotypes.pharmacogenes[rows],
            polygenic=self.genotypes.polygenic[:0],
        )
        picked["n"] = len(rows)
        return People(**picked)


def born(n: int, first: int, model: Parameters, rng: np.random.Generator) -> People:
    """`n` people numbered from `first`."""
    said = model.people
    sibling_of = _siblings(n, said.siblings, rng)
    ancestry = _choose(list(said.ancestries.values()), n, rng)
    ancestry = np.where(sibling_of >= 0, ancestry[sibling_of], ancestry)
    genotypes = genome.inherit(ancestry, sibling_of, model, rng)
    polygenic = genome.scores(genotypes, model.genes)
    female = rng.random(n) < said.female
    age = rng.uniform(*said.ages, n)
    county = _places(n, sibling_of, model, rng)
    deprivation = np.array([c.deprivation for c in model.places.counties])[county[:, 0]]
    start, drift = _bodies(age, female, deprivation, model, rng)
    alcohol, activity = _habits(age, female, model, rng)
    visits = model.care.visits
    personal = {}
    for name in PERSONAL_EFFECTS:
        spread = model.body.effects[name]
        assert isinstance(spread, dict)  # noqa: S101 -- the file's form
        personal[name] = rng.normal(spread["mean"], spread["sd"], n)
    falls = rng.random(n) < model.body.falling_hemoglobin["share"]
    begins = rng.uniform(-said.years_before, said.years + YEARS_AHEAD, n)
    return People(
        n=n,
        first=first,
        age=age,
        female=female,
        ancestry=ancestry,
        family=first + np.where(sibling_of >= 0, sibling_of, np.arange(n)),
        county=county,
        genotypes=genotypes,
        polygenic=polygenic,
        loss_of_cyp2c19=genome.dosage(genotypes, "rs4244285", model.genes),
        slco1b1_alleles=genome.dosage(genotypes, "rs4149056", model.genes),
        genotyped=rng.random(n) < model.genes.effects["genotyped"],
        family_history=_family_history(polygenic, n, model, rng),
        start=start,
        drift=drift,
        smokes=_smoking(deprivation, model, rng),
        packs_per_day=np.maximum(
            rng.normal(said.smoking.packs_per_day["mean"], said.smoking.packs_per_day["sd"], n), 0.1
        ),
        alcohol=alcohol,
        activity=activity,
        frailty=rng.normal(0.0, said.frailty["sd"], n),
        insulin_deficient=rng.random(n) < float(model.planted["subtype"]["share"]),
        fall_begins=np.where(falls, begins, np.inf),
        effect=personal,
        visit_rate=visits["per_year"]
        * rng.gamma(visits["shape"], 1.0 / visits["shape"], n)
        * np.where(female, visits["female"], 1.0)
        * visits["deprivation"] ** (deprivation - 0.5),
        never_written={
            name: rng.random(n) < model.care.never_written for name in sorted(model.illness)
        },
    )


def _choose(shares: list[float], n: int, rng: np.random.Generator) -> np.ndarray:
    edges = np.cumsum(shares)
    return np.searchsorted(edges / edges[-1], rng.random(n), side="right")


def _siblings(n: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Places of elder siblings: people who come as a pair follow each other."""
    sibling_of = np.full(n, -1)
    second = np.arange(1, n, 2)
    paired = rng.random(len(second)) < share
    sibling_of[second[paired]] = second[paired] - 1
    return sibling_of


def _places(
    n: int, sibling_of: np.ndarray, model: Parameters, rng: np.random.Generator
) -> np.ndarray:
    weights = [county.weight for county in model.places.counties]
    years = model.people.years + YEARS_AHEAD
    county = np.empty((n, years), dtype=np.int64)
    county[:, 0] = _choose(weights, n, rng)
    county[:, 0] = np.where(sibling_of >= 0, county[sibling_of, 0], county[:, 0])
    for year in range(1, years):
        moves = (rng.random(n) < model.people.moves_per_year) & (year < model.people.years)
        county[:, year] = np.where(moves, _choose(weights, n, rng), county[:, year - 1])
    return county


def _bodies(
    age: np.ndarray,
    female: np.ndarray,
    deprivation: np.ndarray,
    model: Parameters,
    rng: np.random.Generator,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Latent quantities on the first day of life under care, and their drifts."""
    start: dict[str, np.ndarray] = {}
    drift: dict[str, np.ndarray] = {}
    before = model.people.years_before
    for name, said in model.body.quantities.items():
        mean = said.mean + said.age * (age - before - 50.0) + said.female * female
        has_bmi = "bmi" in start
        mean += said.per_bmi * (start["bmi"] - 28.0) if has_bmi else 2.0 * (deprivation - 0.5)
        start[name] = np.clip(mean + rng.normal(0.0, said.sd, len(age)), said.low, said.high)
        drift[name] = rng.normal(said.drift, said.drift_sd, len(age))
    return start, drift


def _smoking(deprivation: np.ndarray, model: Parameters, rng: np.random.Generator) -> np.ndarray:
    """0 never, 1 former, 2 current, int8[n]."""
    said = model.people.smoking
    odds = said.current / (1.0 - said.current) * said.deprivation_odds ** (deprivation - 0.5)
    current = odds / (1.0 + odds)
    drawn = rng.random(len(deprivation))
    return np.select([drawn < current, drawn < current + said.former], [2, 1], 0).astype(np.int8)


def _habits(
    age: np.ndarray, female: np.ndarray, model: Parameters, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Drinks a week, and minutes of activity a week."""
    drink, move = model.people.alcohol, model.people.activity
    drinks = np.expm1(rng.normal(drink["log_mean"] + drink["male"] * ~female, drink["log_sd"]))
    mean = move["log_mean"] + move["per_year_of_age"] * (age - 50.0)
    return np.clip(drinks, 0.0, 60.0), np.exp(rng.normal(mean, move["log_sd"]))


def _family_history(
    polygenic: dict[str, np.ndarray], n: int, model: Parameters, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Whether a first-degree relative had it: half of what raises the person's own risk is theirs too."""
    found = {}
    for name, share in model.people.family_history.items():
        odds = share / (1.0 - share) * np.exp(0.4 * polygenic.get(name, np.zeros(n)))
        found[name] = rng.random(n) < odds / (1.0 + odds)
    return found
