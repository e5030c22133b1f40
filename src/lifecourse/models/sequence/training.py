"""Train the sequence model: the same people and outcomes as the hazards, a fold of them to stop it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.base.errors import ModelError
from lifecourse.base.files import to_json
from lifecourse.base.progress import SILENT, Progress
from lifecourse.models.card import LIMITS, population
from lifecourse.models.outcomes.baseline import AgeSexRates
from lifecourse.models.outcomes.catalogue import DEATH_NAME, onsets_of
from lifecourse.models.outcomes.judging import evaluation, is_enough
from lifecourse.models.outcomes.landmarks import spread_landmarks
from lifecourse.models.outcomes.ratios import FollowUps
from lifecourse.models.outcomes.training import (
    EVERY_YEARS,
    HORIZONS_DAYS,
    YEARS,
    common_enough,
    how_well,
    learned_from,
    left_out,
)
from lifecourse.models.sequence.asking import log_ratios, network_of, places_of
from lifecourse.models.sequence.learning import Schedule, Taught, learn, repeatable
from lifecourse.models.sequence.likelihood import Baseline
from lifecourse.models.sequence.model import SequenceModel
from lifecourse.models.sequence.network import Shape, n_parameters
from lifecourse.models.sequence.sequences import MOST_EVENTS, looked_at, onset_days, stretches
from lifecourse.models.sequence.tokens import facts_of, lives_of, vocabulary_of
from lifecourse.models.split import folds_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.sequence.network import Network
    from lifecourse.models.sequence.sequences import Stretch
    from lifecourse.models.sequence.tokens import Lives
    from lifecourse.timeline.access import Timeline

    Floats = npt.NDArray[np.float64]

PARTS = 10
"""One of so many folds of the people stops the training and teaches nothing."""
MOST_PEOPLE = 25_000
"""Of more, people are drawn to learn the network from, so that training on a processor ends; rates are everyone's."""
FEWEST_PEOPLE = 200
"""Below, a tenth of them is too few to say when to stop."""
TENTH = (
    "on a tenth of the people, who taught nothing but said when to stop and how far to raise risks"
)
LIMIT = f"goes by the latest {MOST_EVENTS} first events of a life; drugs, measurements and repeats are not seen"


