"""Does the label hang on how much of a person was seen, rather than on what happened.

Goldstein et al. 2016, doi 10.1093/aje/kww112: sicker people are seen oftener, and who is not seen is not diagnosed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.models.diagnostics.concern import Concern
from lifecourse.models.evaluation import auroc

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix

MOST_UNSEEN = 0.1
"""Of those without the outcome, whose record may end inside the outcome window."""
MOST_BY_AMOUNT = 0.75
"""Above this area how much is recorded tells more than most diseases do."""


def observation(
    features: FeatureMatrix, outcome: npt.NDArray[np.bool_], negatives_unseen: int
) -> Iterator[Concern]:
    """Concerns of labels that follow from being seen.

    `negatives_unseen` are rows counted as without the outcome although their record ends before the window does.
    """
    negatives = int((~outcome).sum())
    if negatives and negatives_unseen / negatives > MOST_UNSEEN:
        yield Concern(
            kind="negatives not followed",
            grave=False,
            said=(
                f"{negatives_unseen:,} of {negatives:,} rows without the outcome end before the window does: some had "
                "it unseen. Use censoring: exclude, or time-to-event."
            ),
            measured={"share": negatives_unseen / negatives},
        )
    amount = np.asarray(features.codes.sum(axis=1)).ravel().astype(np.float64)
    if features.codes.shape[1] and not np.all(amount == amount[0]):
        area = auroc(outcome, amount)
        if max(area, 1 - area) > MOST_BY_AMOUNT:
            yield Concern(
                kind="follows from being seen",
                grave=False,
                said=(
                    f"how much is recorded of a person alone foretells the outcome (AUROC {area:.2f}). Look whether it "
                    "is found only in those who are seen."
                ),
                measured={"auroc": area},
            )
