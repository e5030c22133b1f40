"""Train on many outcomes at once: one matrix at landmarks, rates by age and sex, ratios with one penalty."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.errors import ModelError
from lifecourse.base.files import to_json
from lifecourse.base.progress import SILENT, Progress
from lifecourse.features import Recipe, featurize, load_recipe
from lifecourse.models.card import LIMITS, population
from lifecourse.models.evaluation.stratified import stratified_auroc
from lifecourse.models.outcomes.baseline import AgeSexRates
from lifecourse.models.outcomes.catalogue import onsets_of
from lifecourse.models.outcomes.judging import evaluation, is_enough
from lifecourse.models.outcomes.landmarks import followed_persons, spread_landmarks, strata
from lifecourse.models.outcomes.model import OutcomesModel
from lifecourse.models.outcomes.ratios import FollowUps, fit_ratios, ratios_by_ridge
from lifecourse.models.split import N_FOLDS, folds_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.features import FeatureMatrix
    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.outcomes.landmarks import Landmarks
    from lifecourse.models.outcomes.ratios import HazardRatios
    from lifecourse.timeline.access import Timeline

    Flags = npt.NDArray[np.bool_]
    Floats = npt.NDArray[np.float64]

FEWEST = 25
"""People with an outcome, below which it is none: nobody is told a risk that so few have shown."""
RECIPE = "outcomes"
EVERY_YEARS = YEARS = 5.0
"""How far landmarks lie apart, and how long each is followed."""
MOST_LANDMARKS = 200_000
"""Of more, people are drawn; rates by age and sex are everyone's."""
RIDGES = (100.0, 50.0, 25.0)
"""From strong to weak, in units of log-likelihood: 25 holds the log hazard ratio of a code to about 0.2."""
DIRECTIONS = 10
MOST_TRIED = 60
"""Outcomes by which the penalty is chosen, from the commonest to the rarest."""
HORIZONS_DAYS = (365, 1826)
FIFTH = "on a fifth of the people, by a model that the others taught; they chose its penalty"


def train_outcomes(
    timeline: Timeline,
    *,
    among: str | None = None,
    recipe: Recipe | None = None,
    plain: bool = False,
    seed: int = 0,
    progress: Progress = SILENT,
) -> OutcomesModel:
    """A model of every diagnosis of three characters, every phenotype and death that `FEWEST` people came to.

    Everything is a function of timeline, people, recipe and seed.

    Parameters
    ----------
    among : learn from the people who have this fact alone, such as ``SPLIT//train``
    recipe : which covariates; the library's `outcomes` where None
    plain : an ordinary regression on the recipe's columns, to compare with: nothing is shared between outcomes

    Raises
    ------
    ModelError
        Nobody can be learned from, or no outcome came to enough people.
    """
    persons = learned_from(timeline, among)
    every = onsets_of(timeline)
    onsets = common_enough(every, persons)
    landmarks = _landmarks(persons, seed)
    progress.step("featurizing", 0)
    chosen = recipe or load_recipe(RECIPE)
    features = featurize(timeline, landmarks.rows, chosen)
    rates = AgeSexRates.fit(persons, onsets)
    study = _Study(persons, onsets, landmarks, features, plain, seed)
    ridge, judged = study.choice()
    progress.step("fitting outcomes", 0, len(onsets.names))
    ratios = study.fit(rates, ridge)
    held_out = study.held_out(ridge, chosen)
    basis = [timeline.content_hash, among, chosen.model_dump(mode="json"), plain, seed]
    return OutcomesModel(
        names=onsets.names,
        titles=onsets.titles,
        recipe=chosen,
        vocabulary=features.vocabulary,
        rates=rates,
        ratios=ratios,
        card={
            "version": hashlib.sha256(to_json(basis)).hexdigest()[:12],
            "data": timeline.content_hash,
            "recipe": chosen.name,
            "seed": seed,
            "among": among,
            "outcomes": len(onsets.names),
            "left_out": left_out(every, onsets),
            "subjects": persons.height,
            "landmarks": len(landmarks),
            "columns": int(ratios.beta.shape[1]),
            "ridge": ridge,
            "horizons_days": list(HORIZONS_DAYS),
            "judged_on_a_fifth": judged,
            **({"evaluation": held_out} if held_out else {}),
            "population": population(landmarks.age),
            "events": dict(zip(onsets.names, onsets.counts_while_followed(persons).tolist(), strict=True)),
            "limits": list(LIMITS),
        },
    )  # fmt: skip


