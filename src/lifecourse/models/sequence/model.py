"""A model of many outcomes whose ratios a network finds in the order and the ages of what came before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecourse.models.outcomes.model import ModelOfOutcomes
from lifecourse.models.sequence.asking import lives_in, log_ratios, places_of
from lifecourse.models.sequence.futures import sample_futures
from lifecourse.models.sequence.sequences import looked_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.outcomes.model import LogRatios
    from lifecourse.models.sequence.network import Network
    from lifecourse.models.sequence.tokens import Vocabulary
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceModel(ModelOfOutcomes):
    """Rates of age and sex times ratios by a transformer; analytic risks take the ratios as they are now.

    `incidence` holds a person's ratios until the horizon while the rates of age and sex go on with age, and lets death
    compete. New illness brings more illness, so that ratios held are too low: they are raised by what that came to in
    the mean of people. `futures_in` lets what is drawn to happen change them instead.

    meanwhile : float64[k], by how much log ratios are raised for analytic risks
    """

    vocabulary: Vocabulary
    network: Network
    meanwhile: Floats

    def log_ratios_in(self, timeline: Timeline, onsets: Onsets) -> LogRatios:
        """As `ModelOfOutcomes` says. Who is not in the timeline, or has no birth there, is a KeyError."""
        lives = lives_in(timeline, onsets, self.vocabulary)

        def found(rows: pl.DataFrame) -> Floats:
            now = log_ratios(self.network, looked_at(lives, *places_of(lives, rows)))
            return now + self.meanwhile

        return found

    def futures_in(
        self, timeline: Timeline, onsets: Onsets, rows: pl.DataFrame,
        horizons_days: Sequence[float], futures: int, seed: int,
    ) -> Floats:  # fmt: skip
        """As `sample_futures` says."""
        return sample_futures(
            self, timeline, onsets, rows, horizons_days=horizons_days, futures=futures, seed=seed
        )
