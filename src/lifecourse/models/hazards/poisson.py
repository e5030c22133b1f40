"""An elastic-net Poisson regression of the hazard on sparse columns, by coordinate descent.

The log-likelihood of the piecewise exponential model is that of a Poisson count with the exposure as offset (Holford
1980, doi 10.2307/2529982; Laird & Olivier 1981, doi 10.1080/01621459.1981.10477634). Baseline rates are profiled out;
each round takes Newton's quadratic and descends along one coordinate after the other (Friedman et al. 2010, doi
10.18637/jss.v033.i01). A column is centred by the expected events without being stored so: what its mean moves is kept
as one number, `moved[0]`, so that a sweep costs what the stored cells cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lifecourse.engine.compiled import kernel, part

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models.hazards.basis import Design

    Floats = npt.NDArray[np.float64]
    Halves = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.int64]

ROUNDS, SWEEPS, HALVINGS = 30, 12, 5
TOLERANCE = 1e-4
LARGEST_STEP = 2.0
"""No log hazard ratio of a column moves farther at once."""


@kernel("float32[][]", "int64[]", "int32[]", "float32[]", "float64[]", "float64[]", "float64[]")
def _moments(
    dense: Halves, starts: Integers, places: npt.NDArray[np.int32], values: Halves,
    expected: Floats, first: Floats, second: Floats,
) -> None:  # fmt: skip
    """Fill each column's first and second moment, weighted by the expected events."""
    d, n = dense.shape
    for k in range(d):
        a1 = b1 = c1 = d1 = a2 = b2 = c2 = d2 = 0.0
        for i in range(0, n - 3, 4):
            a, b = expected[i] * dense[k, i], expected[i + 1] * dense[k, i + 1]
            c, e = expected[i + 2] * dense[k, i + 2], expected[i + 3] * dense[k, i + 3]
            a1, b1, c1, d1 = a1 + a, b1 + b, c1 + c, d1 + e
            a2, b2 = a2 + a * dense[k, i], b2 + b * dense[k, i + 1]
            c2, d2 = c2 + c * dense[k, i + 2], d2 + e * dense[k, i + 3]
        for i in range(n // 4 * 4, n):
            a1 += expected[i] * dense[k, i]
            a2 += expected[i] * dense[k, i] * dense[k, i]
        first[k] = (a1 + b1) + (c1 + d1)
        second[k] = (a2 + b2) + (c2 + d2)
    for k in range(len(starts) - 1):
        one = two = 0.0
        for at in range(starts[k], starts[k + 1]):
            w = expected[places[at]] * values[at]
            one += w
            two += w * values[at]
        first[d + k] = one
        second[d + k] = two


@part
def _slope(
    dense: Halves, starts: Integers, places: npt.NDArray[np.int32], values: Halves,
    residual: Floats, k: int,
) -> float:  # fmt: skip
    """The sum of a column's cells times the residuals: four sums beside each other, so that none waits for the last."""
    d, n = dense.shape
    one = two = three = four = 0.0
    if k < d:
        for i in range(0, n - 3, 4):
            one += dense[k, i] * residual[i]
            two += dense[k, i + 1] * residual[i + 1]
            three += dense[k, i + 2] * residual[i + 2]
            four += dense[k, i + 3] * residual[i + 3]
        for i in range(n // 4 * 4, n):
            one += dense[k, i] * residual[i]
    else:
        start, end = starts[k - d], starts[k - d + 1]
        for at in range(start, end - 3, 4):
            one += values[at] * residual[places[at]]
            two += values[at + 1] * residual[places[at + 1]]
            three += values[at + 2] * residual[places[at + 2]]
            four += values[at + 3] * residual[places[at + 3]]
        for at in range(start + (end - start) // 4 * 4, end):
            one += values[at] * residual[places[at]]
    return (one + two) + (three + four)


@part
def _push(
    dense: Halves, starts: Integers, places: npt.NDArray[np.int32], values: Halves,
    expected: Floats, residual: Floats, k: int, step: float,
) -> None:  # fmt: skip
    """Take what a step of a column's coefficient explains out of the residuals."""
    d, n = dense.shape
    if k < d:
        for i in range(n):
            residual[i] -= expected[i] * dense[k, i] * step
    else:
        for at in range(starts[k - d], starts[k - d + 1]):
            residual[places[at]] -= expected[places[at]] * values[at] * step


@part
def _step(wanted: float, lasso: float, curvature: float, old: float, largest: float) -> float:
    """From `old` to the best coefficient, soft-thresholded; no farther than `largest`."""
    new = 0.0
    if wanted > lasso:
        new = (wanted - lasso) / curvature
    elif wanted < -lasso:
        new = (wanted + lasso) / curvature
    return min(max(new - old, -largest), largest)


@kernel(
    "float32[][]", "int64[]", "int32[]", "float32[]", "float64[]", "float64[]", "float64[]", "float64[]",
    "float64", "float64[]", "float64[]", "bool", "float64", "float64[]", "float64[]",
)  # fmt: skip
def _sweep(
    dense: Halves, starts: Integers, places: npt.NDArray[np.int32], values: Halves,
    expected: Floats, residual: Floats, first: Floats, second: Floats, total: float,
    lasso: Floats, ridge: Floats, only_active: bool, largest: float, beta: Floats, moved: Floats,
) -> None:  # fmt: skip
    """Move each coefficient to its best place given the others; `moved[1]` becomes the largest gain of one."""
    moved[1] = 0.0
    for k in range(len(beta)):
        old = beta[k]
        mean = first[k] / total
        curvature = second[k] - first[k] * mean
        if (only_active and old == 0.0) or curvature <= 1e-12:
            continue
        slope = _slope(dense, starts, places, values, residual, k) + moved[0] * first[k]
        step = _step(curvature * old + slope, lasso[k], curvature + ridge[k], old, largest)
        if step != 0.0:
            beta[k] = old + step
            moved[0] += mean * step
            moved[1] = max(moved[1], curvature * step * step)
            _push(dense, starts, places, values, expected, residual, k, step)


@kernel("float32[][]", "int64[]", "int32[]", "float32[]", "float64[]", "float64[]")
def _margin(
    dense: Halves, starts: Integers, places: npt.NDArray[np.int32], values: Halves,
    beta: Floats, margin: Floats,
) -> None:  # fmt: skip
    """Fill each row's sum of coefficients times columns."""
    d, n = dense.shape
    for i in range(n):
        margin[i] = 0.0
    for k in range(d):
        if beta[k] != 0.0:
            for i in range(n):
                margin[i] += beta[k] * dense[k, i]
    for k in range(len(starts) - 1):
        b = beta[d + k]
        if b != 0.0:
            for at in range(starts[k], starts[k + 1]):
                margin[places[at]] += b * values[at]


@dataclass(frozen=True, slots=True)
class Columns:
    """A design as the kernels take it."""

    dense: Halves
    starts: Integers
    places: npt.NDArray[np.int32]
    values: Halves

    @classmethod
    def of(cls, design: Design) -> Columns:
        """The arrays of a design."""
        codes = design.codes
        return cls(
            np.ascontiguousarray(design.dense),
            codes.indptr.astype(np.int64),
            codes.indices.astype(np.int32, copy=False),
            codes.data.astype(np.float32, copy=False),
        )

    @classmethod
    def of_dense(cls, dense: npt.NDArray[Any]) -> Columns:
        """Of float[d, r] alone."""
        none = np.zeros(0, dtype=np.int32)
        return cls(
            np.ascontiguousarray(dense, dtype=np.float32),
            np.zeros(1, dtype=np.int64),
            none,
            none.astype(np.float32),
        )

    @property
    def n(self) -> int:
        """How many columns."""
        return len(self.dense) + len(self.starts) - 1

    @property
    def n_rows(self) -> int:
        """How many rows."""
        return int(self.dense.shape[1])

    def margin(self, beta: Floats) -> Floats:
        """float64[r] log hazard ratios."""
        found = np.empty(self.n_rows)
        _margin(self.dense, self.starts, self.places, self.values, beta, found)
        return found


class TimeAtRisk(Protocol):
    """What rows were at risk for, in g intervals of constant baseline: `Spans` of time, or events that are expected."""

    def cumulated(self, rate: Floats) -> Floats:
        """float64[r] what a baseline of `rate` (float64[g]) adds up to in each row."""

    def exposure(self, weight: Floats) -> Floats:
        """float64[g] weighted sums over rows."""

    def events(self, happened: npt.NDArray[np.bool_], weight: Floats) -> Floats:
        """float64[g] weighted events."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Events that are expected of each row, float64[r], as time at risk: one interval."""

    events_expected: Floats

    def cumulated(self, rate: Floats) -> Floats:
        """float64[r] events at `rate` (float64[1]) times what is expected."""
        return rate[0] * self.events_expected

    def exposure(self, weight: Floats) -> Floats:
        """float64[1] weighted sum."""
        return np.array([float((weight * self.events_expected).sum())])

    def events(self, happened: npt.NDArray[np.bool_], weight: Floats) -> Floats:
        """float64[1] weighted events."""
        return np.array([float(weight[happened].sum())])


@dataclass(slots=True)
class PoissonHazard:
    """The hazard of one cause: log hazard = log rate of the interval + columns x beta; fitting goes on from there.

    happened : bool[r], the row ended with this cause; weight : float64[r]
    """

    columns: Columns
    spans: TimeAtRisk
    happened: npt.NDArray[np.bool_]
    weight: Floats
    beta: Floats
    margin: Floats
    rate: Floats

    @classmethod
    def start(
        cls,
        columns: Columns,
        spans: TimeAtRisk,
        happened: npt.NDArray[np.bool_],
        weight: Floats | None = None,
    ) -> PoissonHazard:
        """All coefficients 0."""
        w = np.ones(columns.n_rows) if weight is None else weight
        found = cls(
            columns, spans, happened, w, np.zeros(columns.n), np.zeros(columns.n_rows), np.zeros(0)
        )
        found.rate = found._rate(found.margin)
        return found

    def fit(self, lasso: Floats, ridge: Floats, tolerance: float = TOLERANCE) -> None:
        """Descend to the penalised maximum; penalties (float64[n]) are in units of log-likelihood.

        Where the cause came to nobody the rate is 0 and so is every coefficient.
        """
        c, spans = self.columns, self.spans
        events = self.weight * self.happened
        n_events = float(events.sum())
        if n_events == 0:
            self.beta, self.margin = np.zeros(c.n), np.zeros(c.n_rows)
            self.rate = self._rate(self.margin)
            return
        first, second, moved = np.empty(c.n), np.empty(c.n), np.zeros(2)
        worth = self._worth(self.beta, self.margin, self.rate, lasso, ridge)
        for _ in range(ROUNDS):
            expected = self.weight * spans.cumulated(self.rate) * np.exp(self.margin)
            residual = events - expected
            _moments(c.dense, c.starts, c.places, c.values, expected, first, second)
            before, moved[0] = self.beta.copy(), 0.0
            beta = self.beta.copy()
            for sweep in range(SWEEPS):
                _sweep(
                    c.dense, c.starts, c.places, c.values, expected, residual, first, second,
                    float(expected.sum()), lasso, ridge, sweep > 0, LARGEST_STEP, beta, moved,
                )  # fmt: skip
                if moved[1] < tolerance * n_events:
                    break
            gained = self._advance(before, beta, worth, lasso, ridge)
            worth += gained
            if gained < tolerance * n_events * 0.1:
                break

    def _advance(
        self, before: Floats, beta: Floats, worth: float, lasso: Floats, ridge: Floats
    ) -> float:
        """Go to `beta`, or part of the way where that is worse; what was gained."""
        for _ in range(HALVINGS):
            margin = self.columns.margin(beta)
            rate = self._rate(margin)
            found = self._worth(beta, margin, rate, lasso, ridge)
            if np.isfinite(found) and found >= worth - 1e-9 * abs(worth):
                self.beta, self.margin, self.rate = beta, margin, rate
                return found - worth
            beta = (beta + before) / 2
        return 0.0

    def _rate(self, margin: Floats) -> Floats:
        """float64[g] events over expected days: Breslow's baseline."""
        days = self.spans.exposure(self.weight * np.exp(margin))
        events = self.spans.events(self.happened, self.weight)
        return np.divide(events, days, out=np.zeros(len(days)), where=days > 0)

    def _worth(
        self, beta: Floats, margin: Floats, rate: Floats, lasso: Floats, ridge: Floats
    ) -> float:
        told = float((self.weight * margin)[self.happened].sum())
        events = self.spans.events(self.happened, self.weight)
        base = float((events * np.log(np.where(rate > 0, rate, 1.0))).sum())
        return told + base - float((lasso * np.abs(beta) + ridge * beta * beta / 2).sum())
