"""The rows of an ACES task in an excerpt: anchors found window by window, counts held against limits."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.errors import TaskError
from lifecourse.schema.window import EARLIEST, LATEST
from lifecourse.tasks.aces import (
    ANY_EVENT,
    RECORD_END,
    RECORD_START,
    AcesTask,
    DerivedPredicate,
    PlainPredicate,
    in_order,
)
from lifecourse.tasks.answers import Answers
from lifecourse.tasks.attrition import COHORT, EXCLUDED, OUTCOME, TRIGGER, Attrition
from lifecourse.tasks.occurrences import occurrences, within
from lifecourse.tasks.signals import instants, record_places, signal
from lifecourse.timeline.kernel import places_between
from lifecourse.timeline.shard import NO_END, STATIC, CodeTable, Shard

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.tasks.aces import AcesWindow, Edge
    from lifecourse.timeline.excerpt import Excerpt

    Integers = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]


def rows_of_aces(
    excerpt: Excerpt, task: AcesTask, own_codes: CodeTable
) -> tuple[Answers, Attrition]:
    """The answers of `task` in an excerpt with its `codes_of`, and what became of the other triggers.

    `own_codes` is `own_codes_only` of the excerpt's codes, made once for all excerpts.
    """
    return _Run(excerpt, replace(excerpt.shard, codes=own_codes), task).rows()


def codes_of(task: AcesTask, own_codes: CodeTable) -> set[str]:
    """The codes whose events decide the task.

    Raises
    ------
    TaskError
        The task has blanks.
    """
    if task.missing:
        raise TaskError(
            f"task '{task.name}' leaves open what these are: {', '.join(task.missing)}. "
            f"Give their codes in a predicates file (--predicates FILE)."
        )
    plain = [*task.predicates.values(), *task.demographics.values()]
    return {
        own_codes.codes[place]
        for one in plain
        if isinstance(one, PlainPredicate)
        for place in own_codes.ids(one.codelist)
    }


def own_codes_only(codes: CodeTable) -> CodeTable:
    """`codes` without what they map to: ACES reads a code as it is written."""
    return CodeTable(
        codes=codes.codes,
        parents=[() for _ in codes.codes],
        descriptions=codes.descriptions,
        unit_factor=codes.unit_factor,
    )


class _Run:
    def __init__(self, excerpt: Excerpt, shard: Shard, task: AcesTask) -> None:
        self._excerpt = excerpt
        self._shard = shard
        self._task = task
        self._places: dict[str, Integers] = {}
        self._signals: dict[str, Shard] = {}
        self._attrition = Attrition()
        self._subject = np.zeros(0, dtype=np.int64)
        # The time of each anchor at each row: "trigger", "input.end", ...
        self._anchors: dict[str, Integers] = {}

    def rows(self) -> tuple[Answers, Attrition]:
        task = self._task
        events = self._signal(task.trigger)
        triggers = instants(events, np.arange(events.n_events))
        self._subject = events.owners(triggers)
        self._anchors = {"trigger": events.time[triggers]}
        self._attrition.count(TRIGGER, task.trigger, self._subject)
        for name, predicate in task.demographics.items():
            self._keep(self._has_fact(predicate)[self._subject], f"not {name}")
        for window in in_order(task.windows, task.name):
            self._open(window)
        return self._labels(), self._attrition

    # ------------------------------------------------------------ windows

    def _open(self, window: AcesWindow) -> None:
        root_end = "end" if window.root_is_end else "start"
        self._place(window, root_end, window.root, inclusive=False)
        if window.root_is_end:
            edge, other, inclusive = window.start, "start", window.start_inclusive
        else:
            edge, other, inclusive = window.end, "end", window.end_inclusive
        self._place(window, other, edge, inclusive=inclusive)
        for name, (least, most) in window.has.items():
            found = self._counts(window, name)
            fit = np.ones(len(found), dtype=np.bool_)
            fit &= True if least is None else found >= least
            fit &= True if most is None else found <= most
            self._keep(fit, f"{window.name} has {name} ({least}, {most})")

    def _place(self, window: AcesWindow, end: str, edge: Edge, *, inclusive: bool) -> None:
        """Find the time of one end of the window at every row; rows without it are left out."""
        inner = edge.reference in ("start", "end")
        origin = self._anchors[f"{window.name}.{edge.reference}" if inner else edge.reference]
        if edge.event is None:
            self._anchors[f"{window.name}.{end}"] = origin + edge.offset
            return
        step = 0 if inclusive else 1
        far = np.full(len(origin), EARLIEST if edge.backwards else LATEST, dtype=np.int64)
        if edge.backwards:
            lows, highs = far, origin - step
        else:
            lows, highs = origin + step, far
        events = self._signal(edge.event)
        starts, stops = places_between(events, self._subject, lows, highs)
        found = stops > starts
        nearest = np.where(found, stops - 1 if edge.backwards else starts, 0)
        moments = events.time[nearest] if events.n_events else np.zeros_like(nearest)
        self._anchors[f"{window.name}.{end}"] = moments
        self._keep(found, f"{window.name} has no {edge.event} to {end} at")

    def _counts(self, window: AcesWindow, name: str) -> Integers:
        lows = self._anchors[f"{window.name}.start"] + (0 if window.start_inclusive else 1)
        highs = self._anchors[f"{window.name}.end"] - (0 if window.end_inclusive else 1)
        starts, stops = places_between(self._signal(name), self._subject, lows, highs)
        return stops - starts

    def _keep(self, fit: Flags, reason: str) -> None:
        if fit.all():
            return
        self._attrition.count(EXCLUDED, reason, self._subject[~fit])
        self._subject = self._subject[fit]
        self._anchors = {name: times[fit] for name, times in self._anchors.items()}

    # ------------------------------------------------------------ predicates

    def _signal(self, name: str) -> Shard:
        if name not in self._signals:
            self._signals[name] = self._made(name)
        return self._signals[name]

    def _made(self, name: str) -> Shard:
        excerpt = self._excerpt
        if name == ANY_EVENT or self._task.always(name):
            assert excerpt.moments is not None  # noqa: S101 -- asked for where the task needs them
            return excerpt.moments
        if name in (RECORD_START, RECORD_END):
            return self._edges(excerpt.first if name == RECORD_START else excerpt.last)
        return signal(self._shard, self._places_of(name))

    def _edges(self, time: Integers) -> Shard:
        """One event for each subject with a dated record."""
        has = time != STATIC
        count = int(has.sum())
        return replace(
            self._shard,
            offsets=np.append(0, np.cumsum(has)),
            time=time[has],
            code=np.zeros(count, dtype=np.int32),
            value=np.full(count, np.nan, dtype=np.float32),
            end=np.full(count, NO_END),
        )

    def _places_of(self, name: str) -> Integers:
        if name not in self._places:
            self._places[name] = self._find(name)
        return self._places[name]

    def _find(self, name: str) -> Integers:
        predicate = self._task.predicates[name]
        if isinstance(predicate, DerivedPredicate):
            return self._combine(predicate)
        return occurrences(self._shard, predicate.codelist, predicate.values)

    def _combine(self, predicate: DerivedPredicate) -> Integers:
        """The first event of each moment at which the expression holds."""
        at = self._moments
        join = np.logical_and if predicate.every else np.logical_or
        held = np.full(len(at), predicate.every)
        for name in predicate.inputs:
            one = np.zeros(len(at), dtype=np.bool_)
            one[np.searchsorted(at, self._places_of(name), side="right") - 1] = True
            held = join(held, one)
        found: Integers = at[held]
        return found

    @cached_property
    def _moments(self) -> Integers:
        return instants(self._shard, record_places(self._shard, with_birth=True))

    def _has_fact(self, predicate: PlainPredicate) -> Flags:
        shard = self._shard
        ids = shard.codes.ids(predicate.codelist)
        places = np.flatnonzero(np.isin(shard.code, ids) & (shard.time == STATIC))
        places = within(shard, places, predicate.values)
        has = np.zeros(shard.n_subjects, dtype=np.bool_)
        has[shard.owners(places)] = True
        return has

    # ------------------------------------------------------------ labels

    def _labels(self) -> Answers:
        task = self._task
        self._attrition.count(COHORT, "asked about", self._subject)
        index = task.index_window
        at = "trigger" if index is None else f"{index.name}.{index.index_timestamp}"
        answer = None
        if (window := task.label_window) is not None and window.label is not None:
            answer = self._counts(window, window.label) > 0
            self._tell(window, answer)
        return Answers(
            subject_id=self._shard.subject_ids[self._subject],
            time=self._anchors[at],
            happened=answer,
        )

    def _tell(self, window: AcesWindow, answer: Flags) -> None:
        short = ~answer & (self._excerpt.last[self._subject] < self._anchors[f"{window.name}.end"])
        label = window.label or ""
        self._attrition.count(OUTCOME, label, self._subject[answer])
        self._attrition.count(OUTCOME, f"no {label}", self._subject[~answer])
        reason = f"no {label}, record ends before window '{window.name}' does"
        self._attrition.count(OUTCOME, reason, self._subject[short])
