"""`lifecourse phenotypes`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_store, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.output import plainly, table
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE and --truth."""
    add_store(parser)
    parser.add_argument(
        "--truth",
        metavar="DIR",
        type=Path,
        required=True,
        help="the folder `truth` that `simulate` left",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Sensitivity and positive predictive value of every phenotype."""
    from lifecourse.tasks.judging import judge_phenotypes
    from lifecourse.timeline.access import open_timeline

    timeline = open_timeline(
        store_of(arguments.store), actor=actor_of(arguments), purpose=purpose_of(arguments)
    )
    verdicts = judge_phenotypes(timeline, arguments.truth)
    return plainly({"phenotypes": [verdict.row() for verdict in verdicts]})


def text(report: dict[str, Any]) -> str:
    """A phenotype a line."""
    return table([_short(row) for row in report["phenotypes"]])


def _short(row: dict[str, Any]) -> dict[str, Any]:
    kept = ("phenotype", "people", "ill", "found", "mistaken")
    return {name: row[name] for name in kept} | {
        "sensitivity": _with_interval(row, "sensitivity"),
        "if_followed": _with_interval(row, "sensitivity_followed"),
        "ppv": _with_interval(row, "ppv"),
        "delay_days": row["delay_days"],
    }


def _with_interval(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return "-"
    return f"{row[name]:.3f} ({row[f'{name}_low']:.3f}-{row[f'{name}_high']:.3f})"


COMMAND = Command(
    example="lifecourse phenotypes workspace --truth hospital/truth",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
