"""`lifecourse label`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import TaskError
from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_store,
    add_unsealed,
    leaving,
    out_place,
    purpose_of,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, table
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, TASK (one or more) and --out."""
    add_store(parser)
    parser.add_argument(
        "tasks",
        metavar="TASK",
        nargs="+",
        help="a task file (ours or ACES), or the name of one in the library; several share one "
        "pass over the store",
    )
    parser.add_argument(
        "--predicates",
        metavar="FILE",
        type=Path,
        help="codes for what an ACES task leaves open (MEDS-DEV's ???)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=out_place,
        required=True,
        help="the labels, as Parquet in MEDS columns; for several tasks a directory, "
        "with one file named after each",
    )
    add_unsealed(parser)
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Label in one pass, write a table for each task, give their sizes and attrition."""
    from lifecourse.base.progress import shown_progress
    from lifecourse.privacy.access.asking import Action
    from lifecourse.tasks import load_task
    from lifecourse.tasks.labels import label_all
    from lifecourse.timeline.access import open_timeline

    tasks = [load_task(task, predicates=arguments.predicates) for task in arguments.tasks]
    files = _files([task.name for task in tasks], arguments.out)
    timeline = open_timeline(
        store_of(arguments.store),
        actor=actor_of(arguments),
        purpose=purpose_of(arguments),
        to=Action.LEARN,
    )
    timeline = leaving(arguments, timeline)
    with shown_progress() as progress:
        answers = label_all(timeline, tasks, progress=progress)
    reports = [
        {"task": task.name, **labels.write(file, timeline.derived), "out": str(file)}
        for task, labels, file in zip(tasks, answers, files, strict=True)
    ]
    return reports[0] if len(reports) == 1 else {"tasks": reports}


def _files(names: list[str], out: Path) -> list[Path]:
    """Where each task's labels go: `out` itself for one task, a file in it for each of several."""
    if len(names) == 1:
        if out.is_dir():
            raise TaskError(f"--out {out} is a folder; for one task give the path of a file")
        return [out]
    if len(set(names)) < len(names):
        raise TaskError(
            "two of the tasks have the same name, so their labels would share one file; "
            "rename one, or label them one by one"
        )
    if out.exists() and not out.is_dir():
        raise TaskError(f"--out {out} is a file; for several tasks name a directory")
    out.mkdir(parents=True, exist_ok=True)
    return [out / f"{name}.parquet" for name in names]


def text(report: dict[str, Any]) -> str:
    """For each task the counts, then the attrition table."""
    return "\n\n".join(_said(task) for task in report.get("tasks", [report]))


def _said(report: dict[str, Any]) -> str:
    counts = {name: value for name, value in report.items() if name != "attrition"}
    return f"{facts(counts)}\n\n{table(report['attrition'])}"


COMMAND = Command(
    example="lifecourse label workspace readmission_30d --out labels.parquet",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
