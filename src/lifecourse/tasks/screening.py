"""Totals of questionnaires at a moment, recorded or summed from their answers.

The latest total known counts. Answers to all items at one moment, each item once, give a total of that moment too; if
one is recorded at the same moment, that one counts. A form with an item left open has no total.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.schema.code import Codelist
from lifecourse.timeline.shard import STATIC
from lifecourse.vocab.codelists import codelist

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.shard import Shard
    from lifecourse.vocab.scales import Scale

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


def totals_at(scale: Scale, shard: Shard, subject_index: Ints, prediction_time: Ints) -> Floats:
    """float64[r]: the total of r rows' subjects (places in `shard`, -1: absent) at their times; NaN: none known."""
    owners, times, totals = _every_total(scale, shard)
    found = np.full(len(subject_index), np.nan)
    for row, (subject, moment) in enumerate(
        zip(subject_index.tolist(), prediction_time.tolist(), strict=True)
    ):
        first, last = np.searchsorted(owners, [subject, subject + 1])
        place = first + int(np.searchsorted(times[first:last], moment, side="right")) - 1
        if place >= first:
            found[row] = totals[place]
    return found


def _every_total(scale: Scale, shard: Shard) -> tuple[Ints, Ints, Floats]:
    """Subject, time and total of every total, by subject and time; a recorded one after a sum of its moment."""
    summed, recorded = _summed(scale, shard), _recorded(scale, shard)
    owners, times, totals = (
        np.concatenate([mine, theirs]) for mine, theirs in zip(summed, recorded, strict=True)
    )
    is_recorded = np.arange(len(owners)) >= len(summed[0])
    order = np.lexsort([is_recorded, times, owners])
    return owners[order], times[order], totals[order]


def _recorded(scale: Scale, shard: Shard) -> tuple[Ints, Ints, Floats]:
    low, high = scale.range
    places = np.flatnonzero(np.isin(shard.code, shard.codes.ids(codelist(scale.total))))
    value = shard.value[places]
    places = places[(value >= low) & (value <= high) & (shard.time[places] != STATIC)]
    return shard.owners(places), shard.time[places], shard.value[places].astype(np.float64)


def _summed(scale: Scale, shard: Shard) -> tuple[Ints, Ints, Floats]:
    item, score = np.full(len(shard.codes), -1), np.full(len(shard.codes), np.nan)
    for code, (place, counts) in scale.answers.items():
        for identity in shard.codes.ids(_exactly(code)):
            item[identity], score[identity] = place, np.nan if counts is None else counts
    places = np.flatnonzero(item[shard.code] >= 0) if len(shard.codes) else np.zeros(0, np.int64)
    places = places[shard.time[places] != STATIC]
    told = score[shard.code[places]]
    told = np.where(np.isnan(told), shard.value[places], told)
    owners, times, items = shard.owners(places), shard.time[places], item[shard.code[places]]
    # Events are by subject and time, so that a form's answers stand together.
    starts = np.flatnonzero(np.diff(owners, prepend=-1) | np.diff(times, prepend=-1))
    n_items = len(scale.items)
    forms = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(places))))
    counted = np.zeros((len(starts), n_items), dtype=np.int64)
    sums = np.zeros(len(starts))
    np.add.at(counted, (forms, items), 1)
    np.add.at(sums, forms, told)
    whole = (counted == 1).all(axis=1) & np.isfinite(sums)
    low, high = scale.range
    whole &= (sums >= low) & (sums <= high)
    return owners[starts[whole]], times[starts[whole]], sums[whole]


def _exactly(code: str) -> Codelist:
    return Codelist(name=code, exact=frozenset({code}))