def learned_from(timeline: Timeline, among: str | None) -> pl.DataFrame:
    """Those of `followed_persons` who teach.

    Raises
    ------
    ModelError
        There is nobody.
    """
    persons = followed_persons(timeline.persons())
    if among is not None:
        persons = persons.filter(pl.col("subject_id").is_in(people_with(timeline, among).implode()))
    if persons.height == 0:
        whom = "of known age with records at two moments" + (
            "" if among is None else " and that fact"
        )
        raise ModelError(f"there is nobody to learn from: nobody {whom}. Give a store with people.")
    return persons


def people_with(timeline: Timeline, code: str) -> pl.Series:
    """The ids of those who have `code` at any time or without one."""
    columns = ("subject_id", "code")
    found = [
        timeline.table(shards, columns).filter(pl.col("code").cast(pl.String) == code)["subject_id"]
        for shards in timeline.groups(2_000_000)
    ]
    return pl.concat([pl.Series("subject_id", [], dtype=pl.Int64), *found]).unique().sort()


def common_enough(onsets: Onsets, persons: pl.DataFrame) -> Onsets:
    """Those that `FEWEST` people came to, somebody while followed: of what all had before nothing can be learned.

    Raises
    ------
    ModelError
        There is none.
    """
    enough = onsets.counts(persons["subject_id"].to_numpy()) >= FEWEST
    places = np.flatnonzero(enough & (onsets.counts_while_followed(persons) > 0)).tolist()
    if not places:
        raise ModelError(
            f"no diagnosis, phenotype or death came to {FEWEST} of these {persons.height:,} people, one of them while "
            "followed: too few to learn any outcome from. Give a larger store, or map local codes to ICD-10 when "
            "ingesting (--mapping)."
        )
    return onsets.only(places)


def left_out(every: Onsets, kept: Onsets) -> dict[str, int]:
    """How many outcomes are none: `FEWEST` people or more did not have them, or nobody while followed."""
    return {"fewer_than": FEWEST, "outcomes": len(every.names) - len(kept.names)}


def _landmarks(persons: pl.DataFrame, seed: int) -> Landmarks:
    landmarks = spread_landmarks(persons, EVERY_YEARS, seed)
    if len(landmarks) <= MOST_LANDMARKS:
        return landmarks
    share = MOST_LANDMARKS / len(landmarks)
    parts = 10_000
    return landmarks.where(folds_of(landmarks.subjects, parts, seed) < share * parts)


