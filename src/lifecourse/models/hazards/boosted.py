"""The boosted hazard: shallow XGBoost trees with a Poisson loss on person-periods, the baseline as offset.

A row is repeated for each period that it is seen in, so that what a covariate means may change with time; what the
baseline hazard, fine-grained, adds up to within the period is the exposure. Where there are enough events the baseline
is that of who the person is (`lifecourse.models.hazards.start`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.models.hazards.grid import Spans
from lifecourse.models.hazards.incidence import Hazards, mean_rate
from lifecourse.models.hazards.person_periods import (
    MAX_BIN,
    MOST_ROWS,
    PersonPeriods,
    in_periods,
)
from lifecourse.models.hazards.start import Start, places_of
from lifecourse.models.trees import stored_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from scipy import sparse

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.evaluation.followed import Followed

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]
    Integers = npt.NDArray[np.int64]

MOST_ROUNDS, USUAL_ROUNDS, LOOKS_EVERY, STOPS_AFTER = 600, 60, 10, 20
DEPTHS = {1_000: 3, 0: 2}
"""Trees are so deep where there are at least so many events."""
FEW_ROWS = 1_000
"""For so many a second thread costs more than it brings: a person's page asks about one."""
PARAMETERS = {
    "objective": "count:poisson",
    "tree_method": "hist",
    "eta": 0.2,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "min_child_weight": 5,
    "lambda": 5.0,
    "max_bin": MAX_BIN,
    "base_score": 1.0,
    "nthread": 1,
    "seed": 0,
    "seed_per_iteration": True,
    "verbosity": 0,
}
WIDE = 200
FOR_WIDE = {"eta": 0.1, "colsample_bytree": 0.3}
DEPTHS_FOR_WIDE = {5_000: 4, **DEPTHS}
"""Of more columns than `WIDE` each says little: smaller steps, each on fewer of them, foretell better. Where people are
so many that a sample teaches, the time for it is not there."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How deep the trees of a cause are, and how many."""

    depth: int
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostedHazards:
    """Fitted hazards of c causes.

    edges : float64[g + 1] days; rate : float64[c, g]; period : int64[g]; boosters : one a cause
    start : what the trees of each cause add to; None where they started from everyone's hazard
    """

    edges: Floats
    rate: Floats
    period: Integers
    boosters: list[Any]
    start: Start | None = None

    @classmethod
    def fit(
        cls,
        features: FeatureMatrix,
        outcome: Followed,
        rows: Integers,
        *,
        edges: Floats,
        period: Integers,
        growth: Sequence[Growth],
        seed: int = 0,
    ) -> BoostedHazards:
        """The hazards on `rows` of the features, the trees of each cause grown as `growth` says."""
        start, every = _person_periods(
            features, outcome, rows, edges=edges, period=period, n_causes=len(growth), seed=seed
        )
        rates, boosters = [], []
        for periods, grown in zip(every, growth, strict=True):
            booster = _grown(periods, grown)
            rates.append(periods.levelled(booster))
            boosters.append(booster)
        return cls(edges=edges, rate=np.stack(rates), period=period, boosters=boosters, start=start)

    @classmethod
    def from_bytes(cls, document: dict[str, Any], raw: Sequence[bytes]) -> BoostedHazards:
        """What `to_dict` and `to_bytes` gave."""
        import xgboost

        boosters = []
        for one in raw:
            booster = xgboost.Booster(PARAMETERS)
            booster.load_model(bytearray(one))
            boosters.append(booster)
        return cls(
            edges=np.array(document["edges"]),
            rate=np.array(document["rate"]),
            period=np.array(document["period"], dtype=np.int64),
            boosters=boosters,
            start=Start.from_dict(start) if (start := document.get("start")) else None,
        )

    @property
    def rounds(self) -> list[int]:
        """How many trees each cause has."""
        return [booster.num_boosted_rounds() for booster in self.boosters]

    def to_dict(self) -> dict[str, Any]:
        """All but the trees, JSON-ready."""
        return {
            "edges": self.edges.tolist(),
            "rate": self.rate.tolist(),
            "period": self.period.tolist(),
            "start": self.start.to_dict() if self.start else None,
        }

    def to_bytes(self) -> list[bytes]:
        """Each cause's trees as UBJ."""
        return [bytes(booster.save_raw("ubj")) for booster in self.boosters]

    def hazards(self, features: FeatureMatrix, threads: int | None = None) -> Hazards:
        """The hazards of each row of the features, by so many threads (as many as it pays where None)."""
        n_periods = int(self.period.max()) + 1
        margin = np.empty((len(self.boosters), n_periods, len(features.dense)))
        workers = threads or (os.cpu_count() if len(features.dense) > FEW_ROWS else 1)
        for booster in self.boosters:
            booster.set_param({"nthread": workers})  # a row's sum has one order
        for p, columns in enumerate(in_periods(stored_columns(features), n_periods)):
            for cause, booster in enumerate(self.boosters):
                margin[cause, p] = booster.inplace_predict(columns, predict_type="margin")
        if self.start is not None:
            margin += self.start.margin(features)
        return Hazards(self.rate, self.period, margin)

    def contributions(self, features: FeatureMatrix, cause: int = 1) -> Floats:
        """float64[r, feature columns]: exact Shapley values on the log hazard (TreeSHAP), the mean over periods."""
        import xgboost

        plain = stored_columns(features)
        n_periods = int(self.period.max()) + 1
        found = np.zeros(plain.shape)
        for columns in in_periods(plain, n_periods):
            data = xgboost.DMatrix(columns, nthread=1)
            told = self.boosters[cause - 1].predict(data, pred_contribs=True)
            found += told[:, : plain.shape[1]] / n_periods
        if self.start is not None:
            found[:, places_of(features)] += self.start.contributions(features, cause)
        return found


