"""`lifecourse discover`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_store, purpose_of, whole_number
from lifecourse.cli.command import Command
from lifecourse.cli.output import plainly, table
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE and --seed."""
    add_store(parser)
    parser.add_argument("--seed", type=whole_number, default=0, help="of the two halves (0)")
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """The findings, confirmed on people they were not found in."""
    from lifecourse.insights import discover
    from lifecourse.timeline.access import open_timeline

    store = store_of(arguments.store)
    timeline = open_timeline(store, actor=actor_of(arguments), purpose=purpose_of(arguments))
    return plainly(discover(timeline, seed=arguments.seed))


def text(findings: dict[str, Any]) -> str:
    """A finding a line."""
    return table(findings.get("findings", []))


COMMAND = Command(
    example="lifecourse discover workspace --json",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
