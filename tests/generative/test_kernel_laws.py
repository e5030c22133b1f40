"""Laws of the one question, on random timelines full of ties and edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timelines import covariates, moments, rows, shard_of, timelines, windows

from lifecourse.schema.covariate import Covariate, Summary
from lifecourse.schema.window import Window, before
from lifecourse.timeline import everycode, kernel, oracle
from lifecourse.timeline.columns import Columns
from lifecourse.timeline.everycode import NOT_OF_EVERY_CODE, evaluate_every_code, every_code_columns
from lifecourse.timeline.firsts import rows_with_code

if TYPE_CHECKING:
    import numpy.typing as npt

    from lifecourse.timeline.shard import Shard

questions = st.lists(st.tuples(st.integers(-1, 3), moments), min_size=1, max_size=8)


def ask(
    engine: object, shard: Shard, asked: list[Covariate], at: list[tuple[int, int]]
) -> npt.NDArray[np.float64]:
    subjects = np.array([s if s < shard.n_subjects else -1 for s, _ in at], dtype=np.int64)
    times = np.array([t for _, t in at], dtype=np.int64)
    compiled = engine.compile_covariates(asked, shard.codes)  # type: ignore[attr-defined]  # given as a parameter
    return engine.evaluate(shard, compiled, subjects, times)  # type: ignore[attr-defined, no-any-return]  # given as a parameter


@given(timelines, covariates(), questions)
@settings(max_examples=150)
def test_kernel_gives_the_oracles_answers(
    subjects: list, asked: list[Covariate], at: list[tuple[int, int]]
) -> None:
    shard = shard_of(subjects)
    np.testing.assert_allclose(
        ask(kernel, shard, asked, at), ask(oracle, shard, asked, at), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("summary", list(Summary))
def test_every_summary_agrees_with_the_oracle(summary: Summary) -> None:
    @given(timelines, covariates([summary]), questions)
    @settings(max_examples=40)
    def law(subjects: list, asked: list[Covariate], at: list[tuple[int, int]]) -> None:
        shard = shard_of(subjects)
        np.testing.assert_allclose(
            ask(kernel, shard, asked, at), ask(oracle, shard, asked, at), rtol=1e-6, atol=1e-9
        )

    law()


@given(st.lists(rows, max_size=12), st.lists(rows, max_size=6), covariates(), moments)
@settings(max_examples=150)
def test_no_later_event_changes_an_answer_about_the_past(
    known: list, later: list, asked: list[Covariate], at: int
) -> None:
    inputs = [covariate for covariate in asked if not covariate.window.looks_ahead]
    if not inputs:
        return
    known = [row for row in known if row[0] is None or row[0] <= at]
    later = [row for row in later if row[0] is not None and row[0] > at]
    before_it = ask(kernel, shard_of([known]), inputs, [(0, at)])
    after_it = ask(kernel, shard_of([known + later]), inputs, [(0, at)])
    np.testing.assert_array_equal(before_it, after_it)


@given(timelines, covariates(), questions)
def test_sharding_does_not_matter(
    subjects: list, asked: list[Covariate], at: list[tuple[int, int]]
) -> None:
    together = ask(kernel, shard_of(subjects), asked, at)
    for row, (subject, moment) in enumerate(at):
        if 0 <= subject < len(subjects):
            alone = ask(kernel, shard_of([subjects[subject]]), asked, [(0, moment)])
            np.testing.assert_array_equal(together[row], alone[0])


@given(timelines, covariates(), questions, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    subjects: list, asked: list[Covariate], at: list[tuple[int, int]], shuffler: object
) -> None:
    shard = shard_of(subjects)
    order = list(range(len(at)))
    shuffler.shuffle(order)  # type: ignore[attr-defined]  # given as a parameter
    straight = ask(kernel, shard, asked, at)
    shuffled = ask(kernel, shard, asked, [at[i] for i in order])
    np.testing.assert_array_equal(straight[order], shuffled)


of_every_code = [summary for summary in Summary if summary not in NOT_OF_EVERY_CODE]


@given(
    timelines,
    st.lists(windows, min_size=1, max_size=4),
    st.lists(st.sampled_from(of_every_code), min_size=1, max_size=4, unique=True),
    questions,
    st.none() | st.lists(st.integers(0, 4), max_size=5, unique=True),
)
@settings(max_examples=150)
def test_every_code_gives_the_oracles_answers(
    subjects: list,
    asked: list[Window],
    summaries: list[Summary],
    at: list[tuple[int, int]],
    chosen: list[int] | None,
) -> None:
    shard = shard_of(subjects)
    index = np.array([s if s < shard.n_subjects else -1 for s, _ in at], dtype=np.int64)
    times = np.array([t for _, t in at], dtype=np.int64)
    vocabulary = None if chosen is None else np.array(chosen, dtype=np.int32)
    matrix = evaluate_every_code(shard, asked, summaries, index, times, vocabulary).csr()
    expected = oracle.evaluate_every_code(shard, asked, summaries, index, times, vocabulary)
    stored = matrix.tocoo()
    found = np.full(matrix.shape, np.nan)
    found[stored.row, stored.col] = stored.data
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
    assert len(stored.data) == (~np.isnan(expected)).sum()
    assert len(every_code_columns(shard.codes, asked, summaries, vocabulary)) == matrix.shape[1]


@given(
    timelines,
    st.lists(windows, min_size=1, max_size=3),
    st.lists(st.sampled_from(of_every_code), min_size=1, max_size=3, unique=True),
    questions,
    st.randoms(use_true_random=False),
)
@settings(max_examples=60)
def test_every_codes_answer_does_not_depend_on_the_other_rows(
    subjects: list,
    asked: list[Window],
    summaries: list[Summary],
    at: list[tuple[int, int]],
    shuffler: object,
) -> None:
    shard = shard_of(subjects)
    shuffler.shuffle(at)  # type: ignore[attr-defined]  # given as a parameter
    index = np.array([s if s < shard.n_subjects else -1 for s, _ in at], dtype=np.int64)
    times = np.array([t for _, t in at], dtype=np.int64)
    together = evaluate_every_code(shard, asked, summaries, index, times).csr().toarray()
    for row in range(len(at)):
        one = slice(row, row + 1)
        alone = evaluate_every_code(shard, asked, summaries, index[one], times[one])
        np.testing.assert_array_equal(together[one], alone.csr().toarray())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(everycode, "CELLS_AT_ONCE", 40)
        in_stretches = evaluate_every_code(shard, asked, summaries, index, times)
    np.testing.assert_array_equal(together, in_stretches.csr().toarray())


@given(
    timelines,
    st.lists(windows, min_size=1, max_size=2),
    st.lists(st.sampled_from(of_every_code), min_size=1, max_size=3, unique=True),
    questions,
    st.lists(st.sets(st.integers(0, 4), max_size=5), max_size=7),
)
@settings(max_examples=80)
def test_columns_of_groups_of_codes_give_the_oracles_answers(
    subjects: list,
    asked: list[Window],
    summaries: list[Summary],
    at: list[tuple[int, int]],
    groups: list[set[int]],
) -> None:
    shard = shard_of(subjects)
    index = np.array([s if s < shard.n_subjects else -1 for s, _ in at], dtype=np.int64)
    times = np.array([t for _, t in at], dtype=np.int64)
    members = [np.array(sorted(group), dtype=np.int32) for group in groups]
    columns = Columns.of(members, len(shard.codes))
    matrix = evaluate_every_code(shard, asked, summaries, index, times, columns).csr()
    expected = oracle.evaluate_every_code(shard, asked, summaries, index, times, groups=groups)
    stored = matrix.tocoo()
    found = np.full(matrix.shape, np.nan)
    found[stored.row, stored.col] = stored.data
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
    assert len(stored.data) == (~np.isnan(expected)).sum()
    history = oracle.evaluate_every_code(
        shard, [before()], [Summary.EXISTS], index, times, groups=groups
    )
    counted = rows_with_code(shard, index, times, columns)
    assert counted.tolist() == np.nansum(history, axis=0).tolist()
