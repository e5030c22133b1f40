"""A smooth calibration curve, and how far the risks lie from it.

A logistic regression of the outcome on a restricted cubic spline of the log-odds of the risk (Harrell 2015, section
2.4.5; knots at Harrell's percentiles). ICI, E50 and E90 are the mean, the median and the 90th percentile over people
of the distance between the curve and the risk: Austin & Steyerberg 2019, doi 10.1002/sim.8281; at a horizon with
competing causes: Austin et al. 2022, doi 10.1002/sim.9333. Lower is better, 0 is perfect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from lifecourse.models.calibration import fit_logistic, log_odds

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

PERCENTILES = (5, 27.5, 50, 72.5, 95)
RIDGE = 1e-6
"""On standardised columns: only what the data leave free is held by it."""
PLACES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCurve:
    """What happened to people of each risk.

    knots : float64[k] log-odds; with fewer than three the curve is a straight line on the log-odds
    centre, scale : of the columns
    coefficients : of a constant and the columns
    """

    knots: Floats
    centre: Floats
    scale: Floats
    coefficients: Floats

    @classmethod
    def fitted(
        cls, outcome: npt.NDArray[np.bool_], risk: Floats, weight: Floats | None = None
    ) -> CalibrationCurve | None:
        """The curve; None where there is only one kind of outcome."""
        mass = np.ones(len(risk)) if weight is None else weight
        known = mass > 0
        if len(np.unique(outcome[known])) < 2:
            return None
        x = log_odds(risk)
        knots = np.unique(np.percentile(x, PERCENTILES))
        columns = _columns(x, knots)
        centre, scale = columns.mean(axis=0), columns.std(axis=0)
        scale[scale == 0] = 1.0
        design = np.column_stack([np.ones(len(x)), (columns - centre) / scale])[known]
        start = np.zeros(design.shape[1])
        y = outcome[known].astype(float)
        return cls(
            knots=knots,
            centre=centre,
            scale=scale,
            coefficients=fit_logistic(design, y, mass[known], start=start, ridge=RIDGE),
        )

    def observed(self, risk: Floats) -> Floats:
        """float64[n]: how often it happened to people of each risk, between 0 and 1."""
        columns = (_columns(log_odds(risk), self.knots) - self.centre) / self.scale
        return np.asarray(expit(self.coefficients[0] + columns @ self.coefficients[1:]))


def _columns(x: Floats, knots: Floats) -> Floats:
    """float64[n, max(1, k - 1)] restricted cubic spline: straight outside the first and the last knot."""
    columns = [x]
    if len(knots) >= 3:
        last, previous = knots[-1], knots[-2]
        span = (last - knots[0]) ** 2

        def cubed(knot: float) -> Floats:
            return np.maximum(x - knot, 0.0) ** 3

        columns += [
            (
                cubed(knot)
                - cubed(previous) * (last - knot) / (last - previous)
                + cubed(last) * (previous - knot) / (last - previous)
            )
            / span
            for knot in knots[:-2]
        ]
    return np.column_stack(columns)


def calibration_errors(
    outcome: npt.NDArray[np.bool_], risk: Floats, weight: Floats | None = None
) -> dict[str, float]:
    """``ici``, ``e50`` and ``e90``; NaN where there is only one kind of outcome."""
    curve = CalibrationCurve.fitted(outcome, risk, weight)
    if curve is None:
        return {"ici": float("nan"), "e50": float("nan"), "e90": float("nan")}
    distance = np.abs(curve.observed(risk) - risk)
    return {
        "ici": float(distance.mean()),
        "e50": float(np.percentile(distance, 50)),
        "e90": float(np.percentile(distance, 90)),
    }


def curve_table(
    outcome: npt.NDArray[np.bool_], risk: Floats, weight: Floats | None = None
) -> list[dict[str, float]]:
    """``predicted`` and ``observed`` along the curve, between the 1st and the 99th percentile of the risks."""
    curve = CalibrationCurve.fitted(outcome, risk, weight)
    if curve is None:
        return []
    places = np.unique(np.percentile(risk, np.linspace(1, 99, PLACES)))
    return [
        {"predicted": float(at), "observed": float(seen)}
        for at, seen in zip(places, curve.observed(places), strict=True)
    ]
