"""Where the boosted hazard starts: a regression on who somebody is, which nothing holds back.

Trees take small steps and stop early, so that what they say of groups lies between the group and everyone: too much of
the young, too little of the old. Age, sex, deprivation and the length of the record are what people are grouped by, and
so few columns that a regression on them and on the products of each two needs no penalty to speak of; trees then only
tell what these do not. What a long record means is learned where there are many, and holds at all times from then on.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from lifecourse.models.hazards.basis import Basis, Designs
from lifecourse.models.hazards.linear import LinearHazards

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.evaluation.followed import Followed

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

DEMOGRAPHICS = ("age", "female", "deprivation", "record")
FEWEST_EVENTS = 300
"""Of each cause; with fewer the trees start from everyone's hazard."""
PENALTY = (0.0, 1e-4)


def places_of(features: FeatureMatrix) -> Integers:
    """int64[d]: the dense columns of age, sex, deprivation and the record's length, as far as there are any."""
    names = enumerate(features.dense_names)
    return np.array(
        [place for place, name in names if name.split(".")[0] in DEMOGRAPHICS], dtype=np.int64
    )


def start_of(
    features: FeatureMatrix, outcome: Followed, rows: Integers, edges: Floats, n_causes: int
) -> LinearHazards | None:
    """The hazards of `n_causes` by `demographics` on `rows`; None where nothing of it is known or events are few."""
    events = np.bincount(outcome.event[rows], minlength=n_causes + 1)[1:]
    if len(places_of(features)) == 0 or events.min() < FEWEST_EVENTS:
        return None
    those = demographics(features)
    return LinearHazards.fit(
        Designs.of(Basis.fit(those), those),
        outcome,
        rows,
        edges=edges,
        n_causes=n_causes,
        penalties=[PENALTY],
    )


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
