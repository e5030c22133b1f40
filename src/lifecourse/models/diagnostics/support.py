"""Is there enough to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.models.diagnostics.concern import Concern

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

LEAST_OF_EACH = 50
"""Subjects with the outcome, and subjects without, that a model needs: below about 50 neither discrimination nor
calibration can be told from chance."""
TO_JUDGE = 100
"""So many of each it takes to judge a model (Collins et al. 2016, doi 10.1002/sim.6787)."""


def people_of_each(
    subject_ids: npt.NDArray[np.int64], outcome: npt.NDArray[np.bool_]
) -> dict[str, int]:
    """Subjects who ever had the outcome, and subjects who once had it not."""
    return {
        "with the outcome": len(np.unique(subject_ids[outcome])),
        "without": len(np.unique(subject_ids[~outcome])),
    }


def support(
    subject_ids: npt.NDArray[np.int64], outcome: npt.NDArray[np.bool_]
) -> Iterator[Concern]:
    """A concern where people of one kind are few."""
    counts = people_of_each(subject_ids, outcome)
    rarer = min(counts, key=lambda name: counts[name])
    fewest = counts[rarer]
    if fewest < LEAST_OF_EACH:
        yield Concern(
            kind="too few",
            grave=True,
            said=f"{fewest} people {rarer}; a model needs {LEAST_OF_EACH}",
            measured={"people": float(fewest), "needed": float(LEAST_OF_EACH)},
        )
    elif fewest < TO_JUDGE:
        yield Concern(
            kind="few",
            grave=False,
            said=f"{fewest} people {rarer}: to judge a model takes {TO_JUDGE}. Read the intervals, not the values.",
            measured={"people": float(fewest), "wanted": float(TO_JUDGE)},
        )
