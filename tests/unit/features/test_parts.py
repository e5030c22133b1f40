"""Features written in parts are those made in memory, whatever the parts; the vocabulary is the slow one's."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from cohorts import RECIPE, SCHEMA, SEEN, at_visit, cohort
from hypothesis import given
from hypothesis import strategies as st
from timelines import Row, moments, shard_of, timeline_of, timelines

from lifecourse.base.errors import UserError
from lifecourse.features import Recipe, featurize, parts, read_features, write_features
from lifecourse.schema.covariate import Summary
from lifecourse.schema.window import before
from lifecourse.timeline.everycode import evaluate_every_code
from lifecourse.timeline.firsts import rows_with_code
from lifecourse.timeline.sparse import SparseRows
from lifecourse.timeline.unstored import timeline_from_events

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.features import FeatureMatrix


def by_row(matrices: list[FeatureMatrix]) -> dict[tuple[object, ...], list[float]]:
    """Every row's numbers, missing as -1, by subject and prediction time."""
    found: dict[tuple[object, ...], list[float]] = {}
    for matrix in matrices:
        dense = np.nan_to_num(matrix.dense, nan=-1)
        whole = np.hstack([dense, matrix.codes.toarray()])
        found.update(zip(matrix.rows.rows(), whole.tolist(), strict=True))
    return found


@pytest.mark.parametrize(("n_shards", "part_rows"), [(1, 10_000), (9, 1), (9, 40)])
def test_parts_together_are_the_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_shards: int, part_rows: int
) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", part_rows)
    timeline = timeline_from_events(cohort(90), n_shards=n_shards)
    # People who are not in the store have rows without anything known.
    rows = at_visit(range(1, 96)).sample(fraction=1.0, shuffle=True, seed=2)
    shape = write_features(timeline, rows, RECIPE, tmp_path / "features", workers=2)
    found, whole = list(read_features(tmp_path / "features")), featurize(timeline, rows, RECIPE)
    assert by_row(found) == by_row([whole])
    assert {tuple(matrix.names) for matrix in found} == {tuple(whole.names)}
    assert (shape["rows"], shape["stored_cells"]) == (95, whole.codes.nnz)
    assert shape["parts"] == len(found)
    assert (len(found) == 1) == (n_shards == 1)


def test_writing_again_leaves_nothing_of_before(tmp_path: Path) -> None:
    timeline = timeline_from_events(cohort(60), n_shards=6)
    write_features(timeline, at_visit(range(1, 61)), RECIPE, tmp_path)
    write_features(timeline, at_visit(range(1, 3)), RECIPE, tmp_path, vocabulary=["LOINC//8480-6"])
    assert sum(matrix.rows.height for matrix in read_features(tmp_path)) == 2


def test_features_that_were_not_all_written_do_not_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeline = timeline_from_events(cohort(60), n_shards=6)
    write_features(timeline, at_visit(range(1, 61)), RECIPE, tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SparseRows, "save_npz", full)
    with pytest.raises(OSError, match="No space"):
        write_features(timeline, at_visit(range(1, 61)), RECIPE, tmp_path)
    with pytest.raises(UserError, match="featurize"):
        list(read_features(tmp_path))


def test_no_rows_and_no_people_have_a_folder_that_says_so(tmp_path: Path) -> None:
    empty = timeline_from_events(pl.DataFrame(schema=SCHEMA), n_shards=0)
    assert write_features(empty, at_visit([1])[:0], RECIPE, tmp_path / "a")["rows"] == 0
    assert list(read_features(tmp_path / "a")) == []
    assert write_features(empty, at_visit([1, 2]), RECIPE, tmp_path / "b")["rows"] == 2
    (part,) = read_features(tmp_path / "b")
    assert np.isnan(part.dense).all()
    assert part.codes.nnz == 0


def test_vocabulary_counts_rows_not_people_and_not_the_future(tmp_path: Path) -> None:
    rows = [(1, SEEN, "A//1", None), (1, SEEN + timedelta(days=2), "A//2", None)]
    timeline = timeline_of(rows)
    asked = pl.DataFrame(
        {
            "subject_id": [1] * 4,
            "prediction_time": [SEEN + timedelta(days=d) for d in (0, 1, 2, -1)],
        }
    )
    recipe = Recipe.model_validate(
        {"name": "two", "every_code": {"days": [None], "summaries": ["count"], "min_count": 2}}
    )
    write_features(timeline, asked, recipe, tmp_path)
    (part,) = read_features(tmp_path)
    assert part.vocabulary == ["A//1"]


@given(
    subjects=timelines,
    asked=st.lists(st.tuples(st.integers(-1, 3), moments, st.sampled_from([-1, 0, 1])), max_size=9),
)
def test_rows_with_a_code_are_those_of_the_full_sweep(
    subjects: list[list[Row]], asked: list[tuple[int, int, int]]
) -> None:
    shard = shard_of(subjects)
    index = np.array([min(i, shard.n_subjects - 1) for i, _, _ in asked], dtype=np.int64)
    at = np.array([moment + shift for _, moment, shift in asked], dtype=np.int64)
    slow = evaluate_every_code(shard, [before()], [Summary.EXISTS], index, at)
    expected = np.bincount(slow.columns, minlength=len(shard.codes))
    assert rows_with_code(shard, index, at).tolist() == expected.tolist()
