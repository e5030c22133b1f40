"""Where a polygenic score stands among people of a named reference: only by a file that somebody gave, never by ours.

A file ``<anything>.distribution.yaml`` beside the VCF says what the sums of a score are in a population::

    score: PGS000001
    reference: UK Biobank, white British
    source: where the figures were published, or who summed them
    n: 407000
    overlap: 1.0          # the share of the score's variants that were summed
    mean: 0.42            # mean and sd of a bell curve ...
    sd: 0.38
    quantiles: [...]      # ... or 3 or more sums at evenly spread percentiles, from the 0th to the 100th
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field, model_validator

from lifecourse.base.yaml import Document, load_document

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

ENDING = ".distribution.yaml"
LEAST_PEOPLE = 1_000
"""Of fewer, a percentile in the tail rests on a handful."""
NEAR = 0.02


class Distribution(Document):
    """Sums of a score in a population; `overlap` is the share of the score's variants that they are of."""

    score: str
    reference: str = Field(min_length=3)
    source: str = Field(min_length=3)
    n: int = Field(ge=LEAST_PEOPLE)
    overlap: float = Field(gt=0, le=1)
    mean: float | None = None
    sd: float | None = Field(default=None, gt=0)
    quantiles: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        has_curve = self.mean is not None and self.sd is not None
        if has_curve == bool(self.quantiles):
            raise ValueError("give mean and sd, or quantiles")
        if self.quantiles and (
            len(self.quantiles) < 3 or any(a > b for a, b in pairwise(self.quantiles))
        ):
            raise ValueError("quantiles are three sums or more, from the smallest to the largest")
        return self

    @property
    def code(self) -> str:
        """The code of the events."""
        return f"PGS_PERCENTILE//{self.score}//{'_'.join(self.reference.split())}"

    def words(self) -> str:
        """What the code means."""
        return f"percentile of {self.score} among {self.n:,} people of {self.reference} ({self.source})"

    def refuses(self, overlap: float) -> str | None:
        """Why sums over this share of the variants cannot be compared with it; None where they can."""
        if abs(overlap - self.overlap) <= NEAR:
            return None
        return (
            f"{100 * overlap:.0f} % of the variants were found, the reference {self.reference} "
            f"was summed over {100 * self.overlap:.0f} %"
        )

    def percentiles(self, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """float64[n], 0 to 100: how many in a hundred of the reference have a smaller sum."""
        if self.quantiles:
            places = np.linspace(0.0, 100.0, len(self.quantiles))
            return np.asarray(np.interp(sums, self.quantiles, places))
        from scipy.stats import norm

        return np.asarray(100.0 * norm.cdf(sums, loc=self.mean, scale=self.sd))


def is_distribution(path: Path) -> bool:
    """Whether `path` is named as a reference distribution."""
    return path.name.lower().endswith(ENDING)


def read_distribution(path: Path) -> Distribution:
    """The distribution in `path`.

    Raises
    ------
    UserError
        It is not of the form above; the message names the line.
    """
    return load_document(path, Distribution)
