"""`lifecourse inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_store,
    add_subject,
    existing,
    purpose_of,
    whole_number,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, table
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse

LISTED = ("event", "time", "code", "numeric_value", "unit", "file", "row", "part", "record")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, or one event of one subject in it."""
    add_store(parser)
    add_subject(parser)
    parser.add_argument(
        "--event",
        metavar="N",
        type=whole_number,
        help="with --subject: where their event N came from (without: all of theirs)",
    )
    parser.add_argument(
        "--source",
        metavar="PATH",
        type=Path,
        help="with --event: the records that were ingested, to show the row itself",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """What the store holds; or where an event, or all of a subject's, came from."""
    store = store_of(arguments.store)
    who: dict[str, Any] = {"actor": actor_of(arguments), "purpose": purpose_of(arguments)}
    if arguments.subject is None:
        if arguments.event is not None or arguments.source is not None:
            raise UserError(
                "--event and --source are of one person's record: give --subject ID too."
            )
        from lifecourse.timeline.inspection import inspect

        return inspect(store, **who)
    from lifecourse.timeline.origin import origin, origins

    if arguments.event is None:
        return origins(store, arguments.subject, **who)
    source = None if arguments.source is None else existing(arguments.source, "source")
    return origin(store, arguments.subject, arguments.event, source=source, **who)


def text(report: dict[str, Any]) -> str:
    """The report, a fact a line; a subject's events, one a line."""
    if "events" in report and isinstance(report["events"], list):
        return table(report["events"], LISTED)
    return facts(report)


COMMAND = Command(
    example="lifecourse inspect workspace --json",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
