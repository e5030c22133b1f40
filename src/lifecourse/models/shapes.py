"""Bent calibration: maps that intercept and slope cannot draw, taken only where people outside the fit gain by it.

Two kinds. ``beta`` (Kull, Silva Filho and Flach 2017, doi 10.1214/17-EJS1338SI): log-odds of
c + a ln p - b ln(1 - p). ``isotonic`` (Zadrozny and Elkan 2002, doi 10.1145/775047.775151): the rising steps nearest to
what came, joined at their centres so that no two people are made equal (Oron and Flournoy 2017,
doi 10.1080/19466315.2017.1286256).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit

from lifecourse.models.calibration import (
    SLOPES,
    Calibrator,
    both_kinds,
    fit_calibrator,
    fit_logistic,
    log_odds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

STRAIGHT, BETA, ISOTONIC = "straight", "beta", "isotonic"
PRIOR_EVENTS = 20.0
"""a and b are held to 1 as if by so many events."""
FEWEST_OF_EACH = 20.0
"""A step rests on at least so many people who had it and so many who had not."""
FEWEST = {BETA: 50, ISOTONIC: 200}
"""People of the rarer answer, known by then, from which on a kind is tried."""
STANDARD_ERRORS = 2.0
MOST_GROUPS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A rising map of probabilities.

    numbers : of ``beta`` a, b and c; of ``isotonic`` k knots in log-odds, then the k log-odds they are mapped to
    beyond : how steep an isotonic map is outside its outer knots, in log-odds
    """

    kind: str
    numbers: list[float]
    beyond: float = 1.0

    def apply(self, probability: Floats) -> Floats:
        """float64[r]; beyond the outer knots log-odds move along with what is mapped, `beyond` as far."""
        x = log_odds(probability)
        if self.kind == BETA:
            a, b, c = self.numbers
            return np.asarray(expit(c + a * np.log(expit(x)) - b * np.log(expit(-x))))
        knots, mapped = np.split(np.array(self.numbers), 2)
        outside = np.minimum(x - knots[0], 0.0) + np.maximum(x - knots[-1], 0.0)
        return np.asarray(expit(np.interp(x, knots, mapped) + self.beyond * outside))

    def then(self, after: Calibrator) -> Shape:
        """What it gives, mapped again by `after`."""
        if self.kind == BETA:
            a, b, c = (after.slope * value for value in self.numbers)
            return Shape(kind=BETA, numbers=[a, b, c + after.intercept])
        knots, mapped = np.split(np.array(self.numbers), 2)
        moved = after.intercept + after.slope * mapped
        numbers = [*knots.tolist(), *moved.tolist()]
        return Shape(kind=ISOTONIC, numbers=numbers, beyond=self.beyond * after.slope)


@dataclass(frozen=True, slots=True, kw_only=True)
class BentCalibrator:
    """A straight map, then a shape."""

    straight: Calibrator
    shape: Shape

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> BentCalibrator:
        """What `asdict` gave."""
        return cls(straight=Calibrator(**document["straight"]), shape=Shape(**document["shape"]))

    def apply(self, probability: Floats) -> Floats:
        """float64[r] calibrated probabilities."""
        return self.shape.apply(self.straight.apply(probability))

    def then(self, after: Calibrator) -> BentCalibrator:
        """What it says, mapped again by `after`."""
        return BentCalibrator(straight=self.straight, shape=self.shape.then(after))


def kind_of(calibrator: Calibrator | BentCalibrator) -> str:
    """``straight``, ``beta`` or ``isotonic``."""
    return calibrator.shape.kind if isinstance(calibrator, BentCalibrator) else STRAIGHT


def fit_beta(risk: Floats, came: Flags, weight: Floats) -> Shape:
    """The beta map of the greatest weighted likelihood, a and b in `SLOPES` and held to 1 by `PRIOR_EVENTS`."""
    x = log_odds(risk)
    a, b, c = fit_logistic(
        np.column_stack([np.log(expit(x)), -np.log(expit(-x)), np.ones(len(x))]),
        came.astype(float),
        weight,
        start=np.array([1.0, 1.0, 0.0]),
        ridge=np.array([PRIOR_EVENTS, PRIOR_EVENTS, 0.0]),
        bounds=(
            np.array([SLOPES[0], SLOPES[0], -np.inf]),
            np.array([SLOPES[1], SLOPES[1], np.inf]),
        ),
    )
    return Shape(kind=BETA, numbers=[float(a), float(b), float(c)])


def fit_isotonic(risk: Floats, came: Flags, weight: Floats) -> Shape | None:
    """The isotonic map; None where fewer than two steps of 20 people of each answer are left."""
    levels, place = np.unique(log_odds(risk), return_inverse=True)
    mass = np.bincount(place, weight, len(levels))
    held = mass > 0
    levels, mass = levels[held], mass[held]
    events = np.bincount(place, weight * came, len(held))[held]
    blocks = isotonic_regression(events / mass, weights=mass).blocks
    steps = _joined(*(np.add.reduceat(part, blocks[:-1]) for part in (mass, events, mass * levels)))
    if len(steps) < 2:
        return None
    mass_of, events_of, sum_of = np.array(steps).T
    knots, mapped = sum_of / mass_of, log_odds(events_of / mass_of)
    bent = Shape(kind=ISOTONIC, numbers=[*knots.tolist(), *mapped.tolist()])
    level = fit_calibrator(bent.apply(risk), came, weight, slopes=False).intercept
    return Shape(kind=ISOTONIC, numbers=[*knots.tolist(), *(mapped + level).tolist()])


