"""The one question, answered fast: codes x window x summary at rows of (subject, prediction_time).

Covariates are compiled to groups of code ids, windows in microseconds and numbered summaries;
`sweep` does the rest. `oracle` answers the same questions slowly and obviously, and tests hold the
two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecourse.base.errors import UserError
from lifecourse.schema.covariate import OF_NUMBERS
from lifecourse.schema.window import Anchor
from lifecourse.timeline.numbering import SUMMARY_NUMBERS
from lifecourse.timeline.shard import STATIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from lifecourse.schema.covariate import Covariate, ValueRange
    from lifecourse.schema.window import Bound, Window
    from lifecourse.timeline.shard import CodeTable, Shard

# Rows whose window bounds are held at once: 16 bytes a row and window.
CHUNK_ROWS = 1 << 17
MOST_COMPILED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Covariates as numbers.

    names : k column names
    member_offsets, members : int64[n_codes + 1], int32
        Groups that code c belongs to are ``members[member_offsets[c]:member_offsets[c + 1]]``.
    low, high : float32[g], inclusive; numeric : bool[g], whether an event needs a number
    windows : w distinct windows
    group_of, window_of, summary_of : int32[k]
    """

    names: tuple[str, ...]
    member_offsets: npt.NDArray[np.int64]
    members: npt.NDArray[np.int32]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    numeric: npt.NDArray[np.bool_]
    windows: tuple[Window, ...]
    group_of: npt.NDArray[np.int32]
    window_of: npt.NDArray[np.int32]
    summary_of: npt.NDArray[np.int32]


def compile_covariates(covariates: Sequence[Covariate], codes: CodeTable) -> Compiled:
    """What `evaluate` needs of `covariates` in a store with `codes`.

    A codelist that matches no code of the store is an empty group: nothing will be found, which is
    an answer.

    Raises
    ------
    UserError
        Two covariates share a name.
    """
    names = tuple(covariate.name for covariate in covariates)
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise UserError(f"two covariates share the name '{twice[0]}', a column. Rename one.")
    groups: dict[tuple[bytes, float, float, bool], int] = {}
    ids: list[npt.NDArray[np.int32]] = []
    windows: dict[Window, int] = {}
    group_of, window_of = [], []
    for covariate in covariates:
        matched = codes.ids(covariate.codelist)
        numeric = covariate.values is not None or covariate.summary in OF_NUMBERS
        key = (matched.tobytes(), *inclusive_range(covariate.values), numeric)
        if key not in groups:
            groups[key] = len(groups)
            ids.append(matched)
        group_of.append(groups[key])
        window_of.append(windows.setdefault(covariate.window, len(windows)))
    member_offsets, members = _memberships(ids, len(codes))
    return Compiled(
        names=names,
        member_offsets=member_offsets,
        members=members,
        low=np.array([key[1] for key in groups], dtype=np.float32),
        high=np.array([key[2] for key in groups], dtype=np.float32),
        numeric=np.array([key[3] for key in groups], dtype=np.bool_),
        windows=tuple(windows),
        group_of=np.array(group_of, dtype=np.int32),
        window_of=np.array(window_of, dtype=np.int32),
        summary_of=np.array([SUMMARY_NUMBERS[c.summary] for c in covariates], dtype=np.int32),
    )


def compiled_once(covariates: Sequence[Covariate], codes: CodeTable) -> Compiled:
    """`compile_covariates`, remembered by `codes` for a tuple that is asked again, as of one person after the other."""
    if not isinstance(covariates, tuple):
        return compile_covariates(covariates, codes)
    kept = codes.compiled.get(id(covariates))
    # The tuple is kept with what was compiled of it, so that no other can have its id.
    if kept is None or kept[0] is not covariates:
        if len(codes.compiled) >= MOST_COMPILED:
            codes.compiled.clear()
        kept = codes.compiled[id(covariates)] = (covariates, compile_covariates(covariates, codes))
    found: Compiled = kept[1]
    return found


