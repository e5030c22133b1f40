"""Where the boosted hazard starts: a regression on age and sex alone, which nothing holds back.

Trees take small steps and stop early, so that what they say of groups lies between the group and everyone: too much of
the young, too little of the old. Age and sex are what people are grouped by, and so few columns that a regression
needs no penalty to speak of; trees then only tell what age and sex do not.
"""

from __future__ import annotations

from dataclasses import replace
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

DEMOGRAPHICS = ("age", "female")
FEWEST_EVENTS = 300
"""Of each cause; with fewer the trees start from everyone's hazard."""
PENALTY = (0.0, 1e-4)


def places_of(features: FeatureMatrix) -> Integers:
    """int64[d]: the dense columns of age and sex."""
    names = enumerate(features.dense_names)
    return np.array([place for place, name in names if name in DEMOGRAPHICS], dtype=np.int64)


def start_of(
    features: FeatureMatrix, outcome: Followed, rows: Integers, edges: Floats, n_causes: int
) -> LinearHazards | None:
    """The hazards of `n_causes` by age and sex on `rows`; None where neither is known or events are few."""
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
    """The columns of age and sex alone."""
    places = places_of(features)
    return replace(
        features,
        dense=features.dense[:, places],
        dense_names=[features.dense_names[place] for place in places],
        codes=sparse.csr_matrix((len(features.dense), 0), dtype=np.float32),
        code_names=[],
        vocabulary=[],
    )
