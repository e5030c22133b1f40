"""The rows of a task of our own: moments, who is eligible at them, and what followed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.schema.window import UNBOUNDED_PAST, Bound, Window, after, before
from lifecourse.tasks.answers import Answers
from lifecourse.tasks.attrition import COHORT, EXCLUDED, OUTCOME, TRIGGER, Attrition
from lifecourse.tasks.definition import Censoring, FollowUp, Which
from lifecourse.tasks.occurrences import occurrences
from lifecourse.tasks.signals import (
    DEATHS,
    any_of,
    first_and_last,
    instants,
    meaning_places,
    record_places,
    signal,
)
from lifecourse.timeline.kernel import births_of, places_between, window_bounds
from lifecourse.timeline.shard import NO_END, STATIC

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from lifecourse.tasks.definition import Task
    from lifecourse.tasks.meaning import Meaning
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.shard import Shard

    Integers = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]
    Values = npt.NDArray[np.float32]

DAY = MICROSECONDS_PER_DAY
HOUR = DAY // 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one shard, sorted by subject, then time.

    subject : int64[r] positions in the shard; time : int64[r] microseconds
    cause : int64[r], 0 for none, else which outcome came first
    known : bool[r], whether the answer is known: the outcome came or the whole window was seen
    duration : int64[r] microseconds from `time` to the outcome, or to where it ceased to be looked
    for
    """

    subject: Integers
    time: Integers
    cause: Integers
    known: Flags
    duration: Integers

    def where(self, keep: Flags) -> Rows:
        """The rows that `keep` marks."""
        return Rows(
            subject=self.subject[keep],
            time=self.time[keep],
            cause=self.cause[keep],
            known=self.known[keep],
            duration=self.duration[keep],
        )


def end_of_records(timeline: Timeline, tasks: Sequence[Task]) -> int:
    """Microseconds of the latest event of anyone, where one of `tasks` asks for it; else 0."""
    asked = any(
        task.follow_up_ends == FollowUp.DATA_CUT or task.censoring == Censoring.EXCLUDE
        for task in tasks
    )
    return timeline.end_of_records() if asked else 0


def answers_of(shard: Shard, task: Task, end_of_records: int) -> tuple[Answers, Attrition]:
    """The answers of `task` in `shard`, and what became of the other moments."""
    rows, attrition = rows_of_task(shard, task, end_of_records)
    answers = Answers(
        subject_id=shard.subject_ids[rows.subject],
        time=rows.time,
        happened=rows.cause > 0,
        cause=rows.cause,
        known=rows.known,
        duration=rows.duration,
    )
    return answers, attrition


def rows_of_task(shard: Shard, task: Task, end_of_records: int) -> tuple[Rows, Attrition]:
    """The labelled rows of `task` in `shard`, and what became of the others."""
    attrition = Attrition()
    subject, time = _moments(shard, task)
    attrition.count(TRIGGER, task.trigger.label, subject)
    for reason, unfit in _exclusions(shard, task, end_of_records):
        still = unfit(subject, time)
        attrition.count(EXCLUDED, reason, subject[still])
        subject, time = subject[~still], time[~still]
    chosen = _sample(shard, task, subject)
    if task.trigger.which != Which.EVERY:
        reason = f"not the {task.trigger.which} eligible moment"
        attrition.count(EXCLUDED, reason, subject[~chosen])
    subject, time = subject[chosen], time[chosen]
    rows = _outcomes(shard, task, subject, time, end_of_records)
    if task.censoring == Censoring.EXCLUDE:
        attrition.count(EXCLUDED, "record ends before the outcome window", subject[~rows.known])
        rows = rows.where(rows.known)
    _count_outcomes(task, rows, attrition)
    return rows, attrition


def _count_outcomes(task: Task, rows: Rows, attrition: Attrition) -> None:
    attrition.count(COHORT, "asked about", rows.subject)
    for number, name in enumerate(task.names, 1):
        attrition.count(OUTCOME, name, rows.subject[rows.cause == number])
    attrition.count(OUTCOME, "no outcome", rows.subject[rows.cause == 0])
    attrition.count(
        OUTCOME,
        "no outcome, record ends before the outcome window",
        rows.subject[(rows.cause == 0) & ~rows.known],
    )


