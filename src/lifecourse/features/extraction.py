"""Featurize: each row's covariates through the one kernel, shard by shard."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lifecourse.base.clock import DAYS_PER_YEAR, MICROSECONDS_PER_DAY
from lifecourse.base.progress import SILENT, Progress
from lifecourse.features.matrix import FeatureMatrix
from lifecourse.features.recipe import EveryCode, Recipe
from lifecourse.features.rollup import is_code, meant_by, words
from lifecourse.schema.code import codelist_of
from lifecourse.schema.event import NOTED
from lifecourse.timeline.columns import Columns
from lifecourse.timeline.everycode import CellMemory, evaluate_every_code
from lifecourse.timeline.kernel import compile_covariates, evaluate
from lifecourse.timeline.shard import conform, shard_from_events
from lifecourse.timeline.sharding import shard_of
from lifecourse.timeline.sparse import SparseRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.shard import CodeTable, Shard

ROWS_AT_ONCE = 8_192
EVENTS_AT_ONCE = 2**19
AGE = "age"
FEMALE = "female"
ALWAYS = (AGE, FEMALE)
"""The columns that every recipe has."""


def featurize(
    timeline: Timeline,
    labels: pl.DataFrame,
    recipe: Recipe,
    *,
    vocabulary: Sequence[str] | None = None,
    training: npt.NDArray[np.int64] | None = None,
    progress: Progress = SILENT,
) -> FeatureMatrix:
    """The features of each row of `labels`, from the events known at or before its `prediction_time`.

    Parameters
    ----------
    labels : table with ``subject_id`` and ``prediction_time``
    vocabulary : the codes to have columns for; where None, those that enough rows of the `training` people have
    training : int64 ids of the people whose rows teach the vocabulary; everyone when None

    Returns
    -------
    FeatureMatrix, in the order of `labels`
    """
    rows = labels.select("subject_id", "prediction_time")
    asking = RowsByShard(timeline, rows)
    known = vocabulary_of(asking, recipe, training) if vocabulary is None else list(vocabulary)
    names = recipe.columns
    dense = np.full((rows.height, len(names) + 2), np.nan)
    places, blocks = [np.zeros(0, dtype=np.int64)], []
    jobs = asking.jobs()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        each = map if len(jobs) == 1 else pool.map  # one person's rows are not worth a thread
        answered = each(lambda job: asking.answer(job, recipe, known), jobs)
        for done, (here, answers, codes) in enumerate(answered, start=1):
            dense[here, 2:] = answers
            places.append(here)
            blocks.append(codes)
            progress.step("featurizing", done)
    dense[:, :2] = age_and_sex(timeline, rows)
    code_names = recipe.code_names(known)
    codes = SparseRows.joined(blocks, len(code_names)).placed(np.concatenate(places)).csr()
    codes.sort_indices()
    return FeatureMatrix(
        rows=rows,
        dense=dense,
        dense_names=[*ALWAYS, *names],
        codes=codes,
        code_names=code_names,
        vocabulary=known,
    )


class RowsByShard:
    """Rows of labels by the shard their subject lies in, and what each shard answers."""

    def __init__(self, timeline: Timeline, rows: pl.DataFrame) -> None:
        self._timeline = timeline
        self._looked_up: tuple[CodeTable, list[str], Columns] | None = None
        self._subjects = rows["subject_id"].to_numpy()
        self._times = rows["prediction_time"].cast(pl.Datetime("us")).cast(pl.Int64).to_numpy()
        # A store without shards answers as one shard without people.
        n_shards = max(1, timeline.n_shards)
        shards = shard_of(self._subjects, n_shards)
        self._order = np.argsort(shards, kind="stable")
        self._edges = np.searchsorted(shards[self._order], np.arange(n_shards + 1))

    @property
    def codes(self) -> CodeTable:
        """The codes of every shard."""
        return self._timeline.codes

    def shards(self) -> list[int]:
        """The shards that rows lie in; the others need not be read."""
        return [int(number) for number in np.flatnonzero(np.diff(self._edges))]

    def jobs(self, rows: int = ROWS_AT_ONCE) -> list[list[int]]:
        """Shards that follow each other, together of about so many rows, or EVENTS_AT_ONCE events."""
        jobs: list[list[int]] = []
        asked = events = 0
        for shard in self.shards():
            if not jobs or asked >= rows or events >= EVENTS_AT_ONCE:
                jobs.append([])
                asked = events = 0
            jobs[-1].append(shard)
            asked += len(self.places([shard]))
            events += self._timeline.holding.events_in(shard) if self._timeline.n_shards else 0
        return jobs

    def places(self, shards: Sequence[int]) -> npt.NDArray[np.int64]:
        """Which rows lie in each of `shards`, ascending, one shard after the other."""
        return np.concatenate(
            [self._order[self._edges[shard] : self._edges[shard + 1]] for shard in shards]
        )

    def answer(
        self,
        shards: Sequence[int],
        recipe: Recipe,
        vocabulary: list[str],
        memory: CellMemory | None = None,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], SparseRows]:
        """The rows of some shards, their named covariates (float64[r, k]) and every code's columns.

        What is in `memory` is written over by the next question.
        """
        places = self.places(shards)
        shard, subjects, times = self.asked_of(shards)
        compiled = compile_covariates(recipe.compiled(), shard.codes)
        dense = evaluate(shard, compiled, subjects, times)
        if recipe.derived:
            from lifecourse.tasks.derived import derived_columns

            dense = np.hstack([dense, derived_columns(recipe.derived, shard, subjects, times)])
        every = recipe.every_code
        if every is None:
            return places, dense, SparseRows.none((len(subjects), 0))
        chosen = self._chosen(shard.codes, vocabulary)
        codes = evaluate_every_code(
            shard, every.windows(), every.summaries, subjects, times, chosen, memory=memory
        )
        return places, dense, codes

    def asked_of(
        self, shards: Sequence[int]
    ) -> tuple[Shard, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Shards as one and, for each of their rows, the place of the subject (-1: absent) and the prediction time."""
        places, shard = self.places(shards), self.read(shards)
        return shard, shard.index_of(self._subjects[places]), self._times[places]

    def _chosen(self, codes: CodeTable, vocabulary: list[str]) -> Columns:
        # The shards of a store share one table, and looking 10,000 codes up takes as long as reading a shard.
        if (
            self._looked_up is None
            or self._looked_up[0] is not codes
            or self._looked_up[1] != vocabulary
        ):
            self._looked_up = (codes, vocabulary, _columns_of(codes, vocabulary))
        return self._looked_up[2]

    def rows_of(self, people: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """bool[r]: the rows of some people."""
        return np.isin(self._subjects, people)

    def rows_with(
        self, shards: Sequence[int], columns: Columns, chosen: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.int64]:
        """int64[columns]: how many of the shards' (chosen) rows have a code of each by their prediction time."""
        from lifecourse.timeline.firsts import rows_with_code

        places = self.places(shards)
        if chosen is not None:
            places = places[chosen[places]]
        if len(places) == 0:
            return np.zeros(columns.n, dtype=np.int64)
        shard = self.read(shards)
        subjects = shard.index_of(self._subjects[places])
        return rows_with_code(shard, subjects, self._times[places], columns)

    def by_shard(
        self,
    ) -> Iterator[
        tuple[Shard, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]
    ]:
        """Shard, places in the labels, subject indices and prediction times of the rows whose subject is there."""
        for number in self.shards():
            shard, places = self.read([number]), self.places([number])
            index = shard.index_of(self._subjects[places])
            places, index = places[index >= 0], index[index >= 0]
            if len(places):
                yield shard, places, index, self._times[places]

    def read(self, shards: Sequence[int]) -> Shard:
        """The events of some shards, as one."""
        if self._timeline.n_shards == 0:
            return shard_from_events(conform(pl.DataFrame()), self.codes)
        return self._timeline.shards_together(shards)


def vocabularies(
    timeline: Timeline,
    labels: pl.DataFrame,
    recipe: Recipe,
    training: Sequence[npt.NDArray[np.int64] | None],
) -> list[list[str]]:
    """The vocabulary that each of several groups of people (int64 ids; None for everyone) would teach."""
    asking = RowsByShard(timeline, labels.select("subject_id", "prediction_time"))
    return [vocabulary_of(asking, recipe, people) for people in training]


def vocabulary_of(
    asking: RowsByShard,
    recipe: Recipe,
    training: npt.NDArray[np.int64] | None = None,
    *,
    workers: int | None = None,
) -> list[str]:
    """The codes and groups that enough rows of the `training` people have by their prediction time, sorted."""
    if recipe.every_code is None:
        return []
    codes = asking.codes
    groups = words(recipe.every_code.roll_up, codes) if recipe.every_code.roll_up else []
    names = [*codes.codes, *groups]
    columns = _columns_of(codes, names) if groups else Columns.of_all(len(codes))
    counts = np.zeros(columns.n, dtype=np.int64)
    chosen = None if training is None else asking.rows_of(training)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for found in pool.map(lambda job: asking.rows_with(job, columns, chosen), asking.jobs()):
            counts += found
    left_out = _left_out(recipe.every_code, codes, groups)
    common = [
        (int(counts[place]), names[place])
        for place in np.flatnonzero(counts >= recipe.every_code.min_count)
        if not names[place].startswith(NOTED)  # what notes say is asked for by name alone
        and names[place] not in left_out
    ]
    ranked = sorted(common, key=lambda pair: (-pair[0], pair[1]))[: recipe.every_code.top_k]
    return sorted(word for _, word in ranked)


def _left_out(every: EveryCode, codes: CodeTable, groups: Sequence[str]) -> set[str]:
    """The codes, also by what they were mapped to, and the groups that a recipe excludes."""
    if not every.exclude:
        return set()
    meant = codelist_of("exclude", every.exclude)
    named = {group for group in groups if group in meant.exact or group.startswith(meant.prefixes)}
    return named | set(codes.words[codes.ids(meant)])


def _columns_of(codes: CodeTable, vocabulary: list[str]) -> Columns:
    """A column for each word of the vocabulary: a code's, or a group's; empty where the store has none of it."""
    members = []
    for word in vocabulary:
        place = is_code(word, codes.codes)
        group = None if place >= 0 else meant_by(word)
        found = np.array([place] if place >= 0 else [], dtype=np.int32)
        members.append(found if group is None else codes.ids(group))
    return Columns.of(members, len(codes))


def age_and_sex(timeline: Timeline, rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """float64[r, 2]: age in years of 365.25 days and 1 for female, 0 for male; NaN where unknown.

    Before a birth its day is not known either, and so no age is.
    """
    persons = timeline.persons().select("subject_id", "birth", "sex")
    joined = rows.join(persons, on="subject_id", how="left", maintain_order="left")
    year = DAYS_PER_YEAR * MICROSECONDS_PER_DAY
    lived = joined["prediction_time"].cast(pl.Datetime("us")).cast(pl.Int64) - joined["birth"].cast(
        pl.Int64
    )
    age = (lived.set(lived < 0, None).cast(pl.Float64) / year).fill_null(float("nan"))
    female = joined["sex"].replace_strict(
        {"female": 1.0, "male": 0.0}, default=None, return_dtype=pl.Float64
    )
    return np.column_stack([age.to_numpy(), female.fill_null(float("nan")).to_numpy()])
