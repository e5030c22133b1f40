"""`lifecourse run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import add_actor, add_protection, add_source, out_place
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SOURCE, --out and how to read it."""
    add_source(parser)
    parser.add_argument(
        "--out",
        metavar="WORKSPACE",
        type=out_place,
        required=True,
        help="the workspace to make or go on with",
    )
    parser.add_argument(
        "--snapshot",
        action="store_true",
        help="SOURCE is everything there is: what it no longer has is deleted from the store",
    )
    add_protection(parser)
    add_actor(parser)


def call(arguments: argparse.Namespace) -> Any:
    """Take the source all the way to plans."""
    from lifecourse.base.progress import shown_progress
    from lifecourse.cli.arguments import actor_of
    from lifecourse.cli.workflow import run

    with shown_progress() as progress:
        return run(
            arguments.source,
            arguments.out,
            kind=arguments.kind,
            timezone=arguments.timezone,
            snapshot=arguments.snapshot,
            identifiability=arguments.identifiability,
            plain=arguments.plain or None,
            mappings=arguments.mapping,
            actor=actor_of(arguments),
            progress=progress,
        )


def text(report: dict[str, Any]) -> str:
    """What there is now, and what to do next."""
    from lifecourse.cli.workflow import headlines

    return facts(headlines(report))


COMMAND = Command(
    example="lifecourse run exports/2026-11 --out workspace",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
