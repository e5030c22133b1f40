"""Signals: the events of one meaning, as a small shard of their own that windows are asked of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecourse.schema.code import Codelist
from lifecourse.schema.event import BACKGROUND, BIRTH, DEATH
from lifecourse.tasks.occurrences import occurrences
from lifecourse.timeline.shard import STATIC, Shard

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.tasks.meaning import Meaning

BIRTHS = Codelist(name="birth", exact=frozenset({BIRTH}), prefixes=(f"{BIRTH}//",))
NO_CONTACT = Codelist(
    name="no contact", exact=frozenset({BIRTH}), prefixes=(f"{BIRTH}//", *BACKGROUND)
)
DEATHS = Codelist(name="death", exact=frozenset({DEATH}), prefixes=(f"{DEATH}//",))


def signal(shard: Shard, places: npt.NDArray[np.int64]) -> Shard:
    """The events of `shard` at `places` (int64, ascending), same subjects at the same positions."""
    return Shard(
        codes=shard.codes,
        subject_ids=shard.subject_ids,
        offsets=np.searchsorted(places, shard.offsets).astype(np.int64),
        time=shard.time[places],
        code=shard.code[places],
        value=shard.value[places],
        end=shard.end[places],
    )


def meaning_places(shard: Shard, meaning: Meaning) -> npt.NDArray[np.int64]:
    """int64 places of the events meant; of a phenotype the event with which it became known."""
    if meaning.phenotype is not None:
        from lifecourse.tasks.phenotypes import phenotype  # the library is not loaded for codes

        return phenotype(meaning.phenotype).onset_places(shard)
    values = None if meaning.values is None else meaning.values.range()
    return occurrences(shard, meaning.resolve(), values)


def any_of(shard: Shard, meanings: list[Meaning]) -> npt.NDArray[np.int64]:
    """int64 places of the events that any of `meanings` means."""
    found = [meaning_places(shard, meaning) for meaning in meanings]
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *found]))


def record_places(shard: Shard, *, with_birth: bool = False) -> npt.NDArray[np.int64]:
    """int64 places of all dated events; births, addresses and the like are no contact with care and left out."""
    dated = shard.time != STATIC
    if not with_birth:
        without = np.zeros(len(shard.codes), dtype=np.bool_)
        without[shard.codes.ids(NO_CONTACT)] = True
        dated &= ~without[shard.code]
    return np.flatnonzero(dated)


def first_and_last(
    shard: Shard, places: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Each subject's first and last time among `places`, and whether there is any (int64[n] each)."""
    begin = np.searchsorted(places, shard.offsets[:-1])
    stop = np.searchsorted(places, shard.offsets[1:])
    has = stop > begin
    time = shard.time[places]
    if len(time) == 0:
        nothing = np.full(shard.n_subjects, STATIC, dtype=np.int64)
        return nothing, nothing, has
    first = np.where(has, time[np.minimum(begin, len(time) - 1)], STATIC)
    last = np.where(has, time[np.maximum(stop - 1, 0)], STATIC)
    return first, last, has


def instants(shard: Shard, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`places` without those at the same moment of the same subject as the one before."""
    if len(places) == 0:
        return places
    time = shard.time[places]
    fresh = np.ones(len(places), dtype=np.bool_)
    fresh[1:] = time[1:] != time[:-1]
    # The first event of a subject is new even at the moment of the last subject's last event.
    starts = np.searchsorted(places, shard.offsets[:-1])
    fresh[starts[starts < len(places)]] = True
    return places[fresh]