def evaluate(
    shard: Shard,
    compiled: Compiled,
    subject_index: npt.NDArray[np.int64],
    prediction_time: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """The answers at r rows, float64[r, k]; NaN where missing.

    Parameters
    ----------
    subject_index : int64[r]
        Positions in the shard (`Shard.index_of`); -1, a subject not there, has no events.
    prediction_time : int64[r], microseconds UTC
        In any order. Rows of one subject share its pass.
    """
    answers = np.empty((len(subject_index), len(compiled.names)), dtype=np.float64)
    if answers.size == 0:
        return answers
    for rows in _chunks(subject_index):
        moments = prediction_time[rows]
        births = births_of(shard, subject_index[rows])
        bounds = [window_bounds(window, moments, births) for window in compiled.windows]
        answers[rows] = evaluate_between(
            shard,
            compiled,
            subject_index[rows],
            moments,
            np.stack([low for low, _ in bounds]),
            np.stack([high for _, high in bounds]),
        )
    return answers


def evaluate_between(
    shard: Shard,
    compiled: Compiled,
    subject_index: npt.NDArray[np.int64],
    prediction_time: npt.NDArray[np.int64],
    lows: npt.NDArray[np.int64],
    highs: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """As `evaluate`, with each row's own windows.

    `lows` and `highs` are int64[w, r], both inclusive; a window is empty where low > high. For
    questions whose windows end at events (from an admission to its discharge). The caller answers
    for what they see: nothing is cut at `prediction_time`.
    """
    from lifecourse.timeline.sweep import answer_rows  # loaded by whoever sweeps, no earlier

    answers = np.empty((len(subject_index), len(compiled.names)), dtype=np.float64)
    n_groups = len(compiled.low)
    groups_of_codes = np.diff(compiled.member_offsets)
    reached = np.append(0, np.cumsum(groups_of_codes[shard.code]))
    most = int(np.diff(reached[shard.offsets]).max(initial=0))
    answer_rows(
        shard.offsets, shard.time, shard.code, shard.value, shard.end,
        compiled.member_offsets, compiled.members,
        compiled.low, compiled.high, compiled.numeric,
        compiled.group_of, compiled.window_of, compiled.summary_of,
        np.argsort(subject_index, kind="stable"), subject_index,
        np.ascontiguousarray(lows), np.ascontiguousarray(highs), prediction_time,
        np.zeros(n_groups + 1, dtype=np.int64), np.zeros(n_groups, dtype=np.int64),
        np.empty(most, dtype=np.int64),
        answers,
    )  # fmt: skip
    return answers


def places_between(
    shard: Shard,
    subject_index: npt.NDArray[np.int64],
    lows: npt.NDArray[np.int64],
    highs: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each row's events from `lows` to `highs` (int64[r], both inclusive) start and stop.

    Events of any code: for shards that hold the events of one meaning alone. An empty window, and a
    subject not there (-1), starts where it stops.
    """
    from lifecourse.timeline.bisection import find_between

    starts, stops = np.empty_like(subject_index), np.empty_like(subject_index)
    find_between(
        shard.offsets, shard.time, np.ascontiguousarray(subject_index),
        np.ascontiguousarray(lows), np.ascontiguousarray(highs), starts, stops,
    )  # fmt: skip
    return starts, stops


def window_bounds(
    window: Window, prediction_time: npt.NDArray[np.int64], birth: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first and last microsecond inside `window` at each row; low > high where it is empty.

    An age window is empty where the birth is unknown, or not yet known at `prediction_time`. Only a
    window that `looks_ahead` passes `prediction_time`; the window of facts without a time is that
    one value, STATIC.
    """
    if window.is_static:
        nowhere = np.full(len(prediction_time), STATIC, dtype=np.int64)
        return nowhere, nowhere
    low = _bound(window.start, prediction_time, birth) + (0 if window.start_inclusive else 1)
    high = _bound(window.end, prediction_time, birth) - (0 if window.end_inclusive else 1)
    if not window.looks_ahead:
        high = np.minimum(high, prediction_time)
    if Anchor.BIRTH in (window.start.anchor, window.end.anchor):
        unknown = birth == STATIC
        if not window.looks_ahead:
            unknown |= birth > prediction_time
        low, high = np.where(unknown, 1, low), np.where(unknown, 0, high)
    return low, high


def inclusive_range(values: ValueRange | None) -> tuple[float, float]:
    """The smallest and largest float32 in the range; all numbers where none is given."""
    low, high = np.float32(-np.inf), np.float32(np.inf)
    if values is not None and values.low is not None:
        low = np.float32(values.low)
        low = low if values.low_inclusive else np.nextafter(low, np.float32(np.inf))
    if values is not None and values.high is not None:
        high = np.float32(values.high)
        high = high if values.high_inclusive else np.nextafter(high, np.float32(-np.inf))
    return float(low), float(high)


def births_of(shard: Shard, subject_index: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Each row's birth in microseconds UTC; STATIC where unknown or the subject is not there."""
    if shard.n_subjects == 0:
        return np.full(len(subject_index), STATIC, dtype=np.int64)
    return np.where(subject_index < 0, STATIC, shard.birth[subject_index])


# Beyond any date a datetime holds, and far enough from the largest integer to add two of them.
_FAR = 2**61


def _bound(
    bound: Bound, prediction_time: npt.NDArray[np.int64], birth: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    offset = max(-_FAR, min(_FAR, bound.offset))
    if bound.anchor == Anchor.PREDICTION_TIME:
        return prediction_time + offset
    if bound.anchor == Anchor.BIRTH:
        return np.where(birth == STATIC, 0, birth) + offset
    return np.full(len(prediction_time), offset, dtype=np.int64)


def _memberships(
    ids: list[npt.NDArray[np.int32]], n_codes: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    code = np.concatenate([np.zeros(0, dtype=np.int32), *ids])
    group = np.repeat(np.arange(len(ids), dtype=np.int32), [len(matched) for matched in ids])
    offsets = np.zeros(n_codes + 1, dtype=np.int64)
    np.cumsum(np.bincount(code, minlength=n_codes), out=offsets[1:])
    return offsets, group[np.argsort(code, kind="stable")]


def _chunks(subject_index: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    order = np.argsort(subject_index, kind="stable")
    for start in range(0, len(order), CHUNK_ROWS):
        yield order[start : start + CHUNK_ROWS]
