"""The boosted hazard: shallow XGBoost trees with a Poisson loss on person-periods, the baseline as offset.

A row is repeated for each period that it is seen in, so that what a covariate means may change with time; what the
baseline hazard, fine-grained, adds up to within the period is the exposure. Where there are enough events the baseline
is that of the person's age and sex (`lifecourse.models.hazards.start`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from lifecourse.models.hazards.grid import Spans
from lifecourse.models.hazards.incidence import Hazards, mean_rate
from lifecourse.models.hazards.linear import LinearHazards
from lifecourse.models.hazards.start import demographics, places_of, start_of
from lifecourse.models.trees import stored_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.evaluation.followed import Followed

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]
    Integers = npt.NDArray[np.int64]

MOST_ROUNDS, USUAL_ROUNDS, LOOKS_EVERY, STOPS_AFTER = 600, 60, 10, 20
DEPTHS = {1_000: 3, 0: 2}
"""Trees are so deep where there are at least so many events."""
PERIODS, FEWEST_FOR_PERIODS = 3, 300
"""So many periods with as many events each, where there are enough events."""
MOST_ROWS = 250_000
"""Person-periods that trees learn from; of more, all with an event and a weighted sample of the others."""
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
    "max_bin": 64,
    "base_score": 1.0,
    "nthread": 1,
    "seed": 0,
    "verbosity": 0,
}
WIDE = 200
FOR_WIDE = {"eta": 0.1, "colsample_bytree": 0.3}
DEPTHS_FOR_WIDE = {5_000: 4, **DEPTHS}
"""Of more columns than `WIDE` each says little: smaller steps, each on fewer of them, foretell better. Where people are
so many that a sample teaches, the time for it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostedHazards:
    """Fitted hazards of c causes.

    edges : float64[g + 1] days; rate : float64[c, g]; period : int64[g]; boosters : one a cause
    start : what the trees of each cause add to, by age and sex; None where they started from everyone's hazard
    """

    edges: Floats
    rate: Floats
    period: Integers
    boosters: list[Any]
    start: LinearHazards | None = None

    @classmethod
    def fit(
        cls,
        features: FeatureMatrix,
        outcome: Followed,
        rows: Integers,
        inner: Flags,
        *,
        edges: Floats,
        period: Integers,
        n_causes: int = 1,
        seed: int = 0,
        rounds: Sequence[int] | None = None,
    ) -> BoostedHazards:
        """The hazards on `rows` of the features.

        `inner` is bool[len(rows)]: the rows on which the number of trees is chosen, grown on the others; where
        `rounds` says how many trees each cause has, they are grown on the others all the same.
        """
        import xgboost

        mine = outcome.rows(rows)
        columns = stored_columns(features)[rows]
        start = start_of(features, outcome, rows, edges, n_causes)
        rate, factor = _starting(start, features, mine, edges, n_causes, rows)
        rates, boosters = [], []
        # What is told one thread by parameter still wakes a thread a core to read labels; beside each other they wait.
        with xgboost.config_context(nthread=1):
            for cause in range(1, n_causes + 1):
                periods = _PersonPeriods.of(
                    columns, mine, cause, edges, period, seed, rate[cause - 1], factor[cause - 1]
                )
                booster = _grown(periods, inner, rounds[cause - 1] if rounds else None)
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
            start=LinearHazards.from_dict(start) if (start := document.get("start")) else None,
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
        for p, columns in enumerate(_in_periods(stored_columns(features), n_periods)):
            for cause, booster in enumerate(self.boosters):
                margin[cause, p] = booster.inplace_predict(columns, predict_type="margin")
        if self.start is not None:
            margin += self.start.hazards(demographics(features)).margin
        return Hazards(self.rate, self.period, margin)

    def contributions(self, features: FeatureMatrix, cause: int = 1) -> Floats:
        """float64[r, feature columns]: exact Shapley values on the log hazard (TreeSHAP), the mean over periods."""
        import xgboost

        plain = stored_columns(features)
        n_periods = int(self.period.max()) + 1
        found = np.zeros(plain.shape)
        for columns in _in_periods(plain, n_periods):
            data = xgboost.DMatrix(columns, nthread=1)
            told = self.boosters[cause - 1].predict(data, pred_contribs=True)
            found += told[:, : plain.shape[1]] / n_periods
        if self.start is not None:
            told = self.start.contributions(demographics(features), cause)
            found[:, places_of(features)] += told
        return found


