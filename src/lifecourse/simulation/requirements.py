"""What the hospital must be like, so that it does not flatter what is tried on it; measured, not claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from lifecourse.base.errors import UserError
from lifecourse.simulation.futures import LANDMARK_YEARS, MAIN_OUTCOMES, has_had, true_risks
from lifecourse.simulation.history import live
from lifecourse.simulation.observed import is_recorded
from lifecourse.simulation.oracle import ORACLES_SEED_STEP, learn_oracle
from lifecourse.simulation.parameters import parameters
from lifecourse.simulation.truth import first_onset

if TYPE_CHECKING:
    from lifecourse.simulation.history import History
    from lifecourse.simulation.oracle import RecordsOracle
    from lifecourse.simulation.parameters import Parameters

HORIZON = 5
FUTURES = 4
BLOCK = 10_000
ORACLE_AUROC = (0.72, 0.88)
LARGEST_AGE_SEX_SHARE = 0.65
LEAST_UNTESTED = 0.30
LEAST_UNCODED = 0.10
UNTESTED_YEARS = 2.0
CODED_ILLNESSES = ("diabetes", "hypertension", "ckd", "atrial_fibrillation", "copd", "depression")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One thing promised of the hospital: `value` measured on `people`, and whether it lies in [`low`, `high`]."""

    name: str
    value: float
    low: float
    high: float

    @property
    def is_kept(self) -> bool:
        """Whether the value lies within the bounds."""
        return self.low <= self.value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrimination:
    """Of one outcome within `HORIZON` years of the landmark, among those free of it: AUROCs."""

    outcome: str
    people: int
    events: int
    latent: float
    records: float
    age_sex: float

    @property
    def age_sex_share(self) -> float:
        """Of the records oracle's gain over chance, what age and sex alone reach."""
        return (self.age_sex - 0.5) / (self.records - 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalReport:
    """Requirements and what they rest on, for `people` of `seed`."""

    people: int
    seed: int
    requirements: tuple[Requirement, ...]
    discriminations: tuple[Discrimination, ...]

    @property
    def is_kept(self) -> bool:
        """Whether every requirement is."""
        return all(each.is_kept for each in self.requirements)


def check_hospital(people: int, seed: int) -> HospitalReport:
    """Live `people` lives (rounded up to whole blocks of 10,000) and measure every requirement on them.

    The oracle learns from as many others, of a seed of their own.

    Raises
    ------
    UserError
        Nobody to measure it on.
    """
    if people < 1:
        raise UserError("a report needs at least 1 subject; 50,000 give narrow answers.")
    model = parameters()
    landmark = float(model.people.years - LANDMARK_YEARS)
    oracle = learn_oracle(
        people, seed + ORACLES_SEED_STEP, model, horizons=(HORIZON,), futures=FUTURES
    )
    blocks = [
        _judge(number, seed, landmark, oracle, model) for number in range(-(-people // BLOCK))
    ]
    discriminations = tuple(
        _discrimination(outcome, [scored for scored, _, _ in blocks]) for outcome in MAIN_OUTCOMES
    )
    requirements = [_share("people without lipids in two years", [u[0] for _, u, _ in blocks])]
    requirements.append(_share("people without HbA1c in two years", [u[1] for _, u, _ in blocks]))
    for illness in CODED_ILLNESSES:
        missed = np.concatenate([codes[illness] for _, _, codes in blocks])
        requirements.append(
            Requirement(
                name=f"true {illness} that no code tells",
                value=float(missed.mean()),
                low=LEAST_UNCODED,
                high=1.0,
            )
        )
    for each in discriminations:
        low, high = ORACLE_AUROC
        requirements.append(
            Requirement(
                name=f"{each.outcome}: oracle AUROC", value=each.records, low=low, high=high
            )
        )
        requirements.append(
            Requirement(
                name=f"{each.outcome}: age and sex, share of the oracle's gain",
                value=each.age_sex_share,
                low=-1.0,
                high=LARGEST_AGE_SEX_SHARE,
            )
        )
        requirements.append(
            Requirement(
                name=f"{each.outcome}: gain that no record tells",
                value=each.latent - each.records,
                low=0.005,
                high=0.5,
            )
        )
    return HospitalReport(
        people=len(blocks) * BLOCK,
        seed=seed,
        requirements=tuple(requirements),
        discriminations=discriminations,
    )


def _share(name: str, parts: list[np.ndarray]) -> Requirement:
    value = float(np.concatenate(parts).mean())
    return Requirement(name=name, value=value, low=LEAST_UNTESTED, high=1.0)


Scores = dict[str, np.ndarray]


def _judge(
    number: int, seed: int, landmark: float, oracle: RecordsOracle, model: Parameters
) -> tuple[dict[str, Scores], tuple[np.ndarray, np.ndarray], dict[str, np.ndarray]]:
    """Of a block: scores and outcomes of those at risk, who went untested, and which true illness has no code."""
    rng = np.random.default_rng([seed, number, 1])
    history = live(BLOCK, 1 + number * BLOCK, model, rng, landmarks=(landmark,))
    people, state = history.people, history.snapshots[landmark]
    true = true_risks(people, state, model, rng, futures=FUTURES, horizons=(HORIZON,))
    attainable = oracle.risks(history, landmark, model)
    scored = {}
    for outcome in MAIN_OUTCOMES:
        # As a model of the records would be judged: without those in whom the records show it already.
        here = state.alive & ~has_had(state, outcome) & ~is_recorded(history, outcome, landmark)
        scored[outcome] = {
            "event": (first_onset(history, outcome) <= landmark + HORIZON)[here],
            "latent": true[(outcome, HORIZON)][here],
            "records": attainable[(outcome, HORIZON)][here],
            "age": people.age[here],
            "female": people.female[here].astype(float),
        }
    return scored, _untested(history, model), _uncoded(history)


def _untested(history: History, model: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """bool[alive at the cut] each: without lipids, without HbA1c, in the last two years."""
    visits, years = history.visits, float(model.people.years)
    alive = history.state.alive
    late = visits.moment >= years - UNTESTED_YEARS
    found = []
    for quantity in ("total_cholesterol", "hba1c"):
        tested = visits.person[late & ~np.isnan(visits.measured[quantity])]
        found.append((np.bincount(tested, minlength=history.people.n) == 0)[alive])
    return found[0], found[1]


def _uncoded(history: History) -> dict[str, np.ndarray]:
    """bool[of those who have it at the cut], by illness: whether the records never say so."""
    state = history.state
    return {
        illness: (state.known[illness] > state.years)[state.alive & state.has(illness)]
        for illness in CODED_ILLNESSES
    }


def _discrimination(outcome: str, blocks: list[dict[str, Scores]]) -> Discrimination:
    scores = {
        name: np.concatenate([block[outcome][name] for block in blocks])
        for name in blocks[0][outcome]
    }
    event = scores["event"]
    decades = (scores["age"] - 50.0) / 10.0
    known = np.column_stack([decades, decades**2, scores["female"], decades * scores["female"]])
    first = np.arange(len(event)) % 2 == 0
    fitted = LogisticRegression(C=100.0, max_iter=500).fit(known[first], event[first])
    return Discrimination(
        outcome=outcome,
        people=len(event),
        events=int(event.sum()),
        latent=_expected_area(scores["latent"], scores["latent"]),
        records=_expected_area(scores["latent"], scores["records"]),
        age_sex=_expected_area(scores["latent"][~first], fitted.predict_proba(known[~first])[:, 1]),
    )


def _expected_area(true_risk: np.ndarray, score: np.ndarray) -> float:
    """The AUROC in expectation: each is an event with the true risk, and none with the rest.

    Of what happened to 50,000 people it differs by chance: the share of age and sex for atrial fibrillation was 0.54
    and 0.68 of two times 1,200 events, and 0.585 and 0.589 of the true risks of the same people.
    """
    chance = np.clip(true_risk, 0.0, 1.0)
    both = np.repeat([True, False], len(score))
    weight = np.concatenate([chance, 1.0 - chance])
    return float(roc_auc_score(both, np.tile(score, 2), sample_weight=weight))
