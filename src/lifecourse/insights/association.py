"""How much more often B comes after A than without A, among people alike."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, log, sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest

if TYPE_CHECKING:
    import numpy.typing as npt

Z = 1.959963984540054
LARGEST_LOG = 700.0
"""Of an interval that says nothing: beyond it lies what a number can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRatio:
    """A rate ratio with its 95 % interval, two-sided p, the exposed events behind it, and its logarithm's variance."""

    value: float
    low: float
    high: float
    p: float
    events: int
    log_variance: float


def rate_ratio(cells: npt.NDArray[np.float64]) -> RateRatio | None:
    """The Mantel-Haenszel rate ratio over strata; None where it cannot be told.

    Rows of `cells`: exposed events, exposed time, other events, other time. Variance of the logarithm by
    Greenland & Robins 1985 (doi 10.2307/2530643).
    """
    a, t1, b, t0 = cells.T
    total = t1 + t0
    used = total > 0
    a, t1, b, t0, total = (x[used] for x in (a, t1, b, t0, total))
    r, s = (a * t0 / total).sum(), (b * t1 / total).sum()
    if r <= 0 or s <= 0:
        return None
    value = r / s
    variance = float(((a + b) * t1 * t0 / total**2).sum() / (r * s))
    return _with_interval(float(value), variance, int(a.sum()))


def ratio_of(one: RateRatio, other: RateRatio) -> RateRatio:
    """How many times as large `one` is as `other`, which must rest on other people's events."""
    variance = one.log_variance + other.log_variance
    return _with_interval(one.value / other.value, variance, one.events)


def _with_interval(value: float, log_variance: float, events: int) -> RateRatio:
    spread = sqrt(log_variance)
    return RateRatio(
        value=value,
        low=exp(max(log(value) - Z * spread, -LARGEST_LOG)),
        high=exp(min(log(value) + Z * spread, LARGEST_LOG)),
        p=erfc(abs(log(value)) / spread / sqrt(2)) if spread > 0 else 0.0,
        events=events,
        log_variance=log_variance,
    )


def crude(cells: npt.NDArray[np.float64]) -> RateRatio | None:
    """The rate ratio over all strata together: what one would believe without comparing like with like."""
    return rate_ratio(cells.sum(axis=0, keepdims=True))


def direction_p(first_then_second: int, second_then_first: int) -> float:
    """Two-sided binomial p that both orders are equally common."""
    total = first_then_second + second_then_first
    return float(binomtest(first_then_second, total).pvalue) if total else 1.0


def false_discovery_within(family: npt.NDArray[np.str_], p: list[float]) -> npt.NDArray[np.float64]:
    """float64[m] q-values of each family by itself."""
    values = np.array(p, dtype=np.float64)
    q = np.ones(len(values))
    for name in np.unique(family):
        of_family = family == name
        q[of_family] = false_discovery(values[of_family])
    return q


def false_discovery(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64[m] q-values (Benjamini & Hochberg 1995, doi 10.1111/j.2517-6161.1995.tb02031.x)."""
    if len(p) == 0:
        return p
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1.0)
    return q
