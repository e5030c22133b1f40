"""The columns of the linear hazard: covariates as splines, flags of what is missing, logs of counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import skew

if TYPE_CHECKING:
    import numpy.typing as npt
    from scipy import sparse

    from lifecourse.features import FeatureMatrix

    Floats = npt.NDArray[np.float64]
    Halves = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.int64]

TAIL = 0.005
"""Values beyond these quantiles are drawn in to them: one absurd result must not carry a person's risk."""
KNOTS = (0.05, 0.35, 0.65, 0.95)
"""Quantiles of four knots (Harrell 2015, Regression Modeling Strategies, table 2.3)."""
FEWEST_FOR_SPLINE = 8
SKEWED = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One covariate's columns: a standardised line, what a natural cubic spline adds to it, a flag where missing.

    bends : for each further column of the spline, (intercept, slope) of its line, which is taken out, and its scale; a
        penalty draws the curve to a line so
    """

    low: float
    high: float
    is_log: bool
    centre: float
    scale: float
    knots: list[float]
    bends: list[tuple[float, float, float]]
    has_missing: bool

    @classmethod
    def fit(cls, column: Floats) -> Curve:
        """The curve of a column with NaN where missing."""
        known = column[np.isfinite(column)]
        has_missing = len(known) < len(column)
        if len(known) == 0:
            return _flat(has_missing=has_missing)
        low, high = (float(value) for value in np.quantile(known, (TAIL, 1 - TAIL)))
        if low == high:
            low, high = float(known.min()), float(known.max())
        drawn = np.clip(known, low, high)
        few = len(np.unique(drawn[:10_000])) < FEWEST_FOR_SPLINE
        is_log = bool(high > low and not few and skew(drawn) > SKEWED)
        values = np.log1p(drawn - low) if is_log else drawn
        centre, scale = float(values.mean()), float(values.std())
        if scale == 0:
            return _flat(has_missing=has_missing)
        standard = (values - centre) / scale
        knots = [] if few else sorted(set(np.quantile(standard, KNOTS).tolist()))
        knots = knots if len(knots) > 2 else []
        bends = []
        for bent in _bent(standard, knots):
            slope = float(np.mean(bent * standard))
            level = float(bent.mean())
            rest = bent - level - slope * standard
            bends.append((level, slope, float(rest.std()) or 1.0))
        return cls(
            low=low,
            high=high,
            is_log=is_log,
            centre=centre,
            scale=scale,
            knots=knots,
            bends=bends,
            has_missing=has_missing,
        )

    @property
    def n_columns(self) -> int:
        """How many columns the covariate has."""
        return 1 + len(self.bends) + int(self.has_missing)

    def fill(self, column: Floats, columns: npt.NDArray[np.float32]) -> None:
        """Write the columns (float32[n_columns, r]) of a covariate."""
        missing = ~np.isfinite(column)
        drawn = np.clip(np.where(missing, self.low, column), self.low, self.high)
        values = np.log1p(drawn - self.low) if self.is_log else drawn
        standard = np.where(missing, 0.0, (values - self.centre) / self.scale)
        columns[0] = standard
        for place, (bent, (level, slope, scale)) in enumerate(
            zip(_bent(standard, self.knots), self.bends, strict=True), start=1
        ):
            columns[place] = np.where(missing, 0.0, (bent - level - slope * standard) / scale)
        if self.has_missing:
            columns[-1] = missing


def _flat(*, has_missing: bool) -> Curve:
    return Curve(low=0.0, high=0.0, is_log=False, centre=0.0, scale=1.0, knots=[], bends=[],
                 has_missing=has_missing)  # fmt: skip


def _bent(x: Floats, knots: list[float]) -> list[Floats]:
    """The columns of a natural cubic spline beyond the line, linear outside the outer knots."""
    if len(knots) < 3:
        return []
    last, before = knots[-1], knots[-2]

    def cubed(at: float) -> Floats:
        beyond = np.maximum(x - at, 0.0)
        return beyond * beyond * beyond  # four times as fast as a power

    width = (last - knots[0]) ** 2
    ends = (cubed(before), cubed(last))
    return [
        (
            cubed(knot)
            - ends[0] * (last - knot) / (last - before)
            + ends[1] * (before - knot) / (last - before)
        )
        / width
        for knot in knots[:-2]
    ]


@dataclass(frozen=True, slots=True)
class Design:
    """The columns of r rows: `dense` float32[d, r], a covariate's beside each other, and `codes` CSC float32[r, m]."""

    dense: npt.NDArray[np.float32]
    codes: sparse.csc_matrix

    @property
    def n_columns(self) -> int:
        """Dense and sparse ones."""
        return len(self.dense) + int(self.codes.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """How features become columns; nothing of it has seen an outcome."""

    curves: list[Curve]

    @classmethod
    def fit(cls, features: FeatureMatrix) -> Basis:
        """The basis of the rows of `features`."""
        return cls(curves=[Curve.fit(column) for column in features.dense.T])

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Basis:
        """What `to_dict` gave."""
        return cls(
            curves=[
                Curve(**{**one, "bends": [tuple(bend) for bend in one["bends"]]})
                for one in document["curves"]
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @property
    def owner(self) -> Integers:
        """int64[d]: the covariate of each dense column."""
        return np.repeat(np.arange(len(self.curves)), [curve.n_columns for curve in self.curves])

    def dense(self, features: FeatureMatrix) -> Halves:
        """float32[d, r]: the dense columns of the features' rows."""
        columns = np.empty((len(self.owner), len(features.dense)), dtype=np.float32)
        start = 0
        for curve, column in zip(self.curves, features.dense.T, strict=True):
            curve.fill(column, columns[start : start + curve.n_columns])
            start += curve.n_columns
        return columns

    def added(self, dense: Halves, beta: Floats) -> Floats:
        """float64[r, covariates]: what coefficients of the dense columns (float32[d, r]) add, by covariate."""
        found = np.zeros((dense.shape[1], len(self.curves)))
        for owner, column, coefficient in zip(self.owner, dense, beta, strict=True):
            found[:, owner] += coefficient * column
        return found

    def design(self, features: FeatureMatrix) -> Design:
        """The columns of the features' rows."""
        return Design(self.dense(features), _logs(features.codes))


@dataclass(frozen=True, slots=True)
class Designs:
    """What the designs of some of the rows are taken from: `dense` float32[d, r] of all, made once, and the counts."""

    basis: Basis
    dense: Halves
    codes: sparse.csr_matrix

    @classmethod
    def of(cls, basis: Basis, features: FeatureMatrix) -> Designs:
        """Of the features' r rows."""
        return cls(basis, basis.dense(features), features.codes)

    def rows(self, rows: Integers) -> Design:
        """As `Basis.design` of those rows."""
        return Design(self.dense[:, rows], _logs(self.codes[rows]))


def _logs(codes: sparse.csr_matrix) -> sparse.csc_matrix:
    counts = codes.astype(np.float32).log1p().tocsc()
    counts.sort_indices()
    return counts
