"""Evaluate a model of many outcomes on people it has not learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.base.errors import ModelError
from lifecourse.models.outcomes.catalogue import onsets_of
from lifecourse.models.outcomes.judging import evaluation, is_enough
from lifecourse.models.outcomes.landmarks import followed_persons, spread_landmarks
from lifecourse.models.outcomes.training import EVERY_YEARS, people_with
from lifecourse.models.split import folds_of
from lifecourse.privacy.release import FEWEST_PEOPLE

if TYPE_CHECKING:
    from lifecourse.models.outcomes.landmarks import Landmarks
    from lifecourse.models.outcomes.model import ModelOfOutcomes
    from lifecourse.timeline.access import Timeline

MOST_NUMBERS = 25_000_000
"""Moments times outcomes; of more, people are drawn."""
ELSEWHERE = "on another store"
OTHERS = "on people of the same store who did not teach"


def evaluate_outcomes(
    model: ModelOfOutcomes, timeline: Timeline, *, among: str | None = None, seed: int = 0
) -> dict[str, Any]:
    """Each outcome of `model` beside age and sex alone, and the means over outcomes, of people who did not teach it.

    On the very records it was trained on and without `among`, what its card says of the part that was held out.
    Otherwise people are looked at every five years of what was recorded of them, the first moment drawn from the first
    five (`spread_landmarks`), while of the ages that the model learned from.

    Parameters
    ----------
    among : judge on the people who have this fact alone, such as ``SPLIT//held_out``; of the training store those who
        taught are left out

    Returns
    -------
    dict
        ``judged`` on whom, ``people``, ``moments``, ``horizons`` (means over outcomes, as `summary_of`), ``outcomes``
        (a line for each and horizon, as `lines_of`)

    Raises
    ------
    ModelError
        Nobody is followed there, fewer than ten people are, none of the model's outcomes came to anybody, or the
        model's card has no such evaluation.
    """
    same = timeline.content_hash == model.card["data"]
    basis = {"outcomes_of_model": len(model.names), "version": model.version}
    if same and among is None:
        return {**basis, **_of_card(model)}
    persons = _asked(model, timeline, among, same)
    every = onsets_of(timeline)
    onsets = every.named(model.names, model.titles)
    if not onsets.counts(persons["subject_id"].to_numpy()).any():
        raise ModelError(
            f"none of the model's {len(model.names):,} outcomes came to anybody asked about in this store: nothing to "
            "judge it on. Give a store in the same code system (ICD-10 or ICD-9), or map its codes when ingesting "
            "(--mapping)."
        )
    landmarks = _moments(model, persons, seed)
    logs = model.log_ratios_in(timeline, every)
    return {
        **basis,
        "judged": OTHERS if same else ELSEWHERE,
        "among": among,
        **evaluation(
            model, lambda here: logs(landmarks.rows[here]), landmarks, onsets,
            model.card["horizons_days"], seed,
        ),
    }  # fmt: skip


def _of_card(model: ModelOfOutcomes) -> dict[str, Any]:
    found = model.card.get("evaluation")
    if found is None:
        raise ModelError(
            "everyone who could be judged in this store taught the model, and its card does not say how it did on "
            "people held out. Give another store, --among with the fact of people who did not teach, or train it again."
        )
    return dict(found)


def _asked(
    model: ModelOfOutcomes, timeline: Timeline, among: str | None, same: bool
) -> pl.DataFrame:
    persons = followed_persons(timeline.persons())
    if among is not None:
        persons = persons.filter(pl.col("subject_id").is_in(people_with(timeline, among).implode()))
    if same:
        taught = model.card["among"]
        persons = (
            persons.clear()
            if taught is None
            else persons.filter(
                ~pl.col("subject_id").is_in(people_with(timeline, taught).implode())
            )
        )
    if persons.height < FEWEST_PEOPLE:
        who = "with that fact " if among is not None else ""
        new = "who did not teach the model " if same else ""
        raise ModelError(
            f"fewer than {FEWEST_PEOPLE} people {who}{new}are of known age with records at two moments in this store: "
            "nobody to judge a model on. Give a store with more people, or another fact (--among)."
        )
    return persons


def _moments(model: ModelOfOutcomes, persons: pl.DataFrame, seed: int) -> Landmarks:
    """Of the ages that were learned from; of more than `MOST_NUMBERS` allows, those of some people."""
    landmarks = spread_landmarks(persons, EVERY_YEARS, seed)
    low, high = (model.card["population"][name] for name in ("age_from", "age_to"))
    landmarks = landmarks.where((landmarks.age >= low) & (landmarks.age <= high))
    if not is_enough(landmarks):
        raise ModelError(
            f"fewer than {FEWEST_PEOPLE} people of this store are followed at ages of {low:.0f} to {high:.0f}, those "
            "the model learned from: nobody to judge it on. Give a store with such people."
        )
    share = MOST_NUMBERS / (len(landmarks) * len(model.names))
    parts = 10_000
    if share >= 1:
        return landmarks
    return landmarks.where(folds_of(landmarks.subjects, parts, seed) < share * parts)