def _moments(shard: Shard, task: Task) -> tuple[Integers, Integers]:
    if task.trigger.every_days is not None:
        first, last, has = first_and_last(shard, record_places(shard))
        step = task.trigger.every_days * DAY
        n = np.where(has, (last - first) // step + 1, 0)
        subject = np.repeat(np.arange(shard.n_subjects, dtype=np.int64), n)
        nth = np.arange(len(subject)) - np.repeat(np.cumsum(n) - n, n)
        return subject, first[subject] + nth * step
    places = instants(shard, meaning_places(shard, task.trigger.meaning()))
    subject = shard.owners(places)
    return subject, shard.time[places] + task.trigger.hours_later * HOUR


class _Question:
    """Whether a window of a row holds an event of a signal, and when the first of them is."""

    def __init__(self, shard: Shard, places: Integers) -> None:
        self._shard = signal(shard, places)

    def found(self, window: Window, subject: Integers, time: Integers) -> Flags:
        """bool[r], whether there is an event in the window."""
        starts, stops = self._between(window, subject, time)
        return stops > starts

    def missing(self, window: Window, subject: Integers, time: Integers) -> Flags:
        """bool[r], whether there is no event in the window."""
        return ~self.found(window, subject, time)

    def first(self, window: Window, subject: Integers, time: Integers) -> Integers:
        """int64[r] microseconds of the first event in the window; NO_END where there is none."""
        starts, stops = self._between(window, subject, time)
        return self._time_at(starts, stops > starts, NO_END)

    def last(self, window: Window, subject: Integers, time: Integers) -> Integers:
        """int64[r] microseconds of the last event in the window; STATIC where there is none."""
        starts, stops = self._between(window, subject, time)
        return self._time_at(stops - 1, stops > starts, STATIC)

    def first_fall(
        self, window: Window, subject: Integers, time: Integers, values: Values, share: float
    ) -> Integers:
        """int64[r] microseconds of the first value in the window that is at most `share` of the last before it."""
        found = np.full(len(time), NO_END, dtype=np.int64)
        _, known = self._between(before(), subject, time)
        starts, stops = self._between(window, subject, time)
        for row in np.flatnonzero(stops > starts):
            least = share * values[known[row] - 1]
            fallen = np.flatnonzero(values[starts[row] : stops[row]] <= least)
            if len(fallen):
                found[row] = self._shard.time[starts[row] + fallen[0]]
        return found

    def _between(
        self, window: Window, subject: Integers, time: Integers
    ) -> tuple[Integers, Integers]:
        lows, highs = window_bounds(window, time, births_of(self._shard, subject))
        return places_between(self._shard, subject, lows, highs)

    def _time_at(self, places: Integers, found: Flags, otherwise: int) -> Integers:
        if self._shard.n_events == 0:
            return np.full(len(places), otherwise, dtype=np.int64)
        return np.where(found, self._shard.time[np.where(found, places, 0)], otherwise)


def _exclusions(
    shard: Shard, task: Task, end_of_records: int
) -> list[tuple[str, Callable[[Integers, Integers], Flags]]]:
    deaths = _Question(shard, occurrences(shard, DEATHS))
    steps: list[tuple[str, Callable[[Integers, Integers], Flags]]] = [
        ("already dead", partial(deaths.found, before())),
        ("before birth", lambda subject, time: births_of(shard, subject) > time),
    ]
    steps += _waiting(shard, task)
    if task.age is not None:
        steps.append(("age out of range or unknown", partial(_age_unfit, shard, task)))
    if task.lookback_days:
        known = _Question(shard, record_places(shard))
        reason = f"record begins less than {task.lookback_days} days before"
        steps.append((reason, partial(known.missing, _older_than(task.lookback_days))))
    if task.washout is not None:
        steps.append(("had it before", partial(had_before, shard, task)))
    falling = [outcome for outcome in task.outcomes if outcome.falls_to]
    for outcome in falling:
        measured = _Question(shard, meaning_places(shard, outcome))
        steps.append((f"no {outcome.codelist} to fall from", partial(measured.missing, before())))
    if task.gap_days:
        ends = _Question(shard, np.union1d(_ends(shard, task), occurrences(shard, DEATHS)))
        gap = after(timedelta(days=task.gap_days))
        steps.append(("outcome or death inside the gap", partial(ends.found, gap)))
    if task.censoring == Censoring.EXCLUDE:
        latest = end_of_records - task.horizon_days * DAY
        steps.append(("nobody's record spans the outcome window", lambda _, time: time > latest))
    return steps


def _waiting(shard: Shard, task: Task) -> list[tuple[str, Callable[[Integers, Integers], Flags]]]:
    """What ends the asking between a trigger and the moment so many hours later."""
    hours = task.trigger.hours_later
    if not hours:
        return []
    ends = _Question(shard, _ends(shard, task))
    since = before(timedelta(hours=hours))
    return [("outcome before the moment asked about", partial(ends.found, since))]


def _ends(shard: Shard, task: Task) -> Integers:
    """The places of the outcomes that hang on no earlier value."""
    return any_of(shard, [outcome for outcome in task.outcomes if not outcome.falls_to])


def had_before(shard: Shard, task: Task, subject: Integers, time: Integers) -> Flags:
    """Whether each row's subject already had what the task's washout names, at or before its time."""
    if task.washout is None:
        return np.zeros(len(subject), dtype=np.bool_)
    outcomes = [outcome for outcome in task.outcomes if not outcome.falls_to]
    conditions = [*(outcomes if task.washout.outcome else []), *task.washout.also]
    days = task.washout.days
    window = before(None if days is None else timedelta(days=days))
    return _Question(shard, any_of(shard, conditions)).found(window, subject, time)


def _older_than(days: int) -> Window:
    return Window(start=UNBOUNDED_PAST, end=Bound(offset=-days * DAY), start_inclusive=True)


def _age_unfit(shard: Shard, task: Task, subject: Integers, time: Integers) -> Flags:
    assert task.age is not None  # noqa: S101 -- the step exists for tasks with an age
    birth = births_of(shard, subject)
    years = (time - birth) / (DAY * DAYS_PER_YEAR)
    fit: Flags = (birth != STATIC) & (years >= task.age.at_least)
    if task.age.below is not None:
        fit &= years < task.age.below
    return ~fit


def _sample(shard: Shard, task: Task, subject: Integers) -> Flags:
    """Which rows are kept; rows are sorted by subject, then time."""
    which = task.trigger.which
    chosen = np.ones(len(subject), dtype=np.bool_)
    if which == Which.EVERY or len(subject) == 0:
        return chosen
    is_first = np.append(True, subject[1:] != subject[:-1])
    first = np.flatnonzero(is_first)
    n = np.diff(np.append(first, len(subject)))
    if which == Which.FIRST:
        place = first
    elif which == Which.LAST:
        place = first + n - 1
    else:
        ids = shard.subject_ids[subject[first]]
        place = first + (_drawn(ids, task.trigger.seed or 0) % n.astype(np.uint64)).astype(np.int64)
    chosen[:] = False
    chosen[place] = True
    return chosen


def _drawn(subject_ids: Integers, seed: int) -> npt.NDArray[np.uint64]:
    """A uniform number for each subject that depends on the seed and the subject alone.

    A generator drawn from in order would give other rows with other shards. The seed's generator
    gives the salt; the mixing is SplitMix64 (Steele et al. 2014, doi:10.1145/2660193.2660195).
    """
    salt = np.random.default_rng(seed).integers(0, 2**63, dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = (subject_ids.astype(np.uint64) ^ salt) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _outcomes(
    shard: Shard, task: Task, subject: Integers, time: Integers, end_of_records: int
) -> Rows:
    window = Window(
        start=Bound(offset=task.gap_days * DAY), end=Bound(offset=task.horizon_days * DAY)
    )
    firsts = np.stack([_first(shard, outcome, window, subject, time) for outcome in task.outcomes])
    earliest = firsts.min(axis=0)
    happened = earliest != NO_END
    # argmin takes the first of equals: of causes at one moment the one listed first counts.
    cause = np.where(happened, np.array(task.numbers)[firsts.argmin(axis=0)], 0)
    window_end = time + task.horizon_days * DAY
    died = _Question(shard, occurrences(shard, DEATHS)).first(after(), subject, time)
    if task.follow_up_ends == FollowUp.DATA_CUT:
        seen_until = np.full(len(time), end_of_records, dtype=np.int64)
    else:
        seen_until = _Question(shard, record_places(shard)).last(after(), subject, time)
    # Nothing follows a death: whoever died without the outcome is known not to have it.
    looked_until = np.minimum(window_end, np.minimum(died, np.maximum(seen_until, time)))
    known = happened | (died <= window_end) | (seen_until >= window_end)
    return Rows(
        subject=subject,
        time=time,
        cause=cause.astype(np.int64),
        known=known,
        duration=np.where(happened, earliest, looked_until) - time,
    )


def _first(
    shard: Shard, outcome: Meaning, window: Window, subject: Integers, time: Integers
) -> Integers:
    """int64[r] microseconds of each row's first event of the outcome in the window; NO_END where there is none."""
    places = meaning_places(shard, outcome)
    question = _Question(shard, places)
    if outcome.falls_to is None:
        return question.first(window, subject, time)
    return question.first_fall(window, subject, time, shard.value[places], outcome.falls_to)
