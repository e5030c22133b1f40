"""How many times as often as others of their age and sex: hazard ratios of many outcomes on one matrix.

Each outcome is a Poisson regression of its first events on the shared columns, with the events that age and sex let
expect as the offset (the person-period form of a proportional hazard). All share one ridge. With few events an
outcome says little of a thousand codes by itself; what all outcomes' coefficients vary along most, a few directions in
the space of codes, is given to each as columns that are shrunk alike (Evgeniou & Pontil 2007: multi-task features).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.models.hazards.basis import Basis, Design
from lifecourse.models.hazards.poisson import Columns, Expected, PoissonHazard
from lifecourse.models.outcomes.landmarks import YEAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.outcomes.baseline import AgeSexRates
    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.outcomes.landmarks import Landmarks

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

RIDGE_OF_COVARIATES = 1.0
RIDGE_OF_DIRECTIONS = 100.0
"""Penalties, in units of log-likelihood, of a standard deviation of age, sex, named covariates and totals, and of a
direction. Those of codes are chosen."""
FEWEST_WITHOUT, WITHOUT_FOR_ONE = 10_000, 10
TOLERANCE = 1e-3
"""Of the log-likelihood an event."""
TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUps:
    """What came after each landmark, within `years`."""

    landmarks: Landmarks
    onsets: Onsets
    rates: AgeSexRates
    years: float

    def of(self, place: int) -> tuple[Flags, Floats]:
        """bool[n]: the outcome first came then; float64[n]: events expected until it, or the end; 0 in who had it."""
        time = self.landmarks.time
        onset = self.onsets.of(place, self.landmarks.subjects)
        end = np.minimum(self.landmarks.until, time + int(self.years * YEAR))
        at_risk = onset > time
        happened = at_risk & (onset <= end)
        seen = np.where(happened, onset, end) - time
        expected = self.rates.expected(
            place, self.landmarks.female, self.landmarks.age, seen / YEAR
        )
        # An event where nothing was expected, by rounding, must not weigh without end.
        return happened, np.where(at_risk, np.maximum(expected, TINY), 0.0)

    def known(self, place: int) -> tuple[Flags, Flags]:
        """bool[n] each: the outcome first came within the years; whether it did is known, of those who were free of it.

        Of who died before without it, it is known that it did not come.
        """
        time = self.landmarks.time
        onset = self.onsets.of(place, self.landmarks.subjects)
        end = time + int(self.years * YEAR)
        came = (onset > time) & (onset <= np.minimum(end, self.landmarks.until))
        seen = (self.landmarks.until >= end) | self.landmarks.dies
        return came, (onset > time) & (came | seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardRatios:
    """Fitted ratios of k outcomes.

    beta : float32[k, columns] log hazard ratios; level : float64[k], added to all
    totals : whether columns say how many codes a person has
    """

    basis: Basis
    beta: npt.NDArray[np.float32]
    level: Floats
    totals: bool

    def logs(self, features: FeatureMatrix) -> Floats:
        """float64[r, k] log hazard ratios of rows."""
        design = self.basis.design(widened(features, totals=self.totals))
        d = len(design.dense)
        of_codes = design.codes.tocsr() @ self.beta[:, d:].T
        found: Floats = design.dense.T @ self.beta[:, :d].T + of_codes + self.level
        return found


def widened(features: FeatureMatrix, *, totals: bool) -> FeatureMatrix:
    """The features and, with `totals`, in each block of columns how many a person has, on the log scale."""
    n_codes = len(features.vocabulary)
    if not totals or n_codes == 0:
        return features
    n_blocks = features.codes.shape[1] // n_codes
    has = features.codes != 0
    counts = [
        np.log1p(np.asarray(has[:, n_codes * block : n_codes * (block + 1)].sum(axis=1)).ravel())
        for block in range(n_blocks)
    ]
    return replace(
        features,
        dense=np.column_stack([features.dense, *counts]),
        dense_names=[*features.dense_names, *(f"codes.{block}" for block in range(n_blocks))],
    )


def fit_ratios(
    features: FeatureMatrix,
    follow_ups: FollowUps,
    places: Sequence[int],
    *,
    ridge: float,
    directions: int,
    totals: bool = True,
) -> HazardRatios:
    """The hazard ratios of some outcomes; `directions` of what they share are columns too, none where 0."""
    (found,) = ratios_by_ridge(
        features, follow_ups, places, ridges=[ridge], directions=directions, totals=totals
    )
    return found


def ratios_by_ridge(
    features: FeatureMatrix,
    follow_ups: FollowUps,
    places: Sequence[int],
    *,
    ridges: Sequence[float],
    directions: int,
    totals: bool = True,
) -> list[HazardRatios]:
    """As `fit_ratios` for each of several penalties, from strong to weak; directions are those at the first."""
    features = widened(features, totals=totals)
    basis = Basis.fit(features)
    design = basis.design(features)
    d = len(design.dense)
    shared = np.zeros((0, design.codes.shape[1]))
    if directions and len(places) > directions:
        first = fitted(design, follow_ups, places, [_penalties(design, d, ridges[0])])[0][0]
        shared = _directions(design, first[:, d:], directions)
        along = design.codes @ shared.T
        design = Design(np.vstack([design.dense, along.T]).astype(np.float32), design.codes)
    fits = fitted(design, follow_ups, places, [_penalties(design, d, one) for one in ridges])
    q = len(shared)
    return [
        HazardRatios(
            basis=basis,
            # What lies along a direction is a sum of codes again, so the model needs no directions.
            beta=np.hstack([beta[:, :d], beta[:, d + q :] + beta[:, d : d + q] @ shared]).astype(
                np.float32
            ),
            level=level,
            totals=totals,
        )
        for beta, level in fits
    ]


def fitted(
    design: Design, follow_ups: FollowUps, places: Sequence[int], penalties: Sequence[Floats]
) -> list[tuple[Floats, Floats]]:
    """For each of the penalties float64[k, columns] coefficients and float64[k] levels, an outcome to a thread."""
    codes, d = design.codes.tocsr(), len(design.dense)
    none = np.zeros(design.n_columns)

    def one(place: int) -> list[tuple[Floats, float]]:
        happened, expected = follow_ups.of(place)
        rows, weight = drawn(happened, expected, seed=place)
        columns = Columns.of(Design(design.dense[:, rows], codes[rows].tocsc()))
        fit = PoissonHazard.start(columns, Expected(expected[rows]), happened[rows], weight)
        found = []
        for ridge in penalties:
            fit.fit(none, ridge, TOLERANCE)
            # Those drawn are fitted a little too well, so that the level is found from everyone.
            margin = fit.beta[:d] @ design.dense + codes @ fit.beta[d:]
            level = (happened.sum() + TINY) / (expected @ np.exp(margin) + TINY)
            found.append((fit.beta.copy(), float(np.log(level))))
        return found

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        each = list(pool.map(one, places))
    return [
        (np.stack([one[i][0] for one in each]), np.array([one[i][1] for one in each]))
        for i in range(len(penalties))
    ]


def drawn(happened: Flags, expected: Floats, *, seed: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """int64 rows to fit on, and how many each stands for: all with the event, and of the others at risk a share.

    Beside ten times as many without the event, more of them say next to nothing (Breslow & Day 1980: case-cohort and
    nested designs); those drawn are weighted up to all.
    """
    others = np.flatnonzero(~happened & (expected > 0))
    most = max(FEWEST_WITHOUT, WITHOUT_FOR_ONE * int(happened.sum()))
    chosen = others
    if len(others) > most:
        chosen = np.random.default_rng(seed).choice(others, most, replace=False)
    rows = np.sort(np.concatenate([np.flatnonzero(happened), chosen]))
    weight = np.where(happened[rows], 1.0, len(others) / max(len(chosen), 1))
    return rows, weight


def _penalties(design: Design, n_covariates: int, ridge: float) -> Floats:
    """float64[columns]: of covariates, then directions, then codes."""
    found = np.full(design.n_columns, ridge)
    found[: len(design.dense)] = RIDGE_OF_DIRECTIONS
    found[:n_covariates] = RIDGE_OF_COVARIATES
    return found


def _directions(design: Design, beta: Floats, directions: int) -> Floats:
    """float64[q, codes]: along which coefficients vary most, each of standard deviation 1 over the rows."""
    _, _, right = np.linalg.svd(beta, full_matrices=False)
    along = design.codes @ right[:directions].T
    spread = along.std(axis=0)
    found: Floats = right[:directions][spread > TINY] / spread[spread > TINY][:, None]
    return found
