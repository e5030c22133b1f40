"""Labels: one row per subject and prediction time, with the task's answer and how it came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecourse.base.clock import MICROSECONDS_PER_DAY
from lifecourse.base.progress import SILENT
from lifecourse.schema.label import label_schema
from lifecourse.tasks.aces import AcesTask
from lifecourse.tasks.acesrun import own_codes_only, rows_of_aces
from lifecourse.tasks.attrition import COHORT, OUTCOME, Attrition
from lifecourse.tasks.cohort import rows_of_task
from lifecourse.tasks.definition import Censoring, Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from lifecourse.base.progress import Progress
    from lifecourse.tasks.cohort import Rows
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
    tables: list[list[pl.DataFrame]] = [[] for _ in tasks]
    attritions = [Attrition() for _ in tasks]
    own_codes: CodeTable | None = None
    for number, shard in enumerate(_read_ahead(timeline), 1):
        own_codes = own_codes or own_codes_only(shard.codes)
        for i, task in enumerate(tasks):
            table, attrition = _label_shard(shard, task, own_codes, end_of_records)
            tables[i].append(table)
            attritions[i].merge(attrition)
        progress.step("labelling shards", number, timeline.n_shards)
    return [
        Labels(table=_joined(tables[i], task), attrition=attritions[i].table(), task=task)
        for i, task in enumerate(tasks)
    ]


def _read_ahead(timeline: Timeline) -> Iterator[Shard]:
    """The shards, each read while the one before is being labelled; never more than two in memory."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=1) as reader:
        waiting = None
        for number in range(timeline.n_shards):
            coming = reader.submit(timeline.shard, number)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()


def _end_of_records(timeline: Timeline, tasks: Sequence[AnyTask]) -> int:
    asked = any(isinstance(task, Task) and task.follow_up_ends == "data_cut" for task in tasks)
    return timeline.end_of_records() if asked else 0


def _label_shard(
    shard: Shard, task: AnyTask, own_codes: CodeTable, end_of_records: int
) -> tuple[pl.DataFrame, Attrition]:
    if isinstance(task, AcesTask):
        return rows_of_aces(shard, task, own_codes)
    rows, attrition = rows_of_task(shard, task, end_of_records)
    return _table(shard, task, rows), attrition


def _table(shard: Shard, task: Task, rows: Rows) -> pl.DataFrame:
    import polars as pl

    happened = rows.cause > 0
    columns: dict[str, Any] = {
        "subject_id": shard.subject_ids[rows.subject],
        "prediction_time": pl.Series(rows.time, dtype=pl.Int64).cast(pl.Datetime("us")),
        "boolean_value": happened,
        "integer_value": None,
        "float_value": None,
        "categorical_value": None,
    }
    if task.censoring == Censoring.TIME_TO_EVENT:
        names = np.array([None, *(outcome.label for outcome in task.outcomes)], dtype=object)
        first = pl.Series(rows.cause == 1, dtype=pl.Boolean)
        unknown = pl.Series(~rows.known, dtype=pl.Boolean)
        columns["boolean_value"] = first.to_frame("v").select(
            pl.when(unknown).then(None).otherwise(pl.col("v")).alias("v")
        )["v"]
        columns["categorical_value"] = pl.Series(names[rows.cause].tolist(), dtype=pl.String)
        columns["event"] = rows.cause
        columns["duration_days"] = rows.duration / MICROSECONDS_PER_DAY
    return pl.DataFrame(columns, schema=_schema(task))


def _schema(task: AnyTask) -> dict[str, pl.DataType]:
    import polars as pl

    schema = label_schema()
    if isinstance(task, Task) and task.censoring == Censoring.TIME_TO_EVENT:
        schema |= {"event": pl.Int64(), "duration_days": pl.Float64()}
    return schema


def _joined(tables: list[pl.DataFrame], task: AnyTask) -> pl.DataFrame:
    import polars as pl

    if not tables:
        return pl.DataFrame(schema=_schema(task))
    return pl.concat(tables).sort("subject_id", "prediction_time", maintain_order=True)


__all__ = ["COHORT", "AnyTask", "Labels", "label", "label_all"]
