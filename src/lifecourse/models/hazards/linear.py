"""The linear hazard: an elastic-net Poisson regression of each cause on splines, flags and logs of counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.models.hazards.basis import Basis, Designs
from lifecourse.models.hazards.grid import Spans
from lifecourse.models.hazards.incidence import Hazards, mean_rate
from lifecourse.models.hazards.poisson import Columns, PoissonHazard

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.evaluation.followed import Followed

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]
    Integers = npt.NDArray[np.int64]

MIXES = (0.0, 0.9)
"""Shares of the penalty that are lasso: none, or nearly all."""
STRENGTHS = (0.1, 0.03, 0.01, 0.003, 0.001)
"""Of the penalty, as shares of the events; from strong to weak, each starting from the one before."""
USUAL = (0.0, 0.01)
ALIKE = 6.0
"""Of log-likelihood: penalties that foretell nearly as well as the best may all be used; the mean of what they teach
foretells better than any."""
WHILE_CHOOSING = 2e-2
"""Of the log-likelihood an event, to which penalties are compared."""


Penalty = tuple[float, float]
"""Mix and strength."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearHazards:
    """Fitted hazards of c causes.

    edges : float64[g + 1] days; rate : float64[c, g]; beta : float64[c, columns]; penalty : its mix and strength
    """

    basis: Basis
    edges: Floats
    rate: Floats
    beta: Floats
    penalty: tuple[float, float]

    @classmethod
    def fit(
        cls,
        designs: Designs,
        outcome: Followed,
        rows: Integers,
        *,
        edges: Floats,
        penalties: Sequence[Penalty],
        n_causes: int = 1,
        weight: Floats | None = None,
    ) -> LinearHazards:
        """The hazards on `rows` of those that there are designs of: the mean over `penalties`, alike for all causes."""
        fits = _started(designs, outcome, rows, edges, n_causes, weight)
        members = []
        for penalty in penalties:
            for fit in fits:
                fit.fit(*_penalties(fit, *penalty))
            rate, beta = (
                np.stack([getattr(fit, name) for fit in fits]) for name in ("rate", "beta")
            )
            members.append(
                cls(basis=designs.basis, edges=edges, rate=rate, beta=beta, penalty=penalty)
            )
        return cls.mean(members)

    @classmethod
    def mean(cls, members: Sequence[LinearHazards]) -> LinearHazards:
        """The mean on the log scale of models with the same basis and grid."""
        return cls(
            basis=members[0].basis,
            edges=members[0].edges,
            rate=mean_rate([member.rate for member in members]),
            beta=np.mean([member.beta for member in members], axis=0),
            penalty=members[0].penalty,
        )

    def hazards(self, features: FeatureMatrix) -> Hazards:
        """The hazards of each row of the features."""
        columns = Columns.of(self.basis.design(features))
        margin = np.stack([columns.margin(beta) for beta in self.beta])
        n_intervals = self.rate.shape[1]
        return Hazards(self.rate, np.zeros(n_intervals, dtype=np.int64), margin[:, None, :])

    def contributions(self, features: FeatureMatrix, cause: int = 1) -> Floats:
        """float64[r, feature columns]: what each adds to the log hazard of `cause`, curves and flags together."""
        design = self.basis.design(features)
        beta = self.beta[cause - 1]
        d = len(design.dense)
        parts = self.basis.added(design.dense, beta[:d])
        return np.hstack([parts, design.codes.multiply(beta[d:]).toarray()])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; of the coefficients those that are not 0."""
        return {
            "basis": self.basis.to_dict(),
            "edges": self.edges.tolist(),
            "rate": self.rate.tolist(),
            "columns": int(self.beta.shape[1]),
            "beta": [
                {"place": np.flatnonzero(beta).tolist(), "value": beta[beta != 0].tolist()}
                for beta in self.beta
            ],
            "penalty": list(self.penalty),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> LinearHazards:
        """What `to_dict` gave."""
        beta = np.zeros((len(document["beta"]), document["columns"]))
        for row, told in zip(beta, document["beta"], strict=True):
            row[told["place"]] = told["value"]
        return cls(
            basis=Basis.from_dict(document["basis"]),
            edges=np.array(document["edges"]),
            rate=np.array(document["rate"]),
            beta=beta,
            penalty=(document["penalty"][0], document["penalty"][1]),
        )


def _started(
    designs: Designs,
    outcome: Followed,
    rows: Integers,
    edges: Floats,
    n_causes: int,
    weight: Floats | None = None,
) -> list[PoissonHazard]:
    columns = Columns.of(designs.rows(rows))
    mine = outcome.rows(rows)
    spans = Spans.of(mine, edges)
    return [
        PoissonHazard.start(columns, spans, mine.event == cause, weight)
        for cause in range(1, n_causes + 1)
    ]


def _penalties(fit: PoissonHazard, mix: float, strength: float) -> tuple[Floats, Floats]:
    events = max(float(fit.weight[fit.happened].sum()), 1.0)
    every = np.ones(fit.columns.n)
    return every * strength * mix * events, every * strength * (1 - mix) * events


def chosen_penalties(
    designs: Designs,
    outcome: Followed,
    rows: Integers,
    inners: Sequence[Flags],
    *,
    edges: Floats,
    n_causes: int = 1,
    most: int = 1,
) -> tuple[Penalty, ...]:
    """Those of `MIXES` x `STRENGTHS` with the greatest likelihood of the inner rows, all together; from strong to weak.

    Each of `inners` (bool[len(rows)]) is foretold by what the others teach; all causes count. Of those that foretell
    nearly as well as the best (`ALIKE`) at most so many are given; one at least.
    """
    happened = outcome.event[rows] > 0
    asked = [inner for inner in inners if all(happened[side].any() for side in (inner, ~inner))]
    if not asked:
        return (USUAL,)
    judged = [_Judged.of(designs, outcome, rows[inner], edges) for inner in asked]
    started = [_started(designs, outcome, rows[~inner], edges, n_causes) for inner in asked]
    found: list[tuple[float, tuple[float, float]]] = []
    for mix in MIXES:
        fits = [[replace(fit) for fit in start] for start in started]
        before = -np.inf
        for strength in STRENGTHS:
            for fit in chain.from_iterable(fits):
                fit.fit(*_penalties(fit, mix, strength), WHILE_CHOOSING)
            told = sum(one.likelihood(those) for one, those in zip(judged, fits, strict=True))
            found.append((told, (mix, strength)))
            if told < before:
                break
            before = told
    found.sort(reverse=True)
    alike = [penalty for told, penalty in found if told >= found[0][0] - ALIKE]
    return tuple(sorted(alike[:most], key=lambda one: (one[0], -one[1])))


@dataclass(frozen=True, slots=True)
class _Judged:
    """Rows that are foretold."""

    columns: Columns
    spans: Spans
    event: Integers

    @classmethod
    def of(cls, designs: Designs, outcome: Followed, rows: Integers, edges: Floats) -> _Judged:
        mine = outcome.rows(rows)
        return cls(Columns.of(designs.rows(rows)), Spans.of(mine, edges), mine.event)

    def likelihood(self, fits: Sequence[PoissonHazard]) -> float:
        return sum(
            likelihood(self.spans, self.event == cause, fit.rate, self.columns.margin(fit.beta))
            for cause, fit in enumerate(fits, start=1)
        )


def likelihood(spans: Spans, happened: Flags, rate: Floats, margin: Floats) -> float:
    """The log-likelihood of one cause's hazard on rows; an event where the rate is 0 counts as at the least rate."""
    least = rate[rate > 0].min(initial=1.0)
    base = np.log(np.maximum(rate, least))[spans.last[happened]]
    expected = spans.cumulated(rate) * np.exp(margin)
    return float((base + margin[happened]).sum() - expected.sum())