def train_sequence(
    timeline: Timeline,
    *,
    among: str | None = None,
    shape: Shape | None = None,
    schedule: Schedule | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> SequenceModel:
    """A transformer of the outcomes that `train_outcomes` learns from the same people.

    Everything is a function of timeline, people, shape, schedule and seed: the same bytes again on one machine.

    Parameters
    ----------
    among : learn from the people who have this fact alone, such as ``SPLIT//train``

    Raises
    ------
    ModelError
        Nobody or too few people can be learned from, or no outcome came to enough of them.
    """
    shape, schedule = shape or Shape(), schedule or Schedule()
    persons = learned_from(timeline, among)
    if persons.height < FEWEST_PEOPLE:
        raise ModelError(
            f"a sequence model needs {FEWEST_PEOPLE} people of known age with records at two moments; here are "
            f"{persons.height:,}. Give a larger store, or train the hazards: leave out --model."
        )
    every = onsets_of(timeline)
    onsets = common_enough(every, persons)
    facts = facts_of(timeline, persons)
    everyone = persons["subject_id"].to_numpy()
    vocabulary = vocabulary_of(facts, every, everyone)
    outside = folds_of(everyone, PARTS, seed + 1) != 0
    rates = AgeSexRates.fit(persons.filter(pl.Series(outside)), onsets)
    drawn = _drawn(persons, seed)
    lives = lives_of(drawn, facts, every, vocabulary)
    fold = folds_of(lives.subjects, PARTS, seed + 1) == 0
    parts = _parts(drawn, lives, fold)
    with repeatable(seed):
        network = network_of(vocabulary, len(onsets.names), shape)
        taught = Taught(
            lives=lives, onset=onset_days(lives, onsets), baseline=Baseline(rates),
            learning=parts[0], judged=parts[1],
        )  # fmt: skip
        told = learn(network, taught, schedule, seed, progress)
    judged, logs = _after(drawn.filter(pl.Series(fold)), lives, onsets, rates, network, seed)
    meanwhile = _meanwhile(judged, logs)
    basis = [timeline.content_hash, among, asdict(shape), asdict(schedule), seed]
    landmarks = spread_landmarks(persons, EVERY_YEARS, seed)
    model = SequenceModel(
        names=onsets.names,
        titles=onsets.titles,
        rates=rates,
        vocabulary=vocabulary,
        network=network,
        meanwhile=meanwhile,
        card={},
    )
    return replace(
        model,
        card={
            "version": hashlib.sha256(to_json(basis)).hexdigest()[:12],
            "data": timeline.content_hash,
            "seed": seed,
            "among": among,
            "outcomes": len(onsets.names),
            "left_out": left_out(every, onsets),
            "subjects": persons.height,
            "subjects_drawn": drawn.height,
            "tokens": len(vocabulary),
            "context": MOST_EVENTS,
            "parameters": n_parameters(network),
            "shape": asdict(shape),
            "schedule": asdict(schedule),
            "rounds": 1 + int(np.argmin(told)),
            "surprise_below_age_and_sex": [-one for one in told],
            "horizons_days": list(HORIZONS_DAYS),
            "judged_on_a_tenth": how_well(judged, list(range(len(onsets.names))), logs),
            **_held_out(model, judged, logs, seed),
            "raised_for_what_comes_meanwhile": {
                "death" if name == DEATH_NAME else "others": float(np.exp(one))
                for name, one in zip(onsets.names, meanwhile, strict=True)
            },
            "population": population(landmarks.age),
            "events": dict(zip(onsets.names, onsets.counts_while_followed(persons).tolist(), strict=True)),
            "limits": [*LIMITS, LIMIT],
        },
    )  # fmt: skip


def _drawn(persons: pl.DataFrame, seed: int) -> pl.DataFrame:
    """`MOST_PEOPLE` or about so many of them."""
    if persons.height <= MOST_PEOPLE:
        return persons
    parts = 10_000
    part = folds_of(persons["subject_id"].to_numpy(), parts, seed + 2)
    return persons.filter(pl.Series(part < parts * MOST_PEOPLE / persons.height))


def _parts(persons: pl.DataFrame, lives: Lives, fold: np.ndarray) -> list[list[Stretch]]:
    """The stretches of those who teach, and of the fold."""
    birth = persons["birth"].to_numpy()
    start, end = (
        (persons[name].to_numpy() - birth) // MICROSECONDS_PER_DAY for name in ("start", "end")
    )
    every = stretches(lives, start, end)
    return [[one for one in every if fold[one.who] == side] for side in (False, True)]


def _after(
    persons: pl.DataFrame, lives: Lives, onsets: Onsets, rates: AgeSexRates, network: Network, seed: int
) -> tuple[FollowUps, Floats]:  # fmt: skip
    """What came within five years of moments of the fold, and float64[n, k] log ratios there."""
    landmarks = spread_landmarks(persons, EVERY_YEARS, seed)
    after = FollowUps(landmarks=landmarks, onsets=onsets, rates=rates, years=YEARS)
    if not len(landmarks):
        return after, np.zeros((0, len(onsets.names)))
    return after, log_ratios(network, looked_at(lives, *places_of(lives, landmarks.rows)))


def _held_out(model: SequenceModel, after: FollowUps, logs: Floats, seed: int) -> dict[str, Any]:
    """``evaluation`` of the model on the tenth, where that is ten people at least."""
    if not is_enough(after.landmarks):
        return {}
    raised = logs + model.meanwhile
    given = after.landmarks, after.onsets, HORIZONS_DAYS, seed
    return {"evaluation": {"judged": TENTH, **evaluation(model, raised.__getitem__, *given)}}


def _meanwhile(after: FollowUps, logs: Floats) -> Floats:
    """float64[k]: log of events seen over events expected by ratios held for five years, of death and of the rest."""
    seen, expected = np.zeros((2, len(after.onsets.names)))
    for place in range(len(seen)):
        happened, alone = after.of(place)
        seen[place], expected[place] = happened.sum(), alone @ np.exp(logs[:, place])
    dies = np.array([name == DEATH_NAME for name in after.onsets.names])
    found = np.zeros(len(seen))
    for group in (dies, ~dies):
        # One event more on both sides: where there were few, little is said.
        found[group] = np.log((seen[group].sum() + 1) / (expected[group].sum() + 1))
    return found
