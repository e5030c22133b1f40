"""The records oracle: the true risk, averaged over everything that the records do not show.

That average, E[true risk | records], is what no model of these records can beat. The true risk of many people is known
here without noise, so the average is found by regression of the true risk on all that the records show, with people of
a seed of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.simulation.futures import HORIZONS, LANDMARK_YEARS, MAIN_OUTCOMES, true_risks
from lifecourse.simulation.history import live
from lifecourse.simulation.observed import GROUPS, is_recorded, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xgboost

    from lifecourse.simulation.history import History
    from lifecourse.simulation.parameters import Parameters

BLOCK = 10_000
ORACLES_SEED_STEP = 1_000_003
"""Between the seed of the people judged and that of the people the oracle learns from."""
ROUNDS, STOPS_AFTER = 600, 20
ABLATION_YEARS = 5
SETTINGS = {
    "objective": "count:poisson",  # a risk is a rate of rare events: the log link holds it above 0
    "eta": 0.06,
    "max_depth": 5,
    "min_child_weight": 0.5,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "max_delta_step": 0.7,
    "nthread": 2,
    "seed": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsOracle:
    """The average true risk given the records, for one landmark.

    without : oracles that do not look at one kind of knowledge, by its name
    """

    names: tuple[str, ...]
    boosters: dict[tuple[str, int], xgboost.Booster]
    without: dict[str, RecordsOracle] = field(default_factory=dict)

    def risks(
        self, history: History, years: float, model: Parameters
    ) -> dict[tuple[str, int], np.ndarray]:
        """Chance of a first event by outcome and horizon, float64[n]."""
        import xgboost  # here: who simulates without an oracle waits for none of it

        found = shown(history, years, model)
        data = xgboost.DMatrix(np.column_stack([found[name] for name in self.names]))
        return {
            key: booster.predict(data).astype(np.float64) for key, booster in self.boosters.items()
        }


def learn_oracle(
    people: int,
    seed: int,
    model: Parameters,
    *,
    outcomes: Sequence[str] = MAIN_OUTCOMES,
    horizons: Sequence[int] = HORIZONS,
    futures: int = 4,
    without: Sequence[str] = (),
) -> RecordsOracle:
    """The oracle at the landmark, from `people` others of `seed`, rounded up to blocks of 10,000.

    `without` names `GROUPS`: for each an oracle is learned that does not look at those columns, five years ahead.

    Those in whom the records show the outcome by then are left out, as a model would; the silent ones stay, with a
    true risk of 0 of a first event.
    """
    years = float(model.people.years - LANDMARK_YEARS)
    rows, risks, free = [], [], []
    for block in range(-(-people // BLOCK)):
        rng = np.random.default_rng([seed, block, ORACLES_OWN])
        history = live(BLOCK, 1, model, rng, landmarks=(years,))
        state = history.snapshots[years]
        alive = np.flatnonzero(state.alive)
        found = shown(history, years, model)
        rows.append(np.column_stack(list(found.values()))[alive])
        names = tuple(found)
        true = true_risks(history.people, state, model, rng, futures=futures, horizons=horizons)
        risks.append({key: value[alive] for key, value in true.items()})
        free.append({o: ~is_recorded(history, o, years)[alive] for o in outcomes})
    table = np.concatenate(rows)
    targets = {
        (outcome, horizon): np.concatenate([part[(outcome, horizon)] for part in risks])
        for outcome in outcomes
        for horizon in horizons
    }
    at_risk = {outcome: np.concatenate([part[outcome] for part in free]) for outcome in outcomes}

    def learned(kept: Sequence[str], at: Sequence[int]) -> RecordsOracle:
        columns = table[:, [names.index(name) for name in kept]]
        boosters = {
            (outcome, horizon): _regress(columns[here], targets[(outcome, horizon)][here])
            for outcome, here in at_risk.items()
            for horizon in at
        }
        return RecordsOracle(names=tuple(kept), boosters=boosters)

    blind = {
        group: learned([n for n in names if not n.startswith(GROUPS[group])], (ABLATION_YEARS,))
        for group in without
    }
    return replace(learned(names, horizons), without=blind)


ORACLES_OWN = 7_919
"""Keeps the oracle's people apart from any that `simulate` makes."""


def _regress(table: np.ndarray, target: np.ndarray) -> xgboost.Booster:
    import xgboost

    held_out = np.arange(len(target)) % 5 == 0
    train = xgboost.DMatrix(table[~held_out], label=target[~held_out])
    judge = xgboost.DMatrix(table[held_out], label=target[held_out])
    return xgboost.train(
        SETTINGS,
        train,
        ROUNDS,
        evals=[(judge, "held_out")],
        early_stopping_rounds=STOPS_AFTER,
        verbose_eval=False,
    )