class _Study:
    """What ratios are fitted from."""

    def __init__(
        self,
        persons: pl.DataFrame,
        onsets: Onsets,
        landmarks: Landmarks,
        features: FeatureMatrix,
        plain: bool,
        seed: int,
    ) -> None:
        self._persons, self._onsets, self._seed = persons, onsets, seed
        self._landmarks, self._features = landmarks, features
        self._sharing: dict[str, Any] = {
            "directions": 0 if plain else DIRECTIONS, "totals": not plain,
        }  # fmt: skip

    def fit(self, rates: AgeSexRates, ridge: float) -> HazardRatios:
        """The ratios of every outcome, from everyone."""
        after = FollowUps(landmarks=self._landmarks, onsets=self._onsets, rates=rates, years=YEARS)
        every = range(len(self._onsets.names))
        return fit_ratios(self._features, after, every, ridge=ridge, **self._sharing)

    def choice(self) -> tuple[float, dict[str, Any]]:
        """The penalty with the greatest likelihood of a fifth of the people, and how the model did there."""
        rates, mine = self._rates_of_the_rest(), self._fifth(self._landmarks.subjects)
        if not mine.any() or mine.all():
            return RIDGES[0], {}
        learning, judged = (self._after(rates, rows) for rows in (~mine, mine))
        places = self._tried()
        outside, inside = (self._features.of_rows(np.flatnonzero(rows)) for rows in (~mine, mine))
        fits = ratios_by_ridge(outside, learning, places, ridges=RIDGES, **self._sharing)
        logs = [fit.logs(inside) for fit in fits]
        told = [_likelihood(judged, places, one) for one in logs]
        best = int(np.argmax(told))
        return RIDGES[best], how_well(judged, places, logs[best])

    def held_out(self, ridge: float, recipe: Recipe) -> dict[str, Any]:
        """How a model of every outcome that the others teach does on the fifth; empty where that is nobody."""
        landmarks, onsets, mine = (
            self._landmarks,
            self._onsets,
            self._fifth(self._landmarks.subjects),
        )
        if not is_enough(landmarks.where(mine)) or mine.all():
            return {}
        rates = self._rates_of_the_rest()
        outside, inside = (self._features.of_rows(np.flatnonzero(rows)) for rows in (~mine, mine))
        learning, every = self._after(rates, ~mine), range(len(onsets.names))
        ratios = fit_ratios(outside, learning, every, ridge=ridge, **self._sharing)
        model = OutcomesModel(
            names=onsets.names, titles=onsets.titles, rates=rates, card={}, recipe=recipe,
            vocabulary=inside.vocabulary, ratios=ratios,
        )  # fmt: skip

        def logs_of(here: slice) -> Floats:
            rows = np.arange(*here.indices(int(mine.sum())))
            return ratios.logs(inside.of_rows(rows))

        given = landmarks.where(mine), onsets, HORIZONS_DAYS, self._seed
        return {"judged": FIFTH, **evaluation(model, logs_of, *given)}

    def _fifth(self, subjects: npt.NDArray[np.int64]) -> Flags:
        return folds_of(subjects, N_FOLDS, self._seed + 1) == 0

    def _rates_of_the_rest(self) -> AgeSexRates:
        rest = ~self._fifth(self._persons["subject_id"].to_numpy())
        return AgeSexRates.fit(self._persons.filter(pl.Series(rest)), self._onsets)

    def _after(self, rates: AgeSexRates, rows: Flags) -> FollowUps:
        landmarks = self._landmarks.where(rows)
        return FollowUps(landmarks=landmarks, onsets=self._onsets, rates=rates, years=YEARS)

    def _tried(self) -> list[int]:
        counts = self._onsets.counts(self._persons["subject_id"].to_numpy())
        order = np.argsort(-counts, kind="stable")
        return order[:: max(1, -(-len(order) // MOST_TRIED))].tolist()


def _likelihood(after: FollowUps, places: list[int], logs: npt.NDArray[np.float64]) -> float:
    told = 0.0
    for column, place in enumerate(places):
        happened, expected = after.of(place)
        told += float((np.log(expected[happened]) + logs[happened, column]).sum())
        told -= float(expected @ np.exp(logs[:, column]))
    return told


def how_well(after: FollowUps, places: list[int], logs: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Mean area within age bands and sexes, of the model and of age and sex alone; observed over expected events."""
    landmarks = after.landmarks
    stratum = strata(landmarks)
    areas, seen, foretold = [], 0.0, 0.0
    years = np.full(len(landmarks), after.years)
    for column, place in enumerate(places):
        came, known = after.known(place)
        alone = after.rates.expected(place, landmarks.female, landmarks.age, years)
        risks = (alone * np.exp(logs[:, column]), alone)
        areas.append([stratified_auroc(came[known], one[known], stratum[known]) for one in risks])
        happened, expected = after.of(place)
        seen += float(happened.sum())
        foretold += float(expected @ np.exp(logs[:, column]))
    kept = np.array(areas)[np.isfinite(areas).all(axis=1)]
    if not len(kept):
        return {}
    return {
        "outcomes": len(kept),
        "stratified_auroc": float(kept[:, 0].mean()),
        "stratified_auroc_of_age_and_sex": float(kept[:, 1].mean()),
        "observed_over_expected": seen / foretold if foretold else None,
    }
