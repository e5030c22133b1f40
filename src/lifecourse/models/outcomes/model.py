"""A model of many outcomes: rates by age and sex, ratios by what is known of a person, and death beside them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import DAYS_PER_YEAR
from lifecourse.base.errors import ModelError
from lifecourse.features import featurize
from lifecourse.models.outcomes.catalogue import DEATH_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import polars as pl

    from lifecourse.features import Recipe
    from lifecourse.models.outcomes.baseline import AgeSexRates
    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.outcomes.ratios import HazardRatios
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]
    LogRatios = Callable[[pl.DataFrame], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOfOutcomes(ABC):
    """Rates of k outcomes by age and sex, and by how much a person's differ; `predict_outcomes` takes any such model.

    names, titles : as `Onsets` has them
    card : how it was made and how well it did, JSON-ready
    """

    names: list[str]
    titles: list[str]
    rates: AgeSexRates
    card: dict[str, Any]

    @abstractmethod
    def log_ratios_in(self, timeline: Timeline, onsets: Onsets) -> LogRatios:
        """A function from rows of (``subject_id``, ``prediction_time``) to float64[r, k] log ratios.

        `onsets` is what `onsets_of` finds in `timeline`; no event after a row's time changes its answer.
        """

    def futures_in(
        self, timeline: Timeline, onsets: Onsets, rows: pl.DataFrame,
        horizons_days: Sequence[float], futures: int, seed: int,
    ) -> Floats:  # fmt: skip
        """float64[r, k, h]: the share of drawn futures in which each outcome came by each horizon.

        Raises
        ------
        ModelError
            The model draws none.
        """
        raise ModelError(
            "hazards draw no futures; a sequence model does. Train one with `lifecourse train STORE --outcomes all "
            "--model sequence`, or leave out --futures."
        )

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
        log_ratios : float64[r, k], as `log_ratios_in` gives; None asks for the risk by age and sex alone
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesModel(ModelOfOutcomes):
    """Hazards of k outcomes: ratios by regression on the columns of a recipe."""

    recipe: Recipe
    vocabulary: list[str]
    ratios: HazardRatios

    def log_ratios_in(self, timeline: Timeline, onsets: Onsets) -> LogRatios:
        """As `ModelOfOutcomes` says."""

        def found(rows: pl.DataFrame) -> Floats:
            features = featurize(timeline, rows, self.recipe, vocabulary=self.vocabulary)
            return self.ratios.logs(features)

        return found
