"""Tokens of many people side by side: rows to look at people from, and rows to learn from.

A person is looked at from a token NOW that ends the row. What is learned from is a stretch of follow-up: its tokens,
and NOW at random days, at which nothing happened, so that the absence of events is learned too. Of a long life a row
has the latest `MOST_EVENTS` events; facts stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.models.outcomes.catalogue import NEVER
from lifecourse.models.sequence.tokens import NOW, PADDING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from lifecourse.models.outcomes.catalogue import Onsets
    from lifecourse.models.sequence.tokens import Lives

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Days = npt.NDArray[np.int32]

MOST_EVENTS = 256
"""Events that a row can look back on, the latest; an event is the first of its kind, so that few people have more."""
EVERY_DAYS = 5 * 365.25
"""Mean days between two moments at which nothing happened, while somebody is followed."""
NEVER_BY_DAY = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """b rows of l tokens each.

    token : int64[b, l], PADDING after the last; day : int64[b, l], age in days
    last : int64[b], place of the last token
    """

    token: Integers
    day: Integers
    last: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of a person's follow-up, in days of age, from which one row is learned.

    who : place of the person; after, until : what comes later than `after` and not later than `until` is foretold
    """

    who: int
    after: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Rows to learn from, and the r places in them from which the time to the next is foretold.

    row, column : int64[r]; until : int64[r] days, up to which what is known there stays true
    onset : int32[b, k] days at which each outcome first came, NEVER_BY_DAY where it did not
    female : float64[b]
    """

    rows: Rows
    row: Integers
    column: Integers
    until: Integers
    onset: Days
    female: Floats


def looked_at(lives: Lives, who: Integers, time: Integers) -> Rows:
    """A row for each person (by place) and time (microseconds), with all that was known then, and NOW."""
    days = lives.days_at(who, time).clip(min=0)
    parts = []
    for person, moment, day in zip(who.tolist(), time.tolist(), days.tolist(), strict=True):
        low, high = lives.offsets[person], lives.offsets[person + 1]
        facts = low + lives.n_facts[person]
        # Sorted by day and token, not by time: of the day itself each event is asked whether it had come.
        known = facts + np.flatnonzero(lives.time[facts:high] <= moment)[-MOST_EVENTS:]
        places = np.concatenate([np.arange(low, facts), known])
        parts.append((np.append(lives.token[places], NOW), np.append(lives.day[places], day)))
    return _side_by_side(parts)


def stretches(lives: Lives, start: Integers, end: Integers) -> list[Stretch]:
    """The follow-up of each person, between ages in days; in parts where there are more events than a row holds."""
    found = []
    half = MOST_EVENTS // 2
    for who in range(len(lives)):
        low = lives.offsets[who] + lives.n_facts[who]
        days = lives.day[low : lives.offsets[who + 1]]
        edges = [start[who], *days[MOST_EVENTS::half], end[who]]
        inside = np.unique(np.clip(edges, start[who], end[who])).tolist()
        found += [Stretch(who=who, after=one, until=other) for one, other in pairwise(inside)]
    return found


def lesson(lives: Lives, onset: Days, given: list[Stretch], random: np.random.Generator) -> Lesson:
    """The rows of some stretches, with moments at which nothing happened drawn anew.

    onset : int32[n, k] days, of everyone in `lives`
    """
    parts, read = [], []
    for stretch in given:
        token, day = _tokens_of(lives, stretch, random)
        after = np.append(day[1:], stretch.until)
        # The last token of a day knows all of that day; what comes on the same day foretells nothing of it.
        here = np.flatnonzero((after > day) & (day >= stretch.after))
        parts.append((token, day))
        read.append((here, after[here]))
    who = np.array([stretch.who for stretch in given])
    return Lesson(
        rows=_side_by_side(parts),
        row=np.repeat(np.arange(len(given)), [len(here) for here, _ in read]),
        column=np.concatenate([here for here, _ in read]),
        until=np.concatenate([until for _, until in read]),
        onset=onset[who],
        female=lives.female[who],
    )


def _tokens_of(
    lives: Lives, stretch: Stretch, random: np.random.Generator
) -> tuple[Integers, Integers]:
    low, high = lives.offsets[stretch.who], lives.offsets[stretch.who + 1]
    facts = low + lives.n_facts[stretch.who]
    before = facts + np.searchsorted(lives.day[facts:high], stretch.until)
    events = np.arange(facts, before)[-MOST_EVENTS:]
    places = np.concatenate([np.arange(low, facts), events])
    length = stretch.until - stretch.after
    nothing = random.integers(stretch.after, stretch.until, random.poisson(length / EVERY_DAYS))
    token = np.concatenate([lives.token[places], np.full(len(nothing) + 1, NOW)])
    # One moment at the start of the stretch, so that its first days are foretold as well.
    day = np.concatenate([lives.day[places], nothing, [stretch.after]])
    order = np.lexsort((token, day))
    # Facts have the day of birth and stay first.
    n_facts = facts - low
    order = np.concatenate([np.arange(n_facts), order[order >= n_facts]])
    return token[order], day[order]


def in_batches(
    lengths: Integers, most_tokens: int, random: np.random.Generator | None
) -> Iterator[Integers]:
    """Places of rows of similar length, about `most_tokens` tokens together; shuffled with `random`."""
    mixed = lengths + (0 if random is None else random.uniform(0, 4, len(lengths)))
    order = np.argsort(mixed, kind="stable")
    batches: list[Integers] = []
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= most_tokens:
            end += 1
        batches.append(order[start:end])
        start = end
    turn = range(len(batches)) if random is None else random.permutation(len(batches)).tolist()
    for number in turn:
        yield batches[number]


def onset_days(lives: Lives, onsets: Onsets) -> Days:
    """int32[n, k] age in whole days at the first time of each outcome, NEVER_BY_DAY where there was none."""
    found = np.full((len(lives), len(onsets.names)), NEVER_BY_DAY, dtype=np.int32)
    for place in range(len(onsets.names)):
        time = onsets.of(place, lives.subjects)
        had = time != NEVER
        found[had, place] = ((time - lives.birth)[had] // MICROSECONDS_PER_DAY).clip(min=0)
    return found


def _side_by_side(parts: list[tuple[Integers, Integers]]) -> Rows:
    lengths = np.array([len(token) for token, _ in parts], dtype=np.int64)
    shape = (len(parts), int(lengths.max(initial=1)))
    token, day = np.full(shape, PADDING, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for row, (tokens, days) in enumerate(parts):
        token[row, : len(tokens)], day[row, : len(days)] = tokens, days
    return Rows(token=token, day=day, last=lengths - 1)
