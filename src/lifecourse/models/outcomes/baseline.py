"""How often each outcome begins at each age in each sex: what everything else is compared with.

Person-years and first events are counted by year of age and sex; the log rate is a natural cubic spline of age, of its
own shape in each sex, by penalised Poisson regression on those counts (Holford 1980, doi 10.2307/2529982).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.models.hazards.basis import Curve
from lifecourse.models.outcomes.landmarks import YEAR

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from lifecourse.models.outcomes.catalogue import Onsets

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

AGES = 120
SEXES = (0.0, 1.0)
RIDGE = 0.1
"""In units of log-likelihood: keeps the rate of an outcome that one sex never has above 0."""
ROUNDS = 50
LARGEST_STEP = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeSexRates:
    """Rates a year of k outcomes.

    cumulated : float64[k, 2, AGES + 1], events a person would have had by each birthday, of males and of females
    """

    cumulated: Floats

    @classmethod
    def fit(cls, persons: pl.DataFrame, onsets: Onsets) -> AgeSexRates:
        """The rates among `followed_persons`."""
        events, years = counted(persons, onsets)
        ages = np.arange(AGES, dtype=np.float64) + 0.5
        seen = np.repeat(ages, events.sum(axis=(0, 1)).astype(np.int64))
        columns = _columns(ages, Curve.fit(seen) if len(seen) else None)
        beta = np.stack([
            _fitted(columns, one.ravel(), time.ravel()) for one, time in zip(events, years, strict=True)
        ]) if len(events) else np.zeros((0, columns.shape[1]))  # fmt: skip
        rate = np.exp(beta @ columns.T).reshape(len(beta), len(SEXES), AGES)
        nothing = np.zeros((len(beta), len(SEXES), 1))
        return cls(cumulated=np.concatenate([nothing, rate.cumsum(axis=2)], axis=2))

    def expected(self, place: int, female: Floats, age: Floats, years: Floats) -> Floats:
        """float64[n] events of one outcome expected between `age` and `age + years`."""
        return self._by(place, female, age + years) - self._by(place, female, age)

    def by(self, female: Floats, age: Floats) -> Floats:
        """float64[n, k] events of every outcome expected from birth to `age`."""
        ages = age.clip(0, AGES)
        year = np.minimum(ages.astype(np.int64), AGES - 1)
        part = (ages - year)[:, None]
        by_age = self.cumulated.transpose(1, 2, 0)
        male, of_female = ((1 - part) * one[year] + part * one[year + 1] for one in by_age)
        share = female[:, None]
        found: Floats = share * of_female + (1 - share) * male
        return found

    def _by(self, place: int, female: Floats, age: Floats) -> Floats:
        birthdays = np.arange(AGES + 1)
        male, of_female = (np.interp(age, birthdays, one) for one in self.cumulated[place])
        return female * of_female + (1 - female) * male


def counted(persons: pl.DataFrame, onsets: Onsets) -> tuple[Floats, Floats]:
    """float64[k, 2, AGES] first events, and years lived free of the outcome, by sex and year of age.

    Who had it before being followed is not counted; a person of unknown sex counts half in each.
    """
    subjects, female = persons["subject_id"].to_numpy(), persons["female"].to_numpy()
    birth, start, end = (persons[name].to_numpy() for name in ("birth", "start", "end"))
    shape = (len(onsets.names), len(SEXES), AGES)
    events, years = np.zeros(shape), np.zeros(shape)
    share = np.stack([1 - female, female])
    entry, leaving = (start - birth) / YEAR, (end - birth) / YEAR
    everyones = np.stack([_lived(entry, leaving, one) for one in share])
    for place in range(len(onsets.names)):
        at = onsets.of(place, subjects)
        ill = at <= end
        onset = ((at[ill] - birth[ill]) / YEAR).clip(entry[ill], leaving[ill])
        is_new = at[ill] > start[ill]
        for sex, one in enumerate(share):
            years[place, sex] = everyones[sex] - _lived(onset, leaving[ill], one[ill])
            age = onset[is_new].astype(np.int64).clip(0, AGES - 1)
            events[place, sex] = np.bincount(age, weights=one[ill][is_new], minlength=AGES)
    return events, years.clip(min=0)


def _lived(entry: Floats, leaving: Floats, weight: Floats) -> Floats:
    """float64[AGES] weighted years lived in each year of age between the two ages."""
    edges = np.arange(AGES + 1)
    found = np.zeros(AGES)
    for ages, sign in ((leaving, 1.0), (entry, -1.0)):
        ages = ages.clip(0, AGES - 1e-9)
        whole = ages.astype(np.int64)
        total = np.bincount(whole, weights=weight, minlength=AGES)
        rest = np.bincount(whole, weights=weight * (ages - edges[whole]), minlength=AGES)
        found += sign * (total[::-1].cumsum()[::-1] - total + rest)
    return found


def _columns(ages: Floats, curve: Curve | None) -> Floats:
    """float64[2 * AGES, c]: 1, the curve of age, the sex (half above and below 0), and the curve in each."""
    bent = np.zeros((1, len(ages)), dtype=np.float32)
    if curve is not None:
        bent = np.empty((curve.n_columns, len(ages)), dtype=np.float32)
        curve.fill(ages, bent)
    of_age = np.vstack([np.ones(len(ages)), bent]).T
    return np.vstack([np.hstack([of_age, (sex - 0.5) * of_age]) for sex in SEXES])


def _fitted(columns: Floats, events: Floats, years: Floats) -> Floats:
    """float64[c] coefficients of the log rate; Newton's steps, none larger than LARGEST_STEP."""
    beta = np.zeros(columns.shape[1])
    beta[0] = np.log((events.sum() + 0.5) / max(years.sum(), 1.0))
    ridge = np.full(len(beta), RIDGE)
    ridge[0] = 1e-6
    for _ in range(ROUNDS):
        expected = years * np.exp(columns @ beta)
        slope = columns.T @ (events - expected) - ridge * beta
        curvature = (columns.T * expected) @ columns + np.diag(ridge)
        step = np.linalg.solve(curvature, slope)
        beta += step * min(1.0, LARGEST_STEP / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-6:
            break
    return beta
