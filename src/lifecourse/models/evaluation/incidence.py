"""How many have had a cause by a time, other causes competing: Aalen & Johansen's curve.

Aalen & Johansen 1978 (Scand J Stat 5:141); its variance as in Marubini & Valsecchi 1995, section 10.3. With one cause
it is one minus Kaplan & Meier's curve, with Greenwood's variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models.evaluation.followed import Followed

    Floats = npt.NDArray[np.float64]

Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidence:
    """A cumulative incidence at some horizons.

    value, low, high : float64[h] between 0 and 1, with a 95 % interval
    worth : float64[h], how many people that nobody lost would tell it as surely (the effective sample size of Dorey &
        Korn 1987, Stat Med 6:679); where nobody or everybody had it, how many were not lost
    """

    value: Floats
    low: Floats
    high: Floats
    worth: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    times: Floats
    at_risk: Floats
    ended: Floats
    of_cause: Floats
    before: Floats  # the chance that nothing has happened yet just before each time
    incidence: Floats

    @classmethod
    def of(cls, followed: Followed, cause: int) -> _Curve:
        happened = followed.event > 0
        times, place = np.unique(followed.duration_days[happened], return_inverse=True)
        ended = np.bincount(place, minlength=len(times)).astype(float)
        mine = (followed.event[happened] == cause).astype(float)
        of_cause: Floats = np.bincount(place, weights=mine, minlength=len(times)).astype(float)
        at_risk = len(followed) - np.searchsorted(np.sort(followed.duration_days), times)
        if followed.entry_days is not None:
            at_risk = at_risk - (
                len(followed) - np.searchsorted(np.sort(followed.entry_days), times)
            )
        survival = np.cumprod(1 - ended / at_risk)
        before = np.concatenate([[1.0], survival])[: len(times)]
        return cls(
            times=times,
            at_risk=at_risk.astype(float),
            ended=ended,
            of_cause=of_cause,
            before=before,
            incidence=np.cumsum(before * of_cause / at_risk),
        )

    def variance(self, step: int) -> float:
        """Of the incidence after the first `step` times."""
        if step == 0:
            return 0.0
        n, d, k = self.at_risk[:step], self.ended[:step], self.of_cause[:step]
        gained = self.incidence[step - 1] - self.incidence[:step]
        alone = d >= n
        greenwood = np.where(alone, 0.0, d / np.where(alone, 1.0, n * (n - d)))
        own = self.before[:step]
        return float(
            (gained**2 * greenwood).sum()
            + (own**2 * k * (n - k) / n**3).sum()
            - 2 * (gained * own * k / n**2).sum()
        )


def cumulative_incidence(
    followed: Followed, horizons_days: npt.ArrayLike, *, cause: int = 1
) -> Incidence:
    """The share who had `cause` first, in (0, horizon], for each horizon (float64[h], days).

    Those who entered late count from then on. The 95 % interval is symmetric on the scale of log(-log(1 - value))
    (Kalbfleisch & Prentice 2002, section 1.4), and the value itself where nobody, or everybody, had it.
    """
    horizons = np.atleast_1d(np.asarray(horizons_days, dtype=float))
    curve = _Curve.of(followed, cause)
    steps = np.searchsorted(curve.times, horizons, side="right")
    value = np.concatenate([[0.0], curve.incidence])[steps]
    spread = np.sqrt([max(curve.variance(int(step)), 0.0) for step in steps])
    low, high = value.copy(), value.copy()
    inside = (value > 0) & (value < 1)
    scale = -np.log1p(-value[inside])
    width = np.exp(Z * spread[inside] / ((1 - value[inside]) * scale))
    low[inside] = -np.expm1(-scale / width)
    high[inside] = -np.expm1(-scale * width)
    lost = (followed.event == 0) & (followed.duration_days < horizons[:, None])
    worth = (~lost).sum(axis=1).astype(np.float64)
    told = inside & (spread > 0)
    worth[told] = value[told] * (1 - value[told]) / spread[told] ** 2
    return Incidence(value=value, low=low, high=high, worth=worth)
