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


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRatio:
    """A rate ratio with its 95 % interval, two-sided p, and the exposed events behind it."""

    value: float
    low: float
    high: float
    p: float
    events: int


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
    spread = sqrt(variance)
    p = erfc(abs(log(value)) / spread / sqrt(2)) if spread > 0 else 0.0
    return RateRatio(
        value=float(value),
        low=exp(log(value) - Z * spread),
        high=exp(log(value) + Z * spread),
        p=p,
        events=int(a.sum()),
    )


def crude(cells: npt.NDArray[np.float64]) -> RateRatio | None:
    """The rate ratio over all strata together: what one would believe without comparing like with like."""
    return rate_ratio(cells.sum(axis=0, keepdims=True))


def direction_p(first_then_second: int, second_then_first: int) -> float:
    """Two-sided binomial p that both orders are equally common."""
    total = first_then_second + second_then_first
    return float(binomtest(first_then_second, total).pvalue) if total else 1.0


def false_discovery(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64[m] q-values (Benjamini & Hochberg 1995, doi 10.1111/j.2517-6161.1995.tb02031.x)."""
    if len(p) == 0:
        return p
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1.0)
    return q
