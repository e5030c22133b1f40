"""Would more people help: how good a model is against how many taught it, judged on the same people every time.

The parts of those who teach lie in each other, and a part is taken by person. The settings are those that all of them
found, so that a point costs one fit and no search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.models.evaluation.intervals import over_draws

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

FEW_DRAWS = 50
LEAST_EVENTS = 10
"""People with the outcome, and people without, below which a part teaches nothing worth drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a part of those who teach taught.

    share : of their people, up to 1
    rows : int64[m], those that taught
    told : float64[j], the risks of the rows held out
    """

    share: float
    rows: Integers
    told: Floats


def learning_curve(
    lessons: Sequence[Lesson],
    measured: Callable[[Floats, Integers], float],
    *,
    measure: str,
    judged: Integers,
    subjects: Integers,
    happened: Flags,
    seed: int,
) -> dict[str, Any]:
    """A point for each lesson, JSON-ready, with a 95 % interval over draws of the people held out.

    Parameters
    ----------
    measured : how good the risks of some of the rows held out are, given all risks and the places of these
    judged : int64[j] the rows held out; `subjects` and `happened` are of all rows
    """

    def of_places(places: Integers) -> dict[str, float]:
        return {str(one.share): measured(one.told, places) for one in lessons}

    found = over_draws(of_places, subjects[judged], seed=seed, draws=FEW_DRAWS) if lessons else {}
    return {
        "measure": measure,
        "held_out": people_with(subjects, happened, judged),
        "points": [
            {
                "share": one.share,
                **people_with(subjects, happened, one.rows),
                **found[str(one.share)],
            }
            for one in sorted(lessons, key=lambda lesson: lesson.share)
        ],
    }


def people_with(subjects: Integers, happened: Flags, rows: Integers) -> dict[str, int]:
    """How many people some rows are of, and how many of these ever had the outcome."""
    return {
        "people": len(np.unique(subjects[rows])),
        "events": len(np.unique(subjects[rows][happened[rows]])),
    }


def teaches(subjects: Integers, happened: Flags, rows: Integers) -> bool:
    """Whether there are enough of both kinds among some rows."""
    counts = people_with(subjects, happened, rows)
    return min(counts["events"], counts["people"] - counts["events"]) >= LEAST_EVENTS
