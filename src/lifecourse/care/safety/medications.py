"""Which drugs somebody takes at a moment, by ingredient, whether prescriptions say when they end or not.

The same reading of the record as rules have: a drug is being taken while its stated end lies ahead, and where no end is
stated for `DRUG_ACTIVE_DAYS` after it was started. Older starts without an end are unclear: nobody tidied the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import MICROSECONDS_PER_DAY, from_microseconds
from lifecourse.tasks.allergies import DRUG_ACTIVE_DAYS
from lifecourse.timeline.shard import NO_END, STATIC
from lifecourse.vocab.ingredients import ingredients

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lifecourse.timeline.chart import Chart


class State(StrEnum):
    """Whether a drug is being taken."""

    ACTIVE = "active"
    UNCLEAR = "unclear"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Medication:
    """One ingredient of what was ever prescribed, given or said to be taken.

    started : ISO 8601, when it was first known; last : when it was last started or recorded
    ends : the latest stated end of what is active, or the end of what was stopped; None where none is stated
    source_ids : of the records that decide the state, latest last
    """

    ingredient: str
    state: State
    started: str
    last: str
    ends: str | None
    source_ids: tuple[str, ...]

    @property
    def title(self) -> str:
        """As a reader calls it."""
        return self.ingredient.replace("_", " ")


def medication_list(chart: Chart, at: int) -> tuple[Medication, ...]:
    """Every ingredient known at or before `at` (microseconds UTC): those taken, then the unclear, the stopped.

    Drugs of which no ingredient is known (`vocab/ingredients.yaml`) are not in it and not checked.
    """
    places: dict[str, list[int]] = {}
    for place in _known(chart, at):
        for name in _held(chart, place):
            places.setdefault(name, []).append(place)
    found = [_medication(chart, at, name, each) for name, each in places.items()]
    order = tuple(State)
    return tuple(sorted(found, key=lambda each: (order.index(each.state), each.ingredient)))


def _known(chart: Chart, at: int) -> Iterable[int]:
    time = chart.shard.time
    return np.flatnonzero((time != STATIC) & (time <= at)).tolist()


def _held(chart: Chart, place: int) -> tuple[str, ...]:
    table, code = chart.shard.codes, chart.shard.code[place]
    names = (table.codes[code], *table.parents[code])
    return tuple(dict.fromkeys(_by_code()[name] for name in names if name in _by_code()))


@cache
def _by_code() -> dict[str, str]:
    rxnorm = {f"RxNorm//{each.rxnorm}": name for name, each in ingredients().items()}
    return rxnorm | {f"ATC//{each.atc}": name for name, each in ingredients().items()}


def _medication(chart: Chart, at: int, name: str, places: list[int]) -> Medication:
    time, end = chart.shard.time[places], chart.shard.end[places]
    is_open = end == NO_END
    recent = time > at - DRUG_ACTIVE_DAYS * MICROSECONDS_PER_DAY
    active = np.where(is_open, recent, end > at)
    unclear = is_open & ~recent
    state = State.ACTIVE if active.any() else State.UNCLEAR if unclear.any() else State.STOPPED
    deciding = {State.ACTIVE: active, State.UNCLEAR: unclear}.get(state, ~is_open)
    ends = None if is_open[deciding].any() else int(end[deciding].max())
    chosen = np.array(places)[deciding]
    sources = chart.events[chosen.tolist()]["source_id"].drop_nulls().unique(maintain_order=True)
    return Medication(
        ingredient=name,
        state=state,
        started=from_microseconds(int(time.min())).isoformat(),
        last=from_microseconds(int(time.max())).isoformat(),
        ends=None if ends is None else from_microseconds(ends).isoformat(),
        source_ids=tuple(sources.to_list()),
    )