def _joined(mass: Floats, events: Floats, sums: Floats) -> list[Floats]:
    """Neighbouring steps put together until each has enough of both answers: mass, events and sum of log-odds."""
    steps: list[Floats] = []
    open_ = np.zeros(3)
    for step in np.column_stack([mass, events, sums]):
        open_ = open_ + step
        if min(open_[1], open_[0] - open_[1]) >= FEWEST_OF_EACH:
            steps.append(open_)
            open_ = np.zeros(3)
    if steps:
        steps[-1] = steps[-1] + open_
    return steps


FITS: dict[str, Callable[[Floats, Flags, Floats], Shape | None]] = {
    BETA: fit_beta,
    ISOTONIC: fit_isotonic,
}


@dataclass(frozen=True, slots=True)
class _Groups:
    """People put together by risk: `risk` float64[g], and of each fold, answer and group how many, how much weight.

    Fits and gains of g groups take the same time whatever the number of people is.
    """

    risk: Floats
    people: Floats  # [folds, 2, g], as the others
    weight: Floats
    squared: Floats

    @classmethod
    def of(cls, risk: Floats, came: Flags, weight: Floats, folds: npt.NDArray[np.int64]) -> _Groups:
        x = log_odds(risk)
        order = np.argsort(x, kind="stable")
        place = np.empty(len(x), dtype=np.int64)
        place[order] = np.arange(len(x)) * min(MOST_GROUPS, len(x)) // len(x)
        n_groups = int(place[order[-1]]) + 1
        _, fold = np.unique(folds, return_inverse=True)
        n_folds = int(fold.max()) + 1
        cell = (fold * 2 + came) * n_groups + place
        sums = [
            np.bincount(cell, of, n_folds * 2 * n_groups).astype(float)
            for of in (np.ones(len(x)), weight, weight**2)
        ]
        centre = np.bincount(place, x, n_groups) / np.bincount(place, minlength=n_groups)
        shape = (n_folds, 2, n_groups)
        return cls(expit(centre), *(each.reshape(shape) for each in sums))

    def fitted(self, kind: str, without: int | None = None) -> Shape | None:
        """The shape that the people outside a fold, or everyone, teach."""
        weight = self.weight.sum(axis=0)
        if without is not None:
            weight = weight - self.weight[without]
        if not (weight.sum(axis=1) > 0).all():
            return None
        answer, group = np.nonzero(weight > 0)
        return FITS[kind](self.risk[group], answer == 1, weight[answer, group])

    def beyond_chance(self, kind: str) -> float:
        """Mean gain in log loss of people outside the fit, less `STANDARD_ERRORS` of its standard error."""
        gain = np.zeros_like(self.people)
        for fold in range(len(gain)):
            shape = self.fitted(kind, fold)
            if shape is not None:
                gain[fold] = _losses(self.risk) - _losses(shape.apply(self.risk))
        n = self.people.sum()
        mean = float((self.weight * gain).sum() / n)
        variance = float((self.squared * gain**2).sum() / n) - mean**2
        return mean - STANDARD_ERRORS * float(np.sqrt(max(variance, 0.0) / n))


def chosen_shape(
    risk: Floats, came: Flags, weight: Floats, folds: npt.NDArray[np.int64]
) -> Shape | None:
    """The kind that foretells people outside its fit best; None (leave it straight) unless by more than chance.

    Parameters
    ----------
    risk : float64[r], already brought to intercept and slope
    weight : float64[r], 0 for those whose outcome is not known
    folds : int64[r], one person in one fold

    A kind is asked where there are enough people of the rarer answer (`FEWEST`), and taken where its gain in log loss
    is above twice the standard error of that gain, the larger gain first. Neighbours in risk are put together, in 400
    groups at most.
    """
    known = weight > 0
    rarer = min(int((came & known).sum()), int((~came & known).sum()))
    kinds = [kind for kind in FITS if rarer >= FEWEST[kind]]
    if not kinds:
        return None
    groups = _Groups.of(risk[known], came[known], weight[known], folds[known])
    beyond = {kind: groups.beyond_chance(kind) for kind in kinds}
    best = max(kinds, key=lambda kind: beyond[kind])
    return groups.fitted(best) if beyond[best] > 0 else None


def chosen_calibrator(
    risk: Floats, came: Flags, folds: npt.NDArray[np.int64]
) -> Calibrator | BentCalibrator:
    """The straight map from what a model says to what came, bent where people outside the fit gain by it.

    Where nobody or everybody had it, what the model says stays as it is.

    risk, folds : of r rows, as `chosen_shape` has them, but as the model says them
    """
    if not both_kinds(came, np.ones(len(came))):
        return Calibrator(intercept=0.0, slope=1.0)
    straight = fit_calibrator(risk, came)
    shape = chosen_shape(straight.apply(risk), came, np.ones(len(risk)), folds)
    return straight if shape is None else BentCalibrator(straight=straight, shape=shape)


def _losses(risk: Floats) -> Floats:
    """float64[2, g]: the log loss of those to whom it did not come, and of those to whom it came."""
    x = log_odds(risk)
    return np.stack([np.logaddexp(0.0, x), np.logaddexp(0.0, -x)])
