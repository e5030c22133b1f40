"""`lifecourse label`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_store, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, table
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, TASK and --out."""
    add_store(parser)
    parser.add_argument(
        "task", metavar="TASK", help="a task file (ours or ACES), or the name of one in the library"
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
        type=Path,
        required=True,
        help="the labels, as Parquet in MEDS columns",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Label, write the table, give its size and the attrition."""
    from lifecourse.base.progress import shown_progress
    from lifecourse.tasks import label, load_task
    from lifecourse.timeline.access import open_timeline

    task = load_task(arguments.task, predicates=arguments.predicates)
    timeline = open_timeline(
        store_of(arguments.store), actor=actor_of(arguments), purpose=purpose_of(arguments)
    )
    with shown_progress() as progress:
        labels = label(timeline, task, progress=progress)
    counts = labels.write(arguments.out)
    return {"task": task.name, **counts, "out": str(arguments.out)}


def text(report: dict[str, Any]) -> str:
    """The counts, then the attrition table."""
    counts = {name: value for name, value in report.items() if name != "attrition"}
    return f"{facts(counts)}\n\n{table(report['attrition'])}"


COMMAND = Command(
    example="lifecourse label workspace readmission_30d --out labels.parquet",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
