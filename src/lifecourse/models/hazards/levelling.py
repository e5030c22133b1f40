"""Levelling: hazards multiplied so that in people of each age, sex and deprivation as many come as are expected.

What learning holds back is drawn towards everyone's mean, and by whom it is drawn in people who taught it cannot be
seen: theirs is level already. So what a hazard is multiplied with is learned from people who were held out, in each
period by itself: a Poisson regression of their events on who they are and on what the hazards say, with the events that
these expect as the offset. It is the calibration of groups that multicalibration asks for (Hebert-Johnson et al. 2018,
PMLR 80:1939), by a regression on what defines the groups. How far the hazards themselves are stretched is learned with
it: a stretch that came after would tilt the groups again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.models.hazards.basis import Basis
from lifecourse.models.hazards.grid import Spans
from lifecourse.models.hazards.incidence import Hazards
from lifecourse.models.hazards.person_periods import bounds_of
from lifecourse.models.hazards.poisson import Columns, Expected, PoissonHazard
from lifecourse.models.hazards.start import demographics, places_of, shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.evaluation.followed import Followed

    Floats = npt.NDArray[np.float64]
    Halves = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.bool_]
    Integers = npt.NDArray[np.int64]

LEVEL_EVENTS = 2_000
"""Of a cause, among people held out; of fewer, groups tell little that chance does not."""
PRIOR_EVENTS = 20.0
"""Every coefficient is held to 0 as if by so many events, of columns at one standard deviation."""
LEAST_SCORE = -30.0
"""The log of what a hazard of nothing adds up to."""
CLOSE = 1e-6
"""Of the log-likelihood an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levelling:
    """What is added to the log hazards of c causes in p periods.

    level : float64[c, p]; beta : float64[c, p, k] of the columns of `basis`
    stretch : float64[c, p], of the log of what the hazards add up to over the whole period
    """

    basis: Basis
    level: Floats
    beta: Floats
    stretch: Floats

    @classmethod
    def fit(
        cls, basis: Basis, dense: Halves, scores: Floats, came: Flags, expected: Floats
    ) -> Levelling:
        """So that of r rows as many come as are expected; of causes with fewer than `LEVEL_EVENTS` nothing is added.

        dense : float32[k, r] columns of `basis`
        scores, expected : float64[c, p, r] (`scores_of`, `expected_events`); came : bool[c, p, r]
        """
        shape = expected.shape[:2]
        level, stretch, beta = np.zeros(shape), np.zeros(shape), np.zeros((*shape, len(dense)))
        for c, p in np.ndindex(shape):
            if came[c].sum() < LEVEL_EVENTS or not (came[c, p] & (expected[c, p] > 0)).any():
                continue
            columns = Columns.of_dense(np.vstack([dense, scores[c, p]]))
            prior = np.full(columns.n, PRIOR_EVENTS)
            prior[-1] *= scores[c, p].var()
            fit = PoissonHazard.start(columns, Expected(expected[c, p]), came[c, p])
            fit.fit(np.zeros(columns.n), prior, CLOSE)
            level[c, p] = np.log(fit.rate[0])
            beta[c, p], stretch[c, p] = fit.beta[:-1], fit.beta[-1]
        return cls(basis=basis, level=level, beta=beta, stretch=stretch)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Levelling:
        """What `to_dict` gave."""
        return cls(
            basis=Basis.from_dict(document["basis"]),
            **{name: np.array(document[name]) for name in ("level", "beta", "stretch")},
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "basis": self.basis.to_dict(),
            **{name: getattr(self, name).tolist() for name in ("level", "beta", "stretch")},
        }

    def applied(
        self, parts: Sequence[Hazards], features: FeatureMatrix, edges: Floats, period: Integers
    ) -> list[Hazards]:
        """The level hazards of the rows of all features."""
        dense = self.basis.dense(demographics(features))
        return with_more(parts, period, self.more(dense, scores_of(parts, edges, period)))

    def more(self, dense: Halves, scores: Floats) -> Floats:
        """float64[c, p, r]: what is added to the log hazards."""
        columns = Columns.of_dense(dense)  # a row's sum has one order, whoever is beside it
        told = np.array([[columns.margin(beta) for beta in cause] for cause in self.beta])
        return np.asarray(self.level[:, :, None] + told + self.stretch[:, :, None] * scores)

    def of_causes(self, kept: Flags) -> Levelling:
        """The same of the causes that are `kept` (bool[c]); others stay as they are."""
        return replace(
            self,
            level=self.level * kept[:, None],
            beta=self.beta * kept[:, None, None],
            stretch=self.stretch * kept[:, None],
        )

    def contributions(self, told: Floats, features: FeatureMatrix, cause: int) -> Floats:
        """float64[r, columns]: what columns add to the log hazard of `cause`, where they added `told` before."""
        dense = self.basis.dense(demographics(features))
        parts = self.basis.added(dense, self.beta[cause - 1].mean(axis=0))
        found = told * (1.0 + self.stretch[cause - 1].mean())
        found[:, places_of(features)] += shared(parts, len(places_of(features)))
        return np.asarray(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelLesson:
    """What levelling is learned from: of r rows that were held out, who they are, what was told and what came.

    dense : float32[k, r] columns of `basis`
    scores, expected : float64[c, p, r] (`scores_of`, `expected_events`); came : bool[c, p, r]
    """

    basis: Basis
    dense: Halves
    scores: Floats
    came: Flags
    expected: Floats

    @classmethod
    def of(
        cls,
        basis: Basis,
        dense: Halves,
        outcome: Followed,
        parts: Sequence[tuple[Integers, Sequence[Hazards]]],
        edges: Floats,
        period: Integers,
    ) -> LevelLesson:
        """From the hazards of some of the rows (int64 places) each, together of all."""
        n_causes = parts[0][1][0].margin.shape[0]
        came = events_by_period(outcome, edges, period, n_causes)
        expected, scores = np.empty(came.shape), np.empty(came.shape)
        for rows, those in parts:
            expected[:, :, rows] = expected_events(those, outcome.rows(rows), edges, period)
            scores[:, :, rows] = scores_of(those, edges, period)
        return cls(basis=basis, dense=dense, scores=scores, came=came, expected=expected)

    def learned(self, rows: Flags) -> Levelling:
        """What levels some of the rows."""
        return Levelling.fit(
            self.basis,
            self.dense[:, rows],
            self.scores[:, :, rows],
            self.came[:, :, rows],
            self.expected[:, :, rows],
        )

    def more(self, levelling: Levelling) -> Floats:
        """float64[c, p, r]: what it adds to the log hazards."""
        return levelling.more(self.dense, self.scores)

    def gains(self, levelling: Levelling, rows: Flags) -> Floats:
        """float64[c]: of log-likelihood of some of the rows by it."""
        more = levelling.more(self.dense[:, rows], self.scores[:, :, rows])
        return gains(self.came[:, :, rows], self.expected[:, :, rows], more)


def may_level(features: FeatureMatrix, outcome: Followed) -> bool:
    """Whether it is known who people are, and any cause has as many events as groups need."""
    most = np.bincount(outcome.event)[1:].max(initial=0)
    return len(places_of(features)) > 0 and int(most) >= LEVEL_EVENTS


def with_more(parts: Sequence[Hazards], period: Integers, more: Floats) -> list[Hazards]:
    """The parts with `more` (float64[c, p, r]) on the log of their hazards; `period` (int64[g]) is that of `more`."""
    return [replace(part, period=period, margin=part.margin + more) for part in parts]


def scores_of(parts: Sequence[Hazards], edges: Floats, period: Integers) -> Floats:
    """float64[c, p, r]: the log of what the mean of the parts' hazards adds up to over each whole period."""
    days, n_periods = np.diff(edges), int(period.max()) + 1
    total = np.zeros((*parts[0].margin.shape[:1], n_periods, parts[0].margin.shape[2]))
    for part in parts:
        whole = np.stack([np.bincount(period, weights=rate * days) for rate in part.rate])
        total += whole[:, :, None] * np.exp(part.margin)
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(total / len(parts)), LEAST_SCORE)


