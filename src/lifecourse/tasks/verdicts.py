"""What clinicians said of charts drawn for review: kept in the workspace as labels, never in the records."""

from __future__ import annotations

import fcntl
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.clock import now
from lifecourse.base.errors import TaskError
from lifecourse.schema.label import LABEL_COLUMNS, label_schema
from lifecourse.tasks.review import Sample
from lifecourse.timeline.derived import Derived

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.schema.actor import Actor
    from lifecourse.tasks.review import Drawn

YES, NO, CANNOT_TELL = "yes", "no", "cannot tell"
ANSWERS = (YES, NO, CANNOT_TELL)
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartVerdict:
    """One clinician's answer to whether the person of a chart had the condition by `as_of` (microseconds UTC).

    draw : of which sample the chart was; said : the stratum it was from
    """

    time: str
    reviewer: str
    subject_id: int
    as_of: int
    answer: str
    reason: str
    draw: str
    said: str


class Reviews:
    """The reviews of a workspace: `reviews/<phenotype>/` with the charts drawn and every verdict given.

    The labels are `labels/reviewed_<phenotype>.parquet`, made anew at each verdict. Safe for several processes; all are
    readable by their owner alone.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    def sample(self, name: str) -> Sample | None:
        """The charts that are reviewed for the phenotype `name`; None where none were drawn."""
        path = self._folder(name) / "sample.json"
        return Sample.read(path, self.derived) if path.is_file() else None

    def keep(self, sample: Sample) -> None:
        """Review these charts from now on; verdicts on earlier ones stay, and stay labels."""
        folder = self._folder(sample.phenotype)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        sample.write(folder / "sample.json", self.derived)
        (folder / "sample.json").chmod(0o600)

    def add(
        self, actor: Actor, sample: Sample, chart: Drawn, answer: str, reason: str
    ) -> ChartVerdict:
        """Keep an answer durably, with who gave it and when; a later one of the same reviewer takes its place.

        Raises
        ------
        TaskError
            It is none of the answers there are, or the reason is longer than 200 characters.
        """
        if answer not in ANSWERS:
            raise TaskError(f"answer one of: {', '.join(ANSWERS)}.")
        if len(reason) > LONGEST_REASON:
            raise TaskError(f"a reason has at most {LONGEST_REASON} characters.")
        verdict = ChartVerdict(
            time=now().isoformat(timespec="seconds"),
            reviewer=actor.name,
            subject_id=chart.subject_id,
            as_of=chart.as_of,
            answer=answer,
            reason=" ".join(reason.split()),
            draw=sample.identity,
            said=chart.stratum,
        )
        path = self._folder(sample.phenotype) / "verdicts.jsonl"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.write(descriptor, self.derived.closed_line(asdict(verdict), path))
            os.fsync(descriptor)
            self._label(sample.phenotype)
        finally:
            os.close(descriptor)
        return verdict

    def verdicts(self, name: str) -> list[ChartVerdict]:
        """The last answer of each reviewer to each chart, in the order in which they were first given."""
        path = self._folder(name) / "verdicts.jsonl"
        last = {}
        for line in self.derived.lines(path):
            verdict = ChartVerdict(**line)
            last[(verdict.subject_id, verdict.as_of, verdict.reviewer)] = verdict
        return list(last.values())

    def reviewed(self) -> list[str]:
        """The phenotypes for which charts were drawn, sorted."""
        return sorted(path.parent.name for path in self._root.glob("*/sample.json"))

    def labels_file(self, name: str) -> Path:
        """Where the labels of the phenotype `name` are."""
        return self._workspace / "labels" / f"reviewed_{name}.parquet"

    def _label(self, name: str) -> None:
        table = labels_of(self.verdicts(name))
        self.derived.write_table(self.labels_file(name), table)
        self.labels_file(name).chmod(0o600)

    @property
    def derived(self) -> Derived:
        """Writes what is kept, as closed as the workspace's store."""
        return Derived.of(self._workspace)

    @property
    def _root(self) -> Path:
        return self._workspace / "reviews"

    def _folder(self, name: str) -> Path:
        return self._root / name


def settled(verdicts: list[ChartVerdict]) -> dict[tuple[int, int], str | None]:
    """By subject and moment: the answer all agree on who could tell; None where they do not agree.

    ``cannot tell`` where nobody could.
    """
    given: dict[tuple[int, int], set[str]] = {}
    for verdict in verdicts:
        given.setdefault((verdict.subject_id, verdict.as_of), set()).add(verdict.answer)
    found: dict[tuple[int, int], str | None] = {}
    for chart, answers in given.items():
        told = answers - {CANNOT_TELL} or {CANNOT_TELL}
        found[chart] = told.pop() if len(told) == 1 else None
    return found


def labels_of(verdicts: list[ChartVerdict]) -> pl.DataFrame:
    """``subject_id prediction_time boolean_value`` as MEDS has labels, sorted; a row a chart settled yes or no."""
    rows = [
        (subject, as_of, answer == YES)
        for (subject, as_of), answer in settled(verdicts).items()
        if answer in (YES, NO)
    ]
    schema = {name: label_schema()[name] for name in LABEL_COLUMNS} | {
        "prediction_time": pl.Int64()
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    moment = pl.col("prediction_time").cast(pl.Datetime("us"))
    return table.with_columns(moment).sort("subject_id", "prediction_time")


def table_of(verdicts: list[ChartVerdict]) -> pl.DataFrame:
    """Every verdict, a row each: ``subject_id prediction_time answer reviewer judged_at reason said draw``."""
    rows = [
        {
            "subject_id": v.subject_id,
            "prediction_time": v.as_of,
            "answer": v.answer,
            "reviewer": v.reviewer,
            "judged_at": datetime.fromisoformat(v.time),
            "reason": v.reason,
            "said": v.said,
            "draw": v.draw,
        }
        for v in verdicts
    ]
    texts = dict.fromkeys(("reason", "said", "draw"), pl.String())
    schema: dict[str, pl.DataType] = {
        "subject_id": pl.Int64(),
        "prediction_time": pl.Int64(),
        "answer": pl.String(),
        "reviewer": pl.String(),
        "judged_at": pl.Datetime("us", "UTC"),
        **texts,
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.with_columns(pl.col("prediction_time").cast(pl.Datetime("us")))
