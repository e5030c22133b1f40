"""All questions about a study, in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecourse.models.diagnostics.emptiness import emptiness
from lifecourse.models.diagnostics.horizons import unseen_horizons
from lifecourse.models.diagnostics.leaks import FORETELLS, leaks
from lifecourse.models.diagnostics.observation import observation
from lifecourse.models.diagnostics.support import support, support_of_others

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        *emptiness(features),
    ]
    return sorted(found, key=lambda concern: not concern.grave)


def diagnose_followed(
    features: FeatureMatrix,
    followed: Followed,
    horizons_days: npt.NDArray[np.float64],
    *,
    causes: Sequence[str] = ("the outcome",),
    gap_days: float = 0,
) -> list[Concern]:
    """The same for people followed until the first of `causes`: ever, and by each horizon; each column is named once.

    What is written down because of the outcome is there whenever it comes, and a forecast fits some horizon. There must
    be something to learn of every cause. Days are counted from the end of a gap of `gap_days`.
    """
    happened, subjects = followed.event == 1, features.rows["subject_id"].to_numpy()
    outcomes = [happened, *(happened & (followed.duration_days <= h) for h in horizons_days)]
    found: dict[tuple[str, str | None], Concern] = {}
    for outcome in outcomes:
        for concern in leaks(features, outcome):
            found.setdefault((concern.kind, concern.column), concern)
    worse = {concern.column for concern in found.values() if concern.kind != FORETELLS}
    concerns = [
        *support(subjects, happened),
        *support_of_others(subjects, followed.event, causes),
        *unseen_horizons(followed, horizons_days, gap_days=gap_days),
        *(one for one in found.values() if one.kind != FORETELLS or one.column not in worse),
        *emptiness(features),
    ]
    return sorted(concerns, key=lambda concern: not concern.grave)
