"""Featurize: each row's covariates through the one kernel, shard by shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import sparse

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.base.progress import SILENT, Progress
from lifecourse.features.matrix import FeatureMatrix
from lifecourse.features.recipe import Recipe
from lifecourse.schema.covariate import Summary
from lifecourse.schema.window import before
from lifecourse.timeline.everycode import evaluate_every_code, window_name
from lifecourse.timeline.kernel import compile_covariates, evaluate
from lifecourse.timeline.spill import shard_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.shard import CodeTable, Shard

AGE = "age"
FEMALE = "female"


def featurize(
    timeline: Timeline,
    labels: pl.DataFrame,
    recipe: Recipe,
    *,
    vocabulary: Sequence[str] | None = None,
    training: npt.NDArray[np.bool_] | None = None,
    progress: Progress = SILENT,
) -> FeatureMatrix:
    """The features of each row of `labels`, from the events known at or before its `prediction_time`.

    Parameters
    ----------
    labels : table with ``subject_id`` and ``prediction_time``
    vocabulary : the codes to have columns for; learned from the `training` rows when None
    training : bool[r]; all rows when None

    Returns
    -------
    FeatureMatrix, in the order of `labels`
    """
    rows = labels.select("subject_id", "prediction_time")
    asked = RowsByShard(timeline, rows)
    known = _vocabulary(asked, recipe, training) if vocabulary is None else list(vocabulary)
    covariates = recipe.compiled()
    dense = np.full((rows.height, len(covariates) + 2), np.nan)
    blocks: list[tuple[npt.NDArray[np.int64], sparse.csr_matrix]] = []
    for done, (shard, places, subjects, times) in enumerate(asked.by_shard(), start=1):
        compiled = compile_covariates(covariates, shard.codes)
        dense[places, 2:] = evaluate(shard, compiled, subjects, times)
        blocks.append((places, _codes_of(shard, recipe, known, subjects, times)))
        progress.step("featurizing shards", done)
    dense[:, :2] = _age_and_sex(timeline, rows)
    return FeatureMatrix(
        rows=rows,
        dense=dense,
        dense_names=[AGE, FEMALE, *(covariate.name for covariate in covariates)],
        codes=_in_order(blocks, rows.height, len(_code_names(recipe, known))),
        code_names=_code_names(recipe, known),
        vocabulary=known,
    )


class RowsByShard:
    """Rows of labels by the shard their subject lies in."""

    def __init__(self, timeline: Timeline, rows: pl.DataFrame) -> None:
        self._timeline = timeline
        self._subjects = rows["subject_id"].to_numpy()
        self._times = rows["prediction_time"].cast(pl.Datetime("us")).cast(pl.Int64).to_numpy()

    def by_shard(
        self, chosen: npt.NDArray[np.bool_] | None = None
    ) -> Iterator[
        tuple[Shard, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]
    ]:
        """Shard, places in the labels, subject indices and prediction times; shards without rows are not read."""
        if self._timeline.n_shards == 0 or len(self._subjects) == 0:
            return
        shards = shard_of(self._subjects, self._timeline.n_shards)
        for number in np.unique(shards):
            places = np.flatnonzero((shards == number) & (True if chosen is None else chosen))
            shard = self._timeline.shard(int(number))
            index = shard.index_of(self._subjects[places])
            found = index >= 0
            places, index = places[found], index[found]
            if len(places):
                yield shard, places, index, self._times[places]


def _vocabulary(
    asked: RowsByShard, recipe: Recipe, training: npt.NDArray[np.bool_] | None
) -> list[str]:
    """The codes that enough training rows have at or before their prediction time, sorted."""
    if recipe.every_code is None:
        return []
    counts: dict[str, int] = {}
    for shard, _, subjects, times in asked.by_shard(training):
        found = evaluate_every_code(shard, [before()], [Summary.EXISTS], subjects, times)
        totals = np.bincount(found.indices, minlength=len(shard.codes))
        for place in np.flatnonzero(totals):
            code = shard.codes.codes[place]
            counts[code] = counts.get(code, 0) + int(totals[place])
    common = [(n, code) for code, n in counts.items() if n >= recipe.every_code.min_count]
    ranked = sorted(common, key=lambda pair: (-pair[0], pair[1]))[: recipe.every_code.top_k]
    return sorted(code for _, code in ranked)


def _codes_of(
    shard: Shard,
    recipe: Recipe,
    vocabulary: list[str],
    subjects: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
) -> sparse.csr_matrix:
    """Every-code columns in the vocabulary's order; codes the shard does not have are empty columns."""
    every = recipe.every_code
    n_blocks = 0 if every is None else len(every.days) * len(every.summaries)
    shape = (len(subjects), n_blocks * len(vocabulary))
    places, ids = _places_of(shard.codes, vocabulary)
    if every is None or len(ids) == 0:
        return sparse.csr_matrix(shape, dtype=np.float32)
    found = evaluate_every_code(shard, every.windows(), every.summaries, subjects, times, ids)
    block, within = np.divmod(found.indices, len(ids))
    columns = block * len(vocabulary) + places[within]
    return sparse.csr_matrix((found.data, columns, found.indptr), shape=shape)


def _places_of(
    codes: CodeTable, vocabulary: list[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    numbers = {code: number for number, code in enumerate(codes.codes)}
    present = [(place, numbers[code]) for place, code in enumerate(vocabulary) if code in numbers]
    places = np.array([place for place, _ in present], dtype=np.int64)
    return places, np.array([number for _, number in present], dtype=np.int32)


def _code_names(recipe: Recipe, vocabulary: list[str]) -> list[str]:
    if recipe.every_code is None:
        return []
    return [
        f"{code}.{summary}.{window_name(window)}"
        for window in recipe.every_code.windows()
        for summary in recipe.every_code.summaries
        for code in vocabulary
    ]


def _in_order(
    blocks: list[tuple[npt.NDArray[np.int64], sparse.csr_matrix]], n_rows: int, n_columns: int
) -> sparse.csr_matrix:
    if not blocks:
        return sparse.csr_matrix((n_rows, n_columns), dtype=np.float32)
    places = np.concatenate([place for place, _ in blocks])
    stacked = sparse.vstack([block for _, block in blocks], format="csr")
    absent = n_rows - len(places)
    if absent:
        empty = sparse.csr_matrix((absent, n_columns), dtype=np.float32)
        stacked = sparse.vstack([stacked, empty], format="csr")
        missing = np.setdiff1d(np.arange(n_rows), places)
        places = np.concatenate([places, missing])
    ordered = stacked[np.argsort(places, kind="stable")]
    ordered.sort_indices()
    return ordered


def _age_and_sex(timeline: Timeline, rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """float64[r, 2]: age in years of 365.25 days and 1 for female, 0 for male; NaN where unknown."""
    persons = timeline.persons().select("subject_id", "birth", "sex")
    joined = rows.join(persons, on="subject_id", how="left", maintain_order="left")
    year = DAYS_PER_YEAR * MICROSECONDS_PER_DAY
    lived = joined["prediction_time"].cast(pl.Datetime("us")).cast(pl.Int64) - joined["birth"].cast(
        pl.Int64
    )
    age = (lived.cast(pl.Float64) / year).fill_null(float("nan"))
    female = joined["sex"].replace_strict(
        {"female": 1.0, "male": 0.0}, default=None, return_dtype=pl.Float64
    )
    return np.column_stack([age.to_numpy(), female.fill_null(float("nan")).to_numpy()])
