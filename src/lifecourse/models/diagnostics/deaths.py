"""Who died of something that the task does not ask about, and so counts as lost.

Where death is no cause, who dies is followed as if the outcome could still have come, and its risk comes out too high
(Putter et al. 2007, doi 10.1002/sim.2712).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lifecourse.models.diagnostics.concern import Concern

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_SHARE = 0.01
"""Of the people, below which deaths hardly move a risk."""


def deaths(rows: pl.DataFrame, persons: pl.DataFrame, horizon_days: int) -> Iterator[Concern]:
    """A concern where people died within (t, t + horizon_days] and no cause came to them.

    rows : ``subject_id prediction_time event`` of a task of times to events; persons : ``subject_id death``
    """
    since = pl.col("death") - pl.col("prediction_time")
    died = rows.filter(pl.col("event") == 0).join(
        persons.select("subject_id", "death"), on="subject_id"
    )
    died = died.filter((since > pl.duration()) & (since <= pl.duration(days=horizon_days)))
    dead, people = died["subject_id"].n_unique(), rows["subject_id"].n_unique()
    if people == 0 or dead / people < LEAST_SHARE:
        return
    yield Concern(
        kind="deaths count as lost",
        grave=False,
        said=(
            f"{dead:,} of {people:,} people died during follow-up without an outcome and count as lost, as if it could "
            "still have come to them: risks come out too high. To let death compete add `death` to outcomes."
        ),
        measured={"died": float(dead), "people": float(people)},
    )