def expected_events(
    parts: Sequence[Hazards], outcome: Followed, edges: Floats, period: Integers
) -> Floats:
    """float64[c, p, r]: the events that the mean of the parts' hazards expects of each row while it was seen."""
    spans = Spans.of(outcome, edges)
    n_causes, _, n_rows = parts[0].margin.shape
    bounds = bounds_of(edges, period)
    found = np.zeros((n_causes, len(bounds), n_rows))
    for part in parts:
        for c, p in np.ndindex(n_causes, len(bounds)):
            own = part.margin[c, min(p, part.margin.shape[1] - 1)]
            found[c, p] += spans.cumulated_within(part.rate[c], *bounds[p]) * np.exp(own)
    return found / len(parts)


def events_by_period(outcome: Followed, edges: Floats, period: Integers, n_causes: int) -> Flags:
    """bool[c, p, r]: each cause came in the period."""
    when = period[Spans.of(outcome, edges).last]
    causes, periods = np.arange(1, n_causes + 1), np.arange(int(period.max()) + 1)
    return (outcome.event == causes[:, None, None]) & (when == periods[:, None])


def gains(came: Flags, expected: Floats, more: Floats) -> Floats:
    """float64[c] of log-likelihood, by `more` on the log hazards: the Poisson likelihood, which needs nobody's fate."""
    told = np.where(came, more, 0.0) - expected * np.expm1(more)
    return np.asarray(told.sum(axis=(1, 2)))
