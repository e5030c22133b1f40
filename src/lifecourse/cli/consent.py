"""`lifecourse consent`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_store, existing, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE and FILE."""
    add_store(parser)
    parser.add_argument(
        "source",
        metavar="FILE",
        type=Path,
        help="FHIR Consents: a JSON or NDJSON file, or a folder of them; other resources in it are passed over",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Keep the Consents, with whose each is."""
    from lifecourse.timeline.consenting import keep_consents

    return keep_consents(
        store_of(arguments.store),
        existing(arguments.source, "file"),
        actor=actor_of(arguments),
        purpose=purpose_of(arguments),
    )


def text(report: dict[str, Any]) -> str:
    """What was kept, a fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse consent workspace consents.ndjson",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
