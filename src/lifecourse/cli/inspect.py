"""`lifecourse inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_store, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE."""
    add_store(parser)
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """What the store holds."""
    from lifecourse.timeline.inspection import inspect

    store = store_of(arguments.store)
    return inspect(store, actor=actor_of(arguments), purpose=purpose_of(arguments))


def text(report: dict[str, Any]) -> str:
    """The report, a fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse inspect workspace --json",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
