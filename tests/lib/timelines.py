"""Tiny timelines for tests: shards from rows, and random ones for laws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from hypothesis import strategies as st

from lifecourse.base.clock import MICROSECONDS_PER_DAY, to_microseconds
from lifecourse.schema.code import ANY_CODE, Codelist, codes
from lifecourse.schema.covariate import Covariate, Summary, ValueRange
from lifecourse.schema.window import (
    Anchor,
    Bound,
    Window,
    after,
    before,
    between_ages,
    between_dates,
    static,
)
from lifecourse.timeline.access import Timeline
from lifecourse.timeline.shard import NO_END, STATIC, CodeTable, Shard
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = MICROSECONDS_PER_DAY
CODES = ("A", "B", "C//1", "C//2", "MEDS_BIRTH")

# time (None = static), code, value (None = no number), end (None = not stated)
Row = tuple[int | None, str, float | None, int | None]


EVENT = {
    "subject_id": pl.Int64,
    "time": pl.Datetime("us"),
    "code": pl.String,
    "numeric_value": pl.Float32,
    "text_value": pl.String,
}


def timeline_of(rows: Sequence[tuple[object, ...]]) -> Timeline:
    """A timeline in memory of rows (subject_id, time, code[, numeric_value[, text_value]]), all of one length."""
    width = max((len(row) for row in rows), default=3)
    schema = dict(list(EVENT.items())[:width])
    return timeline_from_events(pl.DataFrame(rows, schema=schema, orient="row"))


def code_table(names: Sequence[str] = CODES) -> CodeTable:
    ordered = sorted(names)
    return CodeTable(
        codes=ordered,
        parents=[() for _ in ordered],
        descriptions=[None for _ in ordered],
        unit_factor=np.ones(len(ordered)),
    )


def shard_of(subjects: Sequence[Sequence[Row]], table: CodeTable | None = None) -> Shard:
    """A shard of subjects 10, 11, ... whose rows are sorted by time here, ties as given."""
    table = table or code_table()
    place = {name: i for i, name in enumerate(table.codes)}
    ordered = [
        sorted(rows, key=lambda row: STATIC if row[0] is None else row[0]) for rows in subjects
    ]
    flat = [row for rows in ordered for row in rows]
    return Shard(
        codes=table,
        subject_ids=np.arange(10, 10 + len(subjects), dtype=np.int64),
        offsets=np.cumsum([0, *(len(rows) for rows in ordered)], dtype=np.int64),
        time=np.array([STATIC if t is None else t for t, *_ in flat], dtype=np.int64),
        code=np.array([place[code] for _, code, *_ in flat], dtype=np.int32),
        value=np.array(
            [np.nan if value is None else value for _, _, value, _ in flat], dtype=np.float32
        ),
        end=np.array([NO_END if end is None else end for *_, end in flat], dtype=np.int64),
    )


# Few distinct moments, so that ties and events exactly on a window's edge are common.
moments = st.integers(-3, 8).map(lambda n: n * DAY) | st.integers(0, 3)
values = st.none() | st.sampled_from([0.0, 1.0, -2.5, 5.7, 6.5, 1e6])
rows: st.SearchStrategy[Row] = st.tuples(
    st.none() | moments, st.sampled_from(CODES), values, st.none() | moments
)
timelines = st.lists(st.lists(rows, max_size=12), min_size=1, max_size=4)

lists_of_codes = st.sampled_from(
    [
        codes("a", "A"),
        codes("a or b", "A", "B"),
        Codelist(name="c", prefixes=("C//",)),
        Codelist(name="not c2", everything=False, prefixes=("A", "B", "C"), excluded=("C//2",)),
        codes("nowhere", "NO//SUCH"),
        ANY_CODE,
    ]
)

_offsets = st.sampled_from([-9, -3, -2, -1, 0, 1, 2, 5]).map(lambda n: n * DAY)
_bounds = st.builds(Bound, anchor=st.sampled_from(list(Anchor)), offset=_offsets)


@st.composite
def _any_window(draw: st.DrawFn) -> Window:
    start, end = draw(_bounds), draw(_bounds)
    if start.anchor == end.anchor and start.offset > end.offset:
        start, end = end, start
    return Window(
        start=start,
        end=end,
        start_inclusive=draw(st.booleans()),
        end_inclusive=draw(st.booleans()),
    )


windows = _any_window() | st.sampled_from(
    [
        before(),
        before(timedelta(days=2)),
        after(),
        after(timedelta(days=3)),
        between_ages(0, 0.01),
        between_dates(datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 3, tzinfo=UTC)),
        static(),
    ]
)

_ends = st.none() | st.sampled_from([0.0, 5.7, 6.5, -2.5])
ranges = st.none() | st.builds(
    ValueRange, low=_ends, high=_ends, low_inclusive=st.booleans(), high_inclusive=st.booleans()
)


@st.composite
def covariates(draw: st.DrawFn, summaries: Sequence[Summary] = tuple(Summary)) -> list[Covariate]:
    """Up to a few covariates over the small world above, named c0, c1, ..."""
    n = draw(st.integers(1, 5))
    return [
        Covariate(
            name=f"c{i}",
            codelist=draw(lists_of_codes),
            window=draw(windows),
            summary=draw(st.sampled_from(list(summaries))),
            values=draw(ranges),
        )
        for i in range(n)
    ]


def us(*when: int) -> int:
    """Microseconds of a UTC date or moment."""
    return to_microseconds(datetime(*when, tzinfo=UTC))  # type: ignore[arg-type]  # year, month and so on
