"""Where the boosted hazard starts: a regression on who somebody is, which nothing holds back.

Trees take small steps and stop early, so that what they say of groups lies between the group and everyone: too much of
the young, too little of the old. Age, sex and deprivation are what people are grouped by, and so few columns that a
regression on them and on the products of each two needs no penalty to speak of; trees then only tell what these do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from lifecourse.models.evaluation.followed import Followed
from lifecourse.models.hazards.basis import Basis, Designs
from lifecourse.models.hazards.linear import LinearHazards
from lifecourse.models.hazards.person_periods import MOST_ROWS, bounds_of
from lifecourse.models.hazards.poisson import Columns

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

DEMOGRAPHICS = ("age", "female", "deprivation")
FEWEST_EVENTS, FEWEST_IN_PERIOD = 300, 150
"""Of each cause; with fewer the trees start from everyone's hazard, or from one part for all periods."""
PENALTY = (0.0, 1e-4)


def places_of(features: FeatureMatrix) -> Integers:
    """int64[d]: the dense columns of age, sex and deprivation, as far as there are any."""
    names = enumerate(features.dense_names)
    return np.array(
        [place for place, name in names if name.split(".")[0] in DEMOGRAPHICS], dtype=np.int64
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The hazards by `demographics`, learned in each period by itself: what age means moves with time.

    parts : one a period, with a rate of 0 outside it; or one for all of them
    """

    parts: list[LinearHazards]

    @classmethod
    def fit(
        cls,
        features: FeatureMatrix,
        outcome: Followed,
        rows: Integers,
        edges: Floats,
        period: Integers,
        n_causes: int,
    ) -> Start | None:
        """On `rows`, of causes 1..n_causes; None where nothing is known of `demographics` or events are few.

        Of more rows than trees learn from so many are drawn: the columns are few.

        edges : float64[g + 1] days; period : int64[g], of each interval
        """
        if len(places_of(features)) == 0 or _fewest(outcome.event[rows], n_causes) < FEWEST_EVENTS:
            return None
        if len(rows) > MOST_ROWS:
            rows = np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))
            features, outcome, rows = (
                features.of_rows(rows),
                outcome.rows(rows),
                np.arange(MOST_ROWS),
            )
        those = demographics(features)
        designs = Designs.of(Basis.fit(those), those)
        spans = [within(outcome, rows, *bounds) for bounds in bounds_of(edges, period)]
        if any(_fewest(part.event[seen], n_causes) < FEWEST_IN_PERIOD for part, seen in spans):
            spans = [(outcome, rows)]
        parts = [
            LinearHazards.fit(
                designs, part, seen, edges=edges, n_causes=n_causes, penalties=[PENALTY]
            )
            for part, seen in spans
        ]
        return cls(parts=parts)

    @property
    def rate(self) -> Floats:
        """float64[c, g] a day."""
        return np.asarray(np.sum([part.rate for part in self.parts], axis=0))

    def margin(self, features: FeatureMatrix) -> Floats:
        """float64[c, p, r] log hazard ratios of the rows of all features; p is 1 where one part is for all periods."""
        columns = Columns.of(
            self.parts[0].basis.design(demographics(features))
        )  # one for all parts
        betas = np.stack([part.beta for part in self.parts], axis=1)
        return np.stack([[columns.margin(beta) for beta in cause] for cause in betas])

    def contributions(self, features: FeatureMatrix, cause: int) -> Floats:
        """float64[r, d]: what each of `places_of` adds to the log hazard of `cause`, the mean over periods."""
        those, n = demographics(features), len(places_of(features))
        every = [shared(part.contributions(those, cause), n) for part in self.parts]
        return np.asarray(np.mean(every, axis=0))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"parts": [part.to_dict() for part in self.parts]}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Start:
        """What `to_dict` gave, or of an earlier model the one part."""
        parts = document.get("parts", [document])
        return cls(parts=[LinearHazards.from_dict(part) for part in parts])


def within(outcome: Followed, rows: Integers, low: float, high: float) -> tuple[Followed, Integers]:
    """The outcome of everyone as seen in (low, high] days, and those of `rows` who were seen then."""
    entry = np.zeros(len(outcome)) if outcome.entry_days is None else outcome.entry_days
    seen = (outcome.duration_days > low) & (entry < high)
    leaving = np.where(seen, np.minimum(outcome.duration_days, high), outcome.duration_days)
    part = Followed(
        duration_days=leaving,
        event=np.where(seen & (outcome.duration_days <= high), outcome.event, 0),
        entry_days=np.where(seen, np.maximum(entry, low), entry),
    )
    return part, rows[seen[rows]]


def _fewest(event: Integers, n_causes: int) -> int:
    return int(np.bincount(event, minlength=n_causes + 1)[1:].min())


def demographics(features: FeatureMatrix) -> FeatureMatrix:
    """The columns of `places_of` alone, then the product of each two (`pairs_of`)."""
    places = places_of(features)
    plain = features.dense[:, places]
    names = [features.dense_names[place] for place in places]
    pairs = pairs_of(len(places))
    return replace(
        features,
        dense=np.hstack([plain, *(plain[:, [one]] * plain[:, [other]] for one, other in pairs)]),
        dense_names=[*names, *(f"{names[one]} x {names[other]}" for one, other in pairs)],
        codes=sparse.csr_matrix((len(features.dense), 0), dtype=np.float32),
        code_names=[],
        vocabulary=[],
    )


def pairs_of(n: int) -> list[tuple[int, int]]:
    """The places of each two of n columns."""
    return list(combinations(range(n), 2))


def shared(added: Floats, n: int) -> Floats:
    """float64[r, n]: what n columns add where `added` tells it of them and of each two; of a product each adds half."""
    found = added[:, :n].copy()
    for product, pair in zip(added[:, n:].T, pairs_of(n), strict=True):
        for place in pair:
            found[:, place] += product / 2
    return found
