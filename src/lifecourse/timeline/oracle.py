"""The one question, answered slowly and obviously: what `kernel` must agree with.

Nothing but tests runs this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.schema.covariate import Summary
from lifecourse.schema.event import BIRTH
from lifecourse.schema.window import Anchor
from lifecourse.timeline.shard import NO_END, STATIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lifecourse.schema.covariate import Covariate, ValueRange
    from lifecourse.schema.window import Bound, Window
    from lifecourse.timeline.shard import CodeTable, Shard

COUNTS = (Summary.EXISTS, Summary.COUNT, Summary.COUNT_VALUES)
OF_TIME = (Summary.TIME_SINCE, Summary.TIME_FIRST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Covariates and the codes they are asked of; nothing is prepared."""

    covariates: tuple[Covariate, ...]
    codes: CodeTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One event of one subject; `time` and `end` None where the record states none."""

    time: int | None
    code: int
    value: float | None
    end: int | None


def compile_covariates(covariates: Sequence[Covariate], codes: CodeTable) -> Compiled:
    """The covariates, unchanged."""
    return Compiled(covariates=tuple(covariates), codes=codes)


def evaluate(
    shard: Shard,
    compiled: Compiled,
    subject_index: npt.NDArray[np.int64],
    prediction_time: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """The answers at r rows, float64[r, k], as `lifecourse.schema.covariate.Summary` words them."""
    answers = np.full((len(subject_index), len(compiled.covariates)), np.nan)
    for row, (subject, at) in enumerate(zip(subject_index, prediction_time, strict=True)):
        facts = facts_of(shard, int(subject))
        for k, covariate in enumerate(compiled.covariates):
            ids = {int(i) for i in compiled.codes.ids(covariate.codelist)}
            meant = [f for f in facts if f.code in ids and in_range(f.value, covariate.values)]
            birth = _birth(facts, compiled.codes)
            answers[row, k] = summarise(covariate.summary, meant, covariate.window, int(at), birth)
    return answers


def facts_of(shard: Shard, subject: int) -> list[Fact]:
    """The events of the subject at position `subject`, in the table's order; none at -1."""
    if subject < 0:
        return []
    return [
        Fact(
            time=None if shard.time[i] == STATIC else int(shard.time[i]),
            code=int(shard.code[i]),
            value=None if math.isnan(shard.value[i]) else float(shard.value[i]),
            end=None if shard.end[i] == NO_END else int(shard.end[i]),
        )
        for i in range(int(shard.offsets[subject]), int(shard.offsets[subject + 1]))
    ]


def in_range(value: float | None, values: ValueRange | None) -> bool:
    """Whether `value` lies between the ends of `values`, as float32."""
    if values is None:
        return True
    if value is None:
        return False
    if values.low is not None:
        low = float(np.float32(values.low))
        if value < low or (value == low and not values.low_inclusive):
            return False
    if values.high is not None:
        high = float(np.float32(values.high))
        if value > high or (value == high and not values.high_inclusive):
            return False
    return True


def inside(time: int | None, window: Window, at: int, birth: int | None) -> bool:
    """Whether a moment lies in the window of a row."""
    if window.is_static or time is None:
        return window.is_static and time is None
    if birth is not None and birth > at and not window.looks_ahead:
        birth = None  # not yet known
    start, end = _moment(window.start, at, birth), _moment(window.end, at, birth)
    if start is None or end is None:
        return False
    if time < start or (time == start and not window.start_inclusive):
        return False
    if time > end or (time == end and not window.end_inclusive):
        return False
    return time <= at or window.looks_ahead


