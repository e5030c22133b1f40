"""Who was asked about and who was not, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

TRIGGER, EXCLUDED, COHORT, OUTCOME = "trigger", "excluded", "cohort", "outcome"


@dataclass(slots=True)
class Attrition:
    """Counts by step and reason; those of shards add up, since no subject is in two shards.

    The rows of `trigger` are those of all `excluded` and of the `cohort` together. `outcome` says
    what the cohort's rows are, and of how many of its negatives the record ends too early to know.
    """

    counts: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def count(self, step: str, reason: str, subjects: npt.NDArray[np.int64]) -> None:
        """Add rows, given the subject of each; a subject's rows are together."""
        changes = int(np.count_nonzero(subjects[1:] != subjects[:-1]))
        self.add(step, reason, changes + 1 if len(subjects) else 0, len(subjects))

    def add(self, step: str, reason: str, subjects: int, rows: int) -> None:
        """Add `rows` of so many `subjects`."""
        before = self.counts.get((step, reason), (0, 0))
        self.counts[step, reason] = (before[0] + subjects, before[1] + rows)

    def merge(self, other: Attrition) -> None:
        """Add what another shard counted."""
        for (step, reason), (subjects, rows) in other.counts.items():
            self.add(step, reason, subjects, rows)

    def table(self) -> pl.DataFrame:
        """``step reason subjects rows``, in the order of the steps."""
        import polars as pl

        order = (TRIGGER, EXCLUDED, COHORT, OUTCOME)
        keys = sorted(self.counts, key=lambda key: order.index(key[0]))
        return pl.DataFrame(
            {
                "step": [step for step, _ in keys],
                "reason": [reason for _, reason in keys],
                "subjects": [self.counts[key][0] for key in keys],
                "rows": [self.counts[key][1] for key in keys],
            },
            schema={
                "step": pl.String(),
                "reason": pl.String(),
                "subjects": pl.Int64(),
                "rows": pl.Int64(),
            },
        )
