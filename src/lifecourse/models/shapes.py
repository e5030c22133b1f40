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
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit

from lifecourse.models.calibration import Calibrator, fit_calibrator, log_odds

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

BETA, ISOTONIC = "beta", "isotonic"
PRIOR_EVENTS = 20.0
"""a and b are held to 1 as if by so many events."""
FEWEST_OF_EACH = 20.0
"""A step rests on at least so many people who had it and so many who had not."""
BOUNDS = (0.05, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A rising map of probabilities.

    numbers : of ``beta`` a, b and c; of ``isotonic`` k knots in log-odds, then the k log-odds they are mapped to
    """

    kind: str
    numbers: list[float]

    def apply(self, probability: Floats) -> Floats:
        """float64[r]; beyond the outer knots log-odds move along with what is mapped."""
        x = log_odds(probability)
        if self.kind == BETA:
            a, b, c = self.numbers
            return np.asarray(expit(c + a * np.log(expit(x)) - b * np.log(expit(-x))))
        knots, mapped = np.split(np.array(self.numbers), 2)
        outside = np.minimum(x - knots[0], 0.0) + np.maximum(x - knots[-1], 0.0)
        return np.asarray(expit(np.interp(x, knots, mapped) + outside))


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


def fit_beta(risk: Floats, came: Flags, weight: Floats) -> Shape:
    """The beta map of the greatest weighted likelihood, a and b in [0.05, 3]."""
    x, y = log_odds(risk), came.astype(float)
    known, unknown = np.log(expit(x)), np.log(expit(-x))

    def cost(at: Floats) -> tuple[float, Floats]:
        a, b, c = at
        z = c + a * known - b * unknown
        loss = float((weight * (np.logaddexp(0.0, z) - y * z)).sum())
        off = weight * (expit(z) - y)
        pulled = PRIOR_EVENTS * np.array([a - 1, b - 1])
        gradient = np.array([(off * known).sum(), -(off * unknown).sum(), off.sum()])
        gradient[:2] += pulled
        return loss + float(pulled @ pulled) / (2 * PRIOR_EVENTS), gradient

    found = minimize(
        cost, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B",
        bounds=[BOUNDS, BOUNDS, (None, None)], options={"maxiter": 500, "ftol": 1e-14},
    )  # fmt: skip
    return Shape(kind=BETA, numbers=[float(value) for value in found.x])


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


def chosen_shape(
    risk: Floats, came: Flags, weight: Floats, folds: npt.NDArray[np.int64]
) -> Shape | None:
    """The kind that foretells people outside its fit best; None (leave it straight) unless by more than chance.

    Parameters
    ----------
    risk : float64[r], already brought to intercept and slope
    weight : float64[r], 0 for those whose outcome is not known
    folds : int64[r], one person in one fold

    A kind is taken where its gain in log loss is above the standard error of that gain, the larger gain first.
    """
    if not 0 < float(weight[came].sum()) < float(weight.sum()):
        return None
    straight = _losses(risk, came, weight)
    best, margin = "", 0.0
    for kind, fit in FITS.items():
        gain = straight - _losses(_held_out(fit, risk, came, weight, folds), came, weight)
        beyond = float(gain.mean() - gain.std() / np.sqrt(len(gain)))
        if beyond > margin:
            best, margin = kind, beyond
    return FITS[best](risk, came, weight) if best else None


def _held_out(
    fit: Callable[[Floats, Flags, Floats], Shape | None],
    risk: Floats,
    came: Flags,
    weight: Floats,
    folds: npt.NDArray[np.int64],
) -> Floats:
    told = risk.copy()
    for fold in np.unique(folds):
        others, mine = folds != fold, folds == fold
        if 0 < float(weight[others & came].sum()) < float(weight[others].sum()):
            shape = fit(risk[others], came[others], weight[others])
            told[mine] = risk[mine] if shape is None else shape.apply(risk[mine])
    return told


def _losses(risk: Floats, came: Flags, weight: Floats) -> Floats:
    x = log_odds(risk)
    return np.asarray(weight * np.where(came, np.logaddexp(0.0, -x), np.logaddexp(0.0, x)))