def summarise(
    summary: Summary, facts: list[Fact], window: Window, at: int, birth: int | None
) -> float:
    """What `summary` makes of those `facts` that lie in the window."""
    if summary == Summary.ACTIVE:
        return 1.0 if any(_active(fact, window, at, birth) for fact in facts) else 0.0
    found = [fact for fact in facts if inside(fact.time, window, at, birth)]
    numbers = [fact for fact in found if fact.value is not None]
    if summary == Summary.CHANGE:
        earlier = [fact for fact in facts if _is_before(fact, window, at, birth)]
        return _mean(numbers) - _mean(earlier)
    if summary in COUNTS:
        if summary == Summary.COUNT_VALUES:
            return float(len(numbers))
        return float(len(found)) if summary == Summary.COUNT else float(len(found) > 0)
    if summary in OF_TIME:
        times = [fact.time for fact in found if fact.time is not None]
        if not times:
            return math.nan
        if summary == Summary.TIME_SINCE:
            return (at - max(times)) / MICROSECONDS_PER_DAY
        return (min(times) - at) / MICROSECONDS_PER_DAY
    return _of_numbers(summary, numbers)


def _of_numbers(summary: Summary, numbers: list[Fact]) -> float:
    values = [fact.value for fact in numbers if fact.value is not None]
    if not values:
        return math.nan
    if summary == Summary.FIRST:
        return values[0]
    if summary == Summary.LAST:
        return values[-1]
    if summary == Summary.MIN:
        return min(values)
    if summary == Summary.MAX:
        return max(values)
    if summary == Summary.SUM:
        return math.fsum(values)
    if summary == Summary.MEAN:
        return _mean(numbers)
    return _slope(numbers)


def _mean(numbers: list[Fact]) -> float:
    values = [fact.value for fact in numbers if fact.value is not None]
    return math.fsum(values) / len(values) if values else math.nan


def _is_before(fact: Fact, window: Window, at: int, birth: int | None) -> bool:
    start = _moment(window.start, at, birth)
    if fact.time is None or start is None or window.is_static:
        return False
    return fact.time < start or (fact.time == start and not window.start_inclusive)


def _slope(numbers: list[Fact]) -> float:
    from fractions import Fraction

    points = [
        (Fraction(fact.time), Fraction(fact.value))
        for fact in numbers
        if fact.time is not None and fact.value is not None
    ]
    if len({x for x, _ in points}) < 2:
        return math.nan
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    shared = sum((x - mean_x) * (y - mean_y) for x, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return float(shared / spread * Fraction(MICROSECONDS_PER_DAY) * Fraction(DAYS_PER_YEAR))


def _active(fact: Fact, window: Window, at: int, birth: int | None) -> bool:
    if fact.time is None or fact.time > at:
        return False
    if fact.end is None:
        return inside(fact.time, window, at, birth)
    return fact.end > at


def _moment(bound: Bound, at: int, birth: int | None) -> int | None:
    if bound.anchor == Anchor.PREDICTION_TIME:
        return at + bound.offset
    if bound.anchor == Anchor.BIRTH:
        return None if birth is None else birth + bound.offset
    return bound.offset


def _birth(facts: list[Fact], codes: CodeTable) -> int | None:
    for fact in facts:
        names = (codes.codes[fact.code], *codes.parents[fact.code])
        if fact.time is not None and BIRTH in names:
            return fact.time
    return None


def evaluate_every_code(
    shard: Shard,
    windows: Sequence[Window],
    summaries: Sequence[Summary],
    subject_index: npt.NDArray[np.int64],
    prediction_time: npt.NDArray[np.int64],
    vocabulary: npt.NDArray[np.int32] | None = None,
    groups: Sequence[set[int]] | None = None,
) -> npt.NDArray[np.float64]:
    """float64[r, windows x summaries x codes]: dense, and NaN where a cell would not be stored.

    `groups` of code ids stand in the place of single codes.
    """
    chosen = range(len(shard.codes)) if vocabulary is None else [int(i) for i in vocabulary]
    meant_by = [{code} for code in chosen] if groups is None else groups
    asked = [(w, s, codes) for w in windows for s in summaries for codes in meant_by]
    answers = np.full((len(subject_index), len(asked)), np.nan)
    for row, (subject, at) in enumerate(zip(subject_index, prediction_time, strict=True)):
        facts = facts_of(shard, int(subject))
        birth = _birth(facts, shard.codes)
        for k, (window, summary, codes) in enumerate(asked):
            meant = [fact for fact in facts if fact.code in codes]
            answer = summarise(summary, meant, window, int(at), birth)
            stored = summary not in COUNTS or answer > 0
            answers[row, k] = answer if stored else math.nan
    return answers
