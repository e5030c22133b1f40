"""Labels: one row per subject and prediction time, with the task's answer and how it came about."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.base.progress import SILENT
from lifecourse.tasks.aces import AcesTask
from lifecourse.tasks.acesrun import codes_of, own_codes_only, rows_of_aces
from lifecourse.tasks.answers import Answers, table_of
from lifecourse.tasks.attrition import COHORT, OUTCOME, Attrition
from lifecourse.timeline.derived import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import polars as pl

    from lifecourse.base.progress import Progress
    from lifecourse.tasks.definition import Task
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.derived import Derived

    AnyTask = Task | AcesTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """A task's answers.

    table : MEDS label schema, sorted by subject, then time
        With `censoring: time-to-event` also ``event`` (0 none seen, 1..k which outcome came first)
        and ``duration_days``; ``categorical_value`` names the outcome, and ``boolean_value`` (was
        it the first outcome?) is null where the record ends before the window does.
    attrition : ``step reason subjects rows``
    """

    table: pl.DataFrame
    attrition: pl.DataFrame
    task: AnyTask

    def summary(self) -> dict[str, Any]:
        """Rows, subjects, positives, negatives, and negatives of whom too little was seen."""
        answers = self.table["boolean_value"]
        short = self.attrition["reason"].str.contains("record ends before")
        told = self.attrition.filter((self.attrition["step"] == OUTCOME) & short)
        return {
            "rows": self.table.height,
            "subjects": self.table["subject_id"].n_unique(),
            "positives": int(answers.sum() or 0),
            "negatives": int((~answers).sum() or 0),
            "negatives_with_too_little_follow_up": int(told["rows"].sum() or 0),
        }

    def write(self, table: Path, derived: Derived = PLAIN) -> dict[str, Any]:
        """Write the table as Parquet, whole or not at all; gives `summary` and the steps of the attrition.

        With the timeline's `derived` the file is as closed as the store.
        """
        derived.write_table(table, self.table, compression_level=1)
        return {**self.summary(), "attrition": self.attrition.to_dicts()}


def label(timeline: Timeline, task: AnyTask, *, progress: Progress = SILENT) -> Labels:
    """One row per subject and prediction time, with the task's outcome.

    Parameters
    ----------
    timeline : Timeline
    task : Task or AcesTask
        Of a `Task` the outcome window is (t + gap, t + gap + outcome_window], counted from
        `prediction_time`; of ACES tasks, windows are as ACES reads them.

    Returns
    -------
    Labels
        Sorted by subject, then time. Subjects never at risk are absent; an empty store and a task
        that never triggers give no rows.

    Raises
    ------
    TaskError
        A codelist, phenotype or predicate the task names is not to be had.
    """
    return label_all(timeline, [task], progress=progress)[0]


def label_all(
    timeline: Timeline, tasks: Sequence[AnyTask], *, progress: Progress = SILENT
) -> list[Labels]:
    """The labels of several tasks in one pass over the events, in the order of `tasks`."""
    answers: list[list[Answers]] = [[] for _ in tasks]
    attritions = [Attrition() for _ in tasks]
    for places, found in _answered(timeline, tasks, progress):
        for i, (part, attrition) in zip(places, found, strict=True):
            answers[i].append(part)
            attritions[i].merge(attrition)
    return [
        Labels(
            table=table_of(answers[i], task.causes),
            attrition=attritions[i].table(),
            task=task,
        )
        for i, task in enumerate(tasks)
    ]


EXCERPT_EVENTS = 2_000_000
"""Of so many events an excerpt is made at once, in each thread."""
WHOLE_EVENTS = 1_000_000
"""Of so many where all of them are kept for their moments."""
Found = list[tuple[Answers, Attrition]]


def _answered(
    timeline: Timeline, tasks: Sequence[AnyTask], progress: Progress
) -> Iterator[tuple[list[int], Found]]:
    """The places of some tasks, and their answers in some shards, until all have been in all."""
    aces = {i: task for i, task in enumerate(tasks) if isinstance(task, AcesTask)}
    own = {i: task for i, task in enumerate(tasks) if not isinstance(task, AcesTask)}
    if aces:
        for found in _of_excerpts(timeline, list(aces.values()), progress):
            yield list(aces), found
    if own:
        for found in _of_shards(timeline, list(own.values()), progress):
            yield list(own), found


def _of_shards(timeline: Timeline, tasks: Sequence[Task], progress: Progress) -> Iterator[Found]:
    """Tasks of our own look at whole records."""
    from lifecourse.tasks.cohort import answers_of, end_of_records

    end = end_of_records(timeline, tasks)

    def of_shard(number: int) -> Found:
        shard = timeline.shard(number)
        return [answers_of(shard, task, end) for task in tasks]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, found in enumerate(pool.map(of_shard, range(timeline.n_shards)), 1):
            yield found
            progress.step("labelling shards", number, timeline.n_shards)


def _of_excerpts(
    timeline: Timeline, tasks: Sequence[AcesTask], progress: Progress
) -> Iterator[Found]:
    """ACES tasks name all codes that decide them: no other event is built."""
    own_codes = own_codes_only(timeline.codes)
    codes = set[str]().union(*(codes_of(task, own_codes) for task in tasks))
    values = any(task.needs_values for task in tasks)
    moments = any(task.needs_moments for task in tasks)

    def of_group(shards: Sequence[int]) -> Found:
        excerpt = timeline.excerpt(shards, codes, values=values, moments=moments)
        return [rows_of_aces(excerpt, task, own_codes) for task in tasks]

    groups = list(timeline.groups(WHOLE_EVENTS if moments else EXCERPT_EVENTS))
    done = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answered = pool.map(of_group, groups)
        _load_what_answers_need(moments=moments)  # while the first shards are read
        for shards, found in zip(groups, answered, strict=True):
            yield found
            done += len(shards)
            progress.step("labelling shards", done, timeline.n_shards)


def _load_what_answers_need(*, moments: bool) -> None:
    """Compiled code, and what Polars asks of NumPy with the first array that it is given."""
    import numpy.ma  # noqa: F401

    from lifecourse.timeline.bisection import find_between
    from lifecourse.timeline.excerpt import find_moments

    find_between.load()
    if moments:
        find_moments.load()


__all__ = ["COHORT", "AnyTask", "Labels", "label", "label_all"]
