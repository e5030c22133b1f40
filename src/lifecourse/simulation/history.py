"""Whole lives: the years before the records, the years of the records, and snapshots on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.simulation.clinic import Visits, joined, see_people
from lifecourse.simulation.life import live_a_quarter
from lifecourse.simulation.parameters import STEPS_PER_YEAR
from lifecourse.simulation.population import born
from lifecourse.simulation.state import first_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecourse.simulation.parameters import Parameters
    from lifecourse.simulation.population import People
    from lifecourse.simulation.state import State


@dataclass(slots=True, kw_only=True)
class History:
    """Lives from the first day of the records to the cut.

    visits, admissions : of the years of the records; admissions are : (places, moments, illness)
    known_before : when an illness was written down before the records begin, and so is on the list of problems
    snapshots : the state at landmarks, by years since the records begin
    state : at the cut
    """

    people: People
    state: State
    visits: Visits
    admissions: list[tuple[np.ndarray, np.ndarray, str]] = field(default_factory=list)
    snapshots: dict[float, State] = field(default_factory=dict)


def live(
    n: int,
    first: int,
    model: Parameters,
    rng: np.random.Generator,
    *,
    landmarks: Sequence[float] = (),
) -> History:
    """`n` lives numbered from `first`, with the state kept at each of `landmarks` (years since the records begin)."""
    people = born(n, first, model, rng)
    state = first_day(people, model)
    for _ in range(model.people.years_before * STEPS_PER_YEAR):
        live_a_quarter(people, state, model, rng, is_mortal=False)
        see_people(people, state, model, rng, {})
    state.years = 0.0
    state.baseline_egfr = state.values["egfr"].copy()
    visits, admissions, snapshots = [], [], {}
    everyone = np.arange(n)
    for step in range(model.steps + 1):
        years = step / STEPS_PER_YEAR
        if years in landmarks:
            snapshots[years] = state.take(everyone)
        if step < model.steps:
            admissions += live_a_quarter(people, state, model, rng).admissions
            visits.append(see_people(people, state, model, rng, {}))
    return History(
        people=people,
        state=state,
        visits=joined(visits),
        admissions=_by_reason(admissions),
        snapshots=snapshots,
    )


def _by_reason(
    admissions: list[tuple[np.ndarray, np.ndarray, str]],
) -> list[tuple[np.ndarray, np.ndarray, str]]:
    reasons = dict.fromkeys(reason for _, _, reason in admissions)
    return [
        (
            np.concatenate([who for who, _, given in admissions if given == reason]),
            np.concatenate([when for _, when, given in admissions if given == reason]),
            reason,
        )
        for reason in reasons
    ]
