"""Is there enough to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.models.diagnostics.concern import Concern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

LEAST_OF_EACH = 50
"""Subjects with the outcome, and subjects without, that a model needs: below about 50 neither discrimination nor
calibration can be told from chance."""
TO_JUDGE = 100
"""So many of each it takes to judge a model (Collins et al. 2016, doi 10.1002/sim.6787)."""
LOOK_AT_CODES = "look whether the store writes its codes as the task does"


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
        nobody = f": {LOOK_AT_CODES}" if counts["with the outcome"] == 0 else ""
        yield Concern(
            kind="too few",
            grave=True,
            said=f"{fewest} people {rarer}; a model needs {LEAST_OF_EACH}{nobody}",
            measured={"people": float(fewest), "needed": float(LEAST_OF_EACH)},
        )
    elif fewest < TO_JUDGE:
        yield Concern(
            kind="few",
            grave=False,
            said=f"{fewest} people {rarer}: to judge a model takes {TO_JUDGE}. Read the intervals, not the values.",
            measured={"people": float(fewest), "wanted": float(TO_JUDGE)},
        )


def support_of_others(
    subject_ids: npt.NDArray[np.int64], event: npt.NDArray[np.int64], causes: Sequence[str]
) -> Iterator[Concern]:
    """A concern for each cause beside the first that few people, or nobody, came to.

    event : int64[r], 0 or the number of the cause that came, 1..k, as `causes` are named
    """
    for number, name in enumerate(causes[1:], start=2):
        people = len(np.unique(subject_ids[event == number]))
        if people == 0:
            yield Concern(
                kind="nobody had a cause",
                grave=True,
                said=(
                    f"nobody had '{name}' while followed, so that nothing is known of it: {LOOK_AT_CODES}, or leave "
                    "it out of outcomes"
                ),
                measured={"people": 0.0},
            )
        elif people < TO_JUDGE:
            advice = "Read the intervals of its risks, not the values."
            if people < LEAST_OF_EACH:
                advice = f"Do not go by the risks of '{name}'; those of the other outcomes hardly hang on it."
            yield Concern(
                kind="few of a cause",
                grave=False,
                said=(
                    f"{people} people with '{name}': a model of it needs {LEAST_OF_EACH}, to judge one takes "
                    f"{TO_JUDGE}. {advice}"
                ),
                measured={"people": float(people), "wanted": float(TO_JUDGE)},
            )
