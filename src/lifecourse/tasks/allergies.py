"""How many of the drugs that somebody takes at a moment an allergy to the very drug is recorded of.

A drug is being taken while its stated end lies ahead, and where no end is stated for `DRUG_ACTIVE_DAYS` after it was
started: the same as rules and scores have it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.schema.code import Codelist
from lifecourse.timeline.shard import NO_END, STATIC
from lifecourse.vocab.codelists import ALLERGY
from lifecourse.vocab.ingredients import ingredients

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.shard import Shard

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

DRUG_ACTIVE_DAYS = 730


@cache
def recorded_allergies() -> Codelist:
    """Every code that an allergy to a known ingredient has."""
    return Codelist(
        name="allergy to a drug", exact=frozenset(_allergy(name) for name in ingredients())
    )


def allergies_taken(shard: Shard, subject_index: Ints, prediction_time: Ints) -> Floats:
    """float64[r]: the number of ingredients taken and recorded as an allergy, of r subjects (places) at their times."""
    found = np.zeros(len(subject_index))
    places = _places(shard, recorded_allergies())
    if len(places) == 0:
        return found
    rows_of: dict[int, list[int]] = {}
    for row, subject in enumerate(subject_index.tolist()):
        rows_of.setdefault(subject, []).append(row)
    owner = shard.owners(places)
    for subject in np.unique(owner).tolist():
        for row in rows_of.get(subject, ()):
            found[row] = _taken(shard, subject, int(prediction_time[row]))
    return found


def _taken(shard: Shard, subject: int, at: int) -> int:
    first, last = int(shard.offsets[subject]), int(shard.offsets[subject + 1])
    time, end, code = shard.time[first:last], shard.end[first:last], shard.code[first:last]
    known = (time != STATIC) & (time <= at)
    recent = time > at - DRUG_ACTIVE_DAYS * MICROSECONDS_PER_DAY
    active = known & np.where(end == NO_END, recent, end > at)
    allergic = _ingredients(shard, code[known], ALLERGY)
    return len(allergic & _ingredients(shard, code[active], "")) if allergic else 0


def _ingredients(shard: Shard, codes: npt.NDArray[np.int64], before: str) -> set[str]:
    by_code = {f"{before}RxNorm//{each.rxnorm}": name for name, each in ingredients().items()}
    table = shard.codes
    names = {
        n for code in np.unique(codes).tolist() for n in (table.codes[code], *table.parents[code])
    }
    return {by_code[name] for name in names if name in by_code}


def _allergy(name: str) -> str:
    return f"{ALLERGY}RxNorm//{ingredients()[name].rxnorm}"


def _places(shard: Shard, codelist: Codelist) -> Ints:
    return np.flatnonzero(np.isin(shard.code, shard.codes.ids(codelist))).astype(np.int64)