def mean_hazards(members: Sequence[BoostedHazards], features: FeatureMatrix) -> Hazards:
    """The mean on the log scale of the hazards of models with the same grid and periods."""
    found = [member.hazards(features) for member in members]
    return Hazards(
        mean_rate([one.rate for one in found]),
        found[0].period,
        np.mean([one.margin for one in found], axis=0),
    )


@dataclass(frozen=True, slots=True)
class _PersonPeriods:
    """Rows repeated by period: of which row, in which period, with which exposure, event and sampling weight."""

    columns: sparse.csr_matrix
    row: Integers
    period: Integers
    exposure: Floats
    event: Flags
    weight: Floats
    rate: Floats
    period_of: Integers

    @classmethod
    def of(
        cls,
        columns: sparse.csr_matrix,
        outcome: Followed,
        cause: int,
        edges: Floats,
        period_of: Integers,
        seed: int,
        rate: Floats,
        factor: Floats,
    ) -> _PersonPeriods:
        spans = Spans.of(outcome, edges)
        happened = outcome.event == cause
        whole = np.concatenate([[0.0], np.cumsum(rate * np.diff(edges))])
        rows, periods, exposures, came = [], [], [], []
        for p in range(int(period_of.max()) + 1):
            low, high = _bounds(edges, period_of, p)
            until = np.interp(np.minimum(spans.leaving, high), edges, whole)
            since = np.interp(np.maximum(spans.entry, low), edges, whole)
            seen = np.flatnonzero(until > since)
            rows.append(seen)
            periods.append(np.full(len(seen), p))
            exposures.append((until[seen] - since[seen]) * factor[seen])
            came.append(happened[seen] & (period_of[spans.last[seen]] == p))
        event = np.concatenate(came)
        kept, weight = _sampled(event, seed + cause)
        return cls(
            columns,
            np.concatenate(rows)[kept],
            np.concatenate(periods)[kept],
            np.concatenate(exposures)[kept],
            event[kept],
            weight,
            rate,
            period_of,
        )

    def design(self, chosen: Flags) -> sparse.csr_matrix:
        """The columns of some of them."""
        return _with_periods(self.columns[self.row[chosen]], self.period[chosen])

    def loss(self, chosen: Flags, margin: Floats) -> float:
        """Minus the Poisson log-likelihood of some of them."""
        expected = self.exposure[chosen] * np.exp(margin)
        return float((self.weight[chosen] * (expected - self.event[chosen] * margin)).sum())

    def data(self, chosen: Flags) -> Any:
        """Some of them as XGBoost takes them."""
        import xgboost

        place = np.flatnonzero(chosen)
        return xgboost.QuantileDMatrix(
            self.design(chosen),
            label=self.event[place].astype(float),
            base_margin=np.log(self.exposure[place]),
            weight=self.weight[place],
            max_bin=PARAMETERS["max_bin"],
            nthread=1,
        )

    def levelled(self, booster: Any) -> Floats:
        """float64[g]: the baseline, so that in each period as many events are expected as came."""
        margin = booster.inplace_predict(
            _with_periods(self.columns[self.row], self.period), predict_type="margin"
        )
        expected = self.weight * self.exposure * np.exp(margin.astype(np.float64))
        n = int(self.period_of.max()) + 1
        came = np.bincount(self.period, weights=self.event * self.weight, minlength=n)
        told = np.bincount(self.period, weights=expected, minlength=n)
        ratio = np.divide(came, told, out=np.ones(n), where=told > 0)
        return self.rate * ratio[self.period_of]


def _starting(
    start: LinearHazards | None,
    features: FeatureMatrix,
    outcome: Followed,
    edges: Floats,
    n_causes: int,
    rows: Integers,
) -> tuple[Floats, Floats]:
    """float64[c, g] the baseline that trees start from and float64[c, r] what multiplies it in each row."""
    if start is not None:
        hazards = start.hazards(demographics(features).of_rows(rows))
        return hazards.rate, np.exp(hazards.margin[:, 0])
    spans, ones = Spans.of(outcome, edges), np.ones(len(outcome))
    days = spans.exposure(ones)
    events = [spans.events(outcome.event == cause, ones) for cause in range(1, n_causes + 1)]
    rates = [np.divide(e, days, out=np.zeros(len(days)), where=days > 0) for e in events]
    return np.stack(rates), np.ones((n_causes, len(outcome)))


