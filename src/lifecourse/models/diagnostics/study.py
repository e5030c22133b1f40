"""All questions about a study, in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.models.diagnostics.horizons import unseen_horizons
from lifecourse.models.diagnostics.leaks import leaks
from lifecourse.models.diagnostics.observation import observation
from lifecourse.models.diagnostics.support import support

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.diagnostics.concern import Concern
    from lifecourse.models.evaluation import Followed


def diagnose(
    features: FeatureMatrix,
    outcome: npt.NDArray[np.bool_],
    *,
    negatives_unseen: int = 0,
) -> list[Concern]:
    """What is wrong with learning `outcome` (bool[r]) from `features`, the grave first; empty when nothing is.

    negatives_unseen : rows counted as without the outcome whose record ends inside the outcome window
    """
    found = [
        *support(features.rows["subject_id"].to_numpy(), outcome),
        *leaks(features, outcome),
        *observation(features, outcome, negatives_unseen),
    ]
    return sorted(found, key=lambda concern: not concern.grave)


def diagnose_followed(
    features: FeatureMatrix,
    followed: Followed,
    horizons_days: npt.NDArray[np.float64],
    *,
    cause: int = 1,
    gap_days: float = 0,
) -> list[Concern]:
    """The same for people followed until `cause`: ever, and by each horizon; each column is named once.

    What is written down because of the outcome is there whenever it comes, and a forecast fits some horizon. Days are
    counted from the end of a gap of `gap_days`.
    """
    happened = followed.event == cause
    outcomes = [happened, *(happened & (followed.duration_days <= h) for h in horizons_days)]
    found: dict[tuple[str, str | None], Concern] = {}
    for outcome in outcomes:
        for concern in leaks(features, outcome):
            found.setdefault((concern.kind, concern.column), concern)
    enough = support(features.rows["subject_id"].to_numpy(), happened)
    beyond = unseen_horizons(followed, horizons_days, gap_days=gap_days)
    return sorted([*enough, *beyond, *found.values()], key=lambda concern: not concern.grave)
