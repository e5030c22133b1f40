"""Rows repeated for each period in which they are seen: what trees learn hazards from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from lifecourse.models.hazards.grid import Spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from lifecourse.models.evaluation.followed import Followed

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]
    Integers = npt.NDArray[np.int64]

PERIODS = {10_000: 3, 300: 2, 0: 1}
"""So many periods, with as many events each, where there are at least so many events."""
MOST_ROWS = 250_000
"""Person-periods that trees learn from; of more, all with an event and a weighted sample of the others."""
MAX_BIN = 64


@dataclass(frozen=True, slots=True)
class PersonPeriods:
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
    ) -> PersonPeriods:
        """Of all rows, or of a sample of the periods without an event (`MOST_ROWS`).

        rate, factor : float64[g] the baseline, and float64[p, r] what multiplies it in each row; p is 1 where all alike
        """
        spans = Spans.of(outcome, edges)
        happened = outcome.event == cause
        rows, periods, exposures, came = [], [], [], []
        for p, bounds in enumerate(bounds_of(edges, period_of)):
            within = spans.cumulated_within(rate, *bounds)
            seen = np.flatnonzero(within)
            rows.append(seen)
            periods.append(np.full(len(seen), p))
            exposures.append(within[seen] * factor[min(p, len(factor) - 1), seen])
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
        return with_periods(self.columns[self.row[chosen]], self.period[chosen])

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
            max_bin=MAX_BIN,
            nthread=1,
        )

    def levelled(self, booster: Any) -> Floats:
        """float64[g]: the baseline, so that in each period as many events are expected as came."""
        margin = booster.inplace_predict(
            with_periods(self.columns[self.row], self.period), predict_type="margin"
        )
        expected = self.weight * self.exposure * np.exp(margin.astype(np.float64))
        n = int(self.period_of.max()) + 1
        came = np.bincount(self.period, weights=self.event * self.weight, minlength=n)
        told = np.bincount(self.period, weights=expected, minlength=n)
        ratio = np.divide(came, told, out=np.ones(n), where=told > 0)
        return self.rate * ratio[self.period_of]


def periods_of(outcome: Followed, edges: Floats) -> Integers:
    """int64[g]: the period of each interval; periods have about as many events each."""
    times = outcome.duration_days[outcome.event > 0]
    n_periods = next(n for least, n in PERIODS.items() if len(times) >= least)
    if n_periods == 1:
        return np.zeros(len(edges) - 1, dtype=np.int64)
    bounds = np.quantile(times, np.arange(1, n_periods) / n_periods, method="inverted_cdf")
    found = np.searchsorted(bounds, edges[1:], side="left")
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def bounds_of(edges: Floats, period_of: Integers) -> list[tuple[float, float]]:
    """The days after which each period begins and on which it ends."""
    every = [np.flatnonzero(period_of == p) for p in range(int(period_of.max()) + 1)]
    return [(float(edges[mine[0]]), float(edges[mine[-1] + 1])) for mine in every]


def _sampled(event: Flags, seed: int) -> tuple[Integers, Floats]:
    """Which person-periods are learned from, and the weight of each."""
    others = np.flatnonzero(~event)
    most = max(MOST_ROWS - int(event.sum()), MOST_ROWS // 2)
    if len(others) <= most:
        return np.arange(len(event)), np.ones(len(event))
    drawn = np.random.default_rng(seed).choice(others, most, replace=False)
    kept = np.sort(np.concatenate([np.flatnonzero(event), drawn]))
    return kept, np.where(event[kept], 1.0, len(others) / most)


def in_periods(columns: sparse.csr_matrix, n_periods: int) -> Iterator[sparse.csr_matrix]:
    """The columns with each period in turn: the last cell of every row is written over."""
    with_period = with_periods(columns, np.zeros(columns.shape[0]))
    for p in range(n_periods):
        with_period.data[with_period.indptr[1:] - 1] = p
        yield with_period


def with_periods(columns: sparse.csr_matrix, period: Integers | Floats) -> sparse.csr_matrix:
    """The columns, and a last one with each row's period."""
    n = len(period)
    stored = sparse.csr_matrix(
        (period.astype(np.float32), np.zeros(n, dtype=np.int32), np.arange(n + 1)), shape=(n, 1)
    )
    return sparse.hstack([columns, stored], format="csr")