def mean_hazards(members: Sequence[BoostedHazards], features: FeatureMatrix) -> Hazards:
    """The mean on the log scale of the hazards of models with the same grid and periods."""
    found = [member.hazards(features) for member in members]
    return Hazards(
        mean_rate([one.rate for one in found]),
        found[0].period,
        np.mean([one.margin for one in found], axis=0),
    )


def _starting(
    start: Start | None,
    features: FeatureMatrix,
    outcome: Followed,
    edges: Floats,
    n_causes: int,
    rows: Integers,
) -> tuple[Floats, Floats]:
    """float64[c, g] the baseline that trees start from and float64[c, p, r] what multiplies it in each row."""
    if start is not None:
        return start.rate, np.exp(start.margin(features.of_rows(rows)))
    spans, ones = Spans.of(outcome, edges), np.ones(len(outcome))
    days = spans.exposure(ones)
    events = [spans.events(outcome.event == cause, ones) for cause in range(1, n_causes + 1)]
    rates = [np.divide(e, days, out=np.zeros(len(days)), where=days > 0) for e in events]
    return np.stack(rates), np.ones((n_causes, 1, len(outcome)))


def chosen_growth(
    features: FeatureMatrix,
    outcome: Followed,
    rows: Integers,
    inners: Sequence[Flags],
    *,
    edges: Floats,
    period: Integers,
    n_causes: int = 1,
    seed: int = 0,
) -> list[Growth]:
    """Of each cause: so many trees as, grown on the others, have the least loss on the inner rows, all together.

    `inners` are bool[len(rows)] each.
    """
    _, every = _person_periods(
        features, outcome, rows, edges=edges, period=period, n_causes=n_causes, seed=seed
    )
    return [_chosen(periods, inners) for periods in every]


def _person_periods(
    features: FeatureMatrix,
    outcome: Followed,
    rows: Integers,
    *,
    edges: Floats,
    period: Integers,
    n_causes: int,
    seed: int,
) -> tuple[Start | None, list[PersonPeriods]]:
    """What trees start from, and the person-periods of each cause."""
    mine = outcome.rows(rows)
    columns = stored_columns(features)[rows]
    start = Start.fit(features, outcome, rows, edges, period, n_causes)
    rate, factor = _starting(start, features, mine, edges, n_causes, rows)
    return start, [
        PersonPeriods.of(
            columns, mine, cause, edges, period, seed, rate[cause - 1], factor[cause - 1]
        )
        for cause in range(1, n_causes + 1)
    ]


def _settings(periods: PersonPeriods, depth: int) -> dict[str, Any]:
    return {**PARAMETERS, **(FOR_WIDE if _is_wide(periods) else {}), "max_depth": depth}


def _is_wide(periods: PersonPeriods) -> bool:
    people, width = periods.columns.shape
    return width > WIDE and people <= MOST_ROWS


def _grown(periods: PersonPeriods, growth: Growth) -> Any:
    import xgboost

    every = np.ones(len(periods.row), dtype=np.bool_)
    # What is told one thread by parameter still wakes a thread a core to read labels; beside each other they wait.
    with xgboost.config_context(nthread=1):
        return xgboost.train(_settings(periods, growth.depth), periods.data(every), growth.rounds)


def _chosen(periods: PersonPeriods, inners: Sequence[Flags]) -> Growth:
    """As deep as events suffice for; looked at every few trees, until more of them make it worse."""
    import xgboost

    judging = [inner[periods.row] for inner in inners]
    judging = [one for one in judging if all(periods.event[side].any() for side in (one, ~one))]
    if not judging:
        return Growth(DEPTHS[0], USUAL_ROUNDS)
    depths = DEPTHS_FOR_WIDE if _is_wide(periods) else DEPTHS
    events = int(periods.event[~judging[0]].sum())
    depth = next(depth for least, depth in depths.items() if events >= least)
    with xgboost.config_context(nthread=1):
        sides = [_Growing.of(periods, one, _settings(periods, depth)) for one in judging]
        best, least = LOOKS_EVERY, np.inf
        for rounds in range(LOOKS_EVERY, MOST_ROUNDS + 1, LOOKS_EVERY):
            loss = sum(side.loss_after(rounds) for side in sides)
            if loss < least:
                best, least = rounds, loss
            elif rounds - best >= STOPS_AFTER:
                break
    return Growth(depth, best)


@dataclass(slots=True)
class _Growing:
    """Trees that grow on some person-periods, and what they say so far of the others."""

    periods: PersonPeriods
    judging: Flags
    booster: Any
    learning: Any
    judged: sparse.csr_matrix
    margin: Floats
    rounds: int = 0

    @classmethod
    def of(cls, periods: PersonPeriods, judging: Flags, settings: dict[str, Any]) -> _Growing:
        import xgboost

        learning = periods.data(~judging)
        booster = xgboost.Booster(settings, [learning])
        margin = np.zeros(int(judging.sum()))
        return cls(periods, judging, booster, learning, periods.design(judging), margin)

    def loss_after(self, rounds: int) -> float:
        """The loss of those judged once there are so many trees.

        Only what the newest add is looked up: XGBoost's own early stopping costs more than the trees do.
        """
        for place in range(self.rounds, rounds):
            self.booster.update(self.learning, place)
        self.margin += self.booster.inplace_predict(
            self.judged, iteration_range=(self.rounds, rounds), predict_type="margin"
        )
        self.rounds = rounds
        return self.periods.loss(self.judging, self.margin)
