"""Labels: one row per subject and prediction time, with the task's answer and how it came about."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecourse.base.files import written_atomically
from lifecourse.base.progress import SILENT
from lifecourse.tasks.aces import AcesTask
from lifecourse.tasks.acesrun import own_codes_only, rows_of_aces
from lifecourse.tasks.answers import Answers, table_of
from lifecourse.tasks.attrition import COHORT, OUTCOME, Attrition
from lifecourse.tasks.cohort import rows_of_task
from lifecourse.tasks.definition import Censoring, Task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import polars as pl

    from lifecourse.base.progress import Progress
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.shard import CodeTable, Shard

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

    def write(self, table: Path) -> dict[str, Any]:
        """Write the table as Parquet, whole or not at all; gives `summary` and the steps of the attrition."""
        with written_atomically(table) as path:
            self.table.write_parquet(path)
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
    end_of_records = _end_of_records(timeline, tasks)
    own_codes = own_codes_only(timeline.codes)
    needs_values = any(not isinstance(task, AcesTask) or task.needs_values for task in tasks)

    def of_shard(number: int) -> list[tuple[Answers, Attrition]]:
        shard = timeline.shard(number) if needs_values else timeline.moments(number)
        return [_label_shard(shard, task, own_codes, end_of_records) for task in tasks]

    answers: list[list[Answers]] = [[] for _ in tasks]
    attritions = [Attrition() for _ in tasks]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, found in enumerate(pool.map(of_shard, range(timeline.n_shards)), 1):
            for i, (part, attrition) in enumerate(found):
                answers[i].append(part)
                attritions[i].merge(attrition)
            progress.step("labelling shards", number, timeline.n_shards)
    return [
        Labels(
            table=table_of(answers[i], _outcomes(task)),
            attrition=attritions[i].table(),
            task=task,
        )
        for i, task in enumerate(tasks)
    ]


def _end_of_records(timeline: Timeline, tasks: Sequence[AnyTask]) -> int:
    asked = any(isinstance(task, Task) and task.follow_up_ends == "data_cut" for task in tasks)
    return timeline.end_of_records() if asked else 0


def _outcomes(task: AnyTask) -> list[str] | None:
    if isinstance(task, Task) and task.censoring == Censoring.TIME_TO_EVENT:
        return [outcome.label for outcome in task.outcomes]
    return None


def _label_shard(
    shard: Shard, task: AnyTask, own_codes: CodeTable, end_of_records: int
) -> tuple[Answers, Attrition]:
    if isinstance(task, AcesTask):
        return rows_of_aces(shard, task, own_codes)
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


__all__ = ["COHORT", "AnyTask", "Labels", "label", "label_all"]
