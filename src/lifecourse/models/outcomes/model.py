"""A model of many outcomes: rates by age and sex, ratios by what is known of a person, and death beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.models.outcomes.catalogue import DEATH_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.features import Recipe
    from lifecourse.models.outcomes.baseline import AgeSexRates
    from lifecourse.models.outcomes.ratios import HazardRatios

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesModel:
    """Hazards of k outcomes.

    names, titles : as `Onsets` has them
    card : how it was made and how well it did, JSON-ready
    """

    names: list[str]
    titles: list[str]
    recipe: Recipe
    vocabulary: list[str]
    rates: AgeSexRates
    ratios: HazardRatios
    card: dict[str, Any]

    @property
    def version(self) -> str:
        """The same for the same data, people, recipe and seed."""
        return str(self.card["version"])

    def incidence(
        self, age: Floats, female: Floats, log_ratios: Floats | None, horizons_days: Sequence[float]
    ) -> Floats:
        """float64[r, k, h]: the probability of each outcome by each horizon, in who is free of it and may die first.

        Parameters
        ----------
        age : float64[r] years; female : float64[r], 1, 0 or a half where not known
        log_ratios : float64[r, k], as `HazardRatios.logs`; None asks for the risk by age and sex alone
        """
        years = np.asarray(horizons_days, dtype=np.float64) / DAYS_PER_YEAR
        edges = np.unique(np.concatenate([np.arange(np.ceil(years.max(initial=0))), years]))
        edges = edges[edges <= years.max(initial=0)]
        ratios = 1.0 if log_ratios is None else np.exp(log_ratios)
        dies = self.names.index(DEATH_NAME) if DEATH_NAME in self.names else None
        found = np.zeros((len(age), len(self.names), len(years)))
        risk = np.zeros((len(age), len(self.names)))
        free = np.ones_like(risk)
        before = self.rates.by(female, age)
        for end in edges[edges > 0]:
            now = self.rates.by(female, age + end)
            step = (now - before) * ratios
            either = step if dies is None else step + step[:, [dies]]
            if dies is not None:
                either[:, dies] = step[:, dies]
            left = np.exp(-either)
            risk += free * (1 - left) * np.divide(step, either, out=step * 0, where=either > 0)
            free *= left
            before = now
            found[:, :, years == end] = risk[:, :, None]
        return found
