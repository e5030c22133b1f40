"""Venn-Abers prediction: between which two probabilities calibration leaves a person.

Suppose the person had the outcome, add them so to the people whose outcome is known, and calibrate by isotonic
regression: that is `high`. Suppose they had it not: `low`. One of the two is the truth of what is supposed, and
probabilities so chosen are calibrated whatever the model is (Vovk and Petej 2012, doi 10.48550/arXiv.1211.0025;
inductive: Vovk, Petej and Fedorova 2015, doi 10.48550/arXiv.1511.00213). It holds exactly where those who calibrate and
who are asked about are alike and were told their risks by one model; ours were told them out of fold.

Neighbours in risk are put together first, 20 people at least and 200 groups at most, so that no file has a line of one
person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import isotonic_regression

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MOST_GROUPS, LEAST_IN_GROUP = 200, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class VennAbers:
    """For g groups of risk before calibration: `edges` between them (g - 1, ascending), `low` and `high` of each."""

    edges: list[float]
    low: list[float]
    high: list[float]

    @classmethod
    def fit(cls, risk: Floats, came: npt.NDArray[np.bool_]) -> VennAbers:
        """Of float64[r] risks that nobody's own outcome went into, and what came."""
        edges = edges_of(risk)
        group = np.searchsorted(edges, risk, side="right")
        people = np.bincount(group, minlength=len(edges) + 1).astype(float)
        events = np.bincount(group, came, minlength=len(edges) + 1).astype(float)
        ends = [
            [_with_one_more(people, events, place, answer) for place in range(len(people))]
            for answer in (0.0, 1.0)
        ]
        return cls(edges=edges.tolist(), low=ends[0], high=ends[1])

    def between(self, risk: Floats) -> tuple[Floats, Floats]:
        """float64[r] low and high for risks before calibration."""
        group = np.searchsorted(np.array(self.edges), risk, side="right")
        return np.array(self.low)[group], np.array(self.high)[group]


def edges_of(risk: Floats) -> Floats:
    """Risks that cut people into neighbours of about equal number; equal risks are never parted."""
    groups = max(1, min(MOST_GROUPS, len(risk) // LEAST_IN_GROUP))
    ordered = np.sort(risk)
    cuts = np.unique(ordered[np.arange(1, groups) * len(risk) // groups])
    return cuts[cuts > ordered[0]] if len(ordered) else cuts


def _with_one_more(people: Floats, events: Floats, place: int, answer: float) -> float:
    """The isotonic share at `place` when one more is there, with that answer."""
    mass, came = people.copy(), events.copy()
    mass[place] += 1
    came[place] += answer
    return float(isotonic_regression(came / mass, weights=mass).x[place])
