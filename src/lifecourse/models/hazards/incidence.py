"""Cumulative incidence from hazards of several causes, integrated together: their sum can never pass 1.

Within an interval all hazards are constant, so a person alive at its start with total hazard h has by d days later had
cause c with probability (h_c / h) (1 - exp(-h d)) (Aalen & Johansen 1978; Benichou & Gail 1990, doi 10.2307/2532098).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.errors import ModelError
from lifecourse.engine.compiled import kernel, part

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Hazards:
    """Hazards of c causes for r rows: in interval j, rate[c, j] x exp(margin[c, period[j], r]) a day.

    rate : float64[c, g]; period : int64[g], 0..p-1; margin : float64[c, p, r]
    """

    rate: Floats
    period: Integers
    margin: Floats


@part
def _gained(alive: float, of_cause: float, total: float, days: float) -> float:
    """The part of everyone who have the cause within `days`, of whom `alive` are left."""
    if total <= 0.0:
        return 0.0
    return alive * of_cause / total * (1.0 - np.exp(-total * days))


@part
def _mean_hazard(
    rate: Floats, period: Integers, factor: Floats, share: Floats, j: int, row: int, hazard: Floats
) -> float:
    """Fill each cause's hazard in an interval; gives their sum."""
    n_parts, n_causes, _ = rate.shape
    total = 0.0
    for c in range(n_causes):
        hazard[c] = 0.0
        for m in range(n_parts):
            hazard[c] += share[m] * rate[m, c, j] * factor[m, c, period[m, j], row]
        total += hazard[c]
    return total


@kernel(
    "float64[]", "float64[][][]", "int64[][]", "float64[][][][]", "float64[]", "float64[]",
    "float64[]", "float64[][][]",
)  # fmt: skip
def _integrate(
    edges: Floats, rate: Floats, period: Integers, factor: Floats, share: Floats, horizons: Floats,
    hazard: Floats, incidence: Floats,
) -> None:  # fmt: skip
    """Add up incidence[row, cause, horizon], from zeros, for a mean of several parts' hazards."""
    for row in range(incidence.shape[0]):
        alive = 1.0
        place = 0
        for j in range(len(edges) - 1):
            total = _mean_hazard(rate, period, factor, share, j, row, hazard)
            while place < len(horizons) and horizons[place] <= edges[j + 1]:
                for c in range(len(hazard)):
                    days = horizons[place] - edges[j]
                    incidence[row, c, place] += _gained(alive, hazard[c], total, days)
                place += 1
            days = edges[j + 1] - edges[j]
            for c in range(len(hazard)):
                gained = _gained(alive, hazard[c], total, days)
                for h in range(place, len(horizons)):
                    incidence[row, c, h] += gained
            alive *= np.exp(-total * days)


def cumulative_incidence(
    edges: Floats,
    parts: Sequence[Hazards],
    horizons_days: npt.ArrayLike,
    share: Sequence[float] | None = None,
) -> Floats:
    """float64[r, c, h]: the probability of each cause by each horizon, the causes competing.

    Parameters
    ----------
    edges : float64[g + 1] days, of the grid that all parts share
    parts : hazards whose mean, weighted by `share` (equal where None), is taken
    horizons_days : ascending, above 0 and not beyond the last edge

    Raises
    ------
    ModelError
        A horizon lies beyond what was learned from.
    """
    horizons = np.ascontiguousarray(horizons_days, dtype=np.float64)
    if len(horizons) == 0 or (np.diff(horizons) <= 0).any() or horizons[0] <= 0:
        raise ModelError("horizons are days above 0, ascending; these are not.")
    if horizons[-1] > edges[-1] * (1 + 1e-9):
        raise ModelError(
            f"a horizon of {horizons[-1]:.0f} days lies beyond the {edges[-1]:.0f} days that were learned from."
        )
    n_periods = max(one.margin.shape[1] for one in parts)
    factor = np.stack(
        [np.exp(np.broadcast_to(one.margin, _filled(one.margin, n_periods))) for one in parts]
    )
    n_parts, n_causes, _, n_rows = factor.shape
    weights = np.full(n_parts, 1.0 / n_parts) if share is None else np.asarray(share, dtype=float)
    found = np.zeros((n_rows, n_causes, len(horizons)))
    _integrate(
        np.ascontiguousarray(edges), np.stack([one.rate for one in parts]),
        np.stack([one.period for one in parts]), np.ascontiguousarray(factor), weights,
        np.minimum(horizons, edges[-1]), np.empty(n_causes), found,
    )  # fmt: skip
    return found


def mean_rate(rates: Sequence[Floats]) -> Floats:
    """float64[c, g]: the mean on the log scale; the plain one where any is 0."""
    stacked = np.stack(rates)
    with np.errstate(divide="ignore"):
        on_logs = np.exp(np.log(stacked).mean(axis=0))
    return np.where((stacked > 0).all(axis=0), on_logs, stacked.mean(axis=0))


def _filled(margin: Floats, n_periods: int) -> tuple[int, int, int]:
    """A part without periods of its own has the same margin in all."""
    n_causes, own, n_rows = margin.shape
    return n_causes, n_periods if own == 1 else own, n_rows