def _grown(periods: _PersonPeriods, inner: Flags, given: int | None = None) -> Any:
    """So many trees as have the least loss on the `inner` rows, or as are `given`."""
    import xgboost

    judging = inner[periods.row]
    every = np.ones(len(judging), dtype=np.bool_)
    people, width = periods.columns.shape
    is_wide = width > WIDE and people <= MOST_ROWS
    settings = PARAMETERS | FOR_WIDE if is_wide else PARAMETERS
    depths = DEPTHS_FOR_WIDE if is_wide else DEPTHS
    if not all(periods.event[side].any() for side in (judging, ~judging)):
        shallow = settings | {"max_depth": DEPTHS[0]}
        return xgboost.train(shallow, periods.data(every), USUAL_ROUNDS)
    learning = periods.data(~judging)
    events = int(periods.event[~judging].sum())
    depth = next(depth for least, depth in depths.items() if events >= least)
    if given is not None:
        return xgboost.train(settings | {"max_depth": depth}, learning, given)
    booster = xgboost.Booster(settings | {"max_depth": depth}, [learning])
    best, least, margin = 0, np.inf, np.zeros(int(judging.sum()))
    judged = periods.design(judging)
    for rounds in range(LOOKS_EVERY, MOST_ROUNDS + 1, LOOKS_EVERY):
        for place in range(rounds - LOOKS_EVERY, rounds):
            booster.update(learning, place)
        # What the newest trees add: XGBoost's own early stopping costs more than the trees do.
        margin += booster.inplace_predict(
            judged, iteration_range=(rounds - LOOKS_EVERY, rounds), predict_type="margin"
        )
        loss = periods.loss(judging, margin)
        if loss < least:
            best, least = rounds, loss
        elif rounds - best >= STOPS_AFTER:
            break
    return booster[: max(best, LOOKS_EVERY)]


def periods_of(outcome: Followed, edges: Floats) -> Integers:
    """int64[g]: the period of each interval; periods have about as many events each."""
    times = outcome.duration_days[outcome.event > 0]
    n_intervals = len(edges) - 1
    if len(times) < FEWEST_FOR_PERIODS:
        return np.zeros(n_intervals, dtype=np.int64)
    bounds = np.quantile(times, np.arange(1, PERIODS) / PERIODS, method="inverted_cdf")
    found = np.searchsorted(bounds, edges[1:], side="left")
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _bounds(edges: Floats, period_of: Integers, p: int) -> tuple[float, float]:
    mine = np.flatnonzero(period_of == p)
    return float(edges[mine[0]]), float(edges[mine[-1] + 1])


def _sampled(event: Flags, seed: int) -> tuple[Integers, Floats]:
    """Which person-periods are learned from, and the weight of each."""
    others = np.flatnonzero(~event)
    most = max(MOST_ROWS - int(event.sum()), MOST_ROWS // 2)
    if len(others) <= most:
        return np.arange(len(event)), np.ones(len(event))
    drawn = np.random.default_rng(seed).choice(others, most, replace=False)
    kept = np.sort(np.concatenate([np.flatnonzero(event), drawn]))
    return kept, np.where(event[kept], 1.0, len(others) / most)


def _in_periods(columns: sparse.csr_matrix, n_periods: int) -> Iterator[sparse.csr_matrix]:
    """The columns with each period in turn: the last cell of every row is written over."""
    with_period = _with_periods(columns, np.zeros(columns.shape[0]))
    for p in range(n_periods):
        with_period.data[with_period.indptr[1:] - 1] = p
        yield with_period


def _with_periods(columns: sparse.csr_matrix, period: Integers | Floats) -> sparse.csr_matrix:
    n = len(period)
    stored = sparse.csr_matrix(
        (period.astype(np.float32), np.zeros(n, dtype=np.int32), np.arange(n + 1)), shape=(n, 1)
    )
    return sparse.hstack([columns, stored], format="csr")
