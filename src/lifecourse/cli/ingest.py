"""`lifecourse ingest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_actor, add_protection, add_source
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SOURCE, --store and how to read it."""
    add_source(parser)
    parser.add_argument(
        "--store",
        "--out",
        metavar="STORE",
        type=Path,
        required=True,
        help="the store to make or add to",
    )
    parser.add_argument(
        "--snapshot",
        action="store_true",
        help="SOURCE is everything there is: what it no longer has is deleted from the store",
    )
    parser.add_argument(
        "--facts-from-notes",
        action="store_true",
        help="what notes say in words becomes events of its own too (NOTED//...), never mixed with coded ones",
    )
    add_protection(parser)
    add_actor(parser)


def call(arguments: argparse.Namespace) -> Any:
    """Ingest and give the report."""
    from lifecourse.base.progress import shown_progress

    with shown_progress() as progress:
        return ingest_named(
            arguments.source,
            arguments.store,
            kind=arguments.kind,
            timezone=arguments.timezone or "UTC",
            issuer=arguments.issuer,
            snapshot=arguments.snapshot,
            identifiability=arguments.identifiability,
            plain=arguments.plain or None,
            mappings=arguments.mapping,
            facts_from_notes=arguments.facts_from_notes,
            actor=actor_of(arguments),
            progress=progress,
        )


def ingest_named(
    source: Path, store: Path, *, identifiability: str | None = None, **options: Any
) -> dict[str, Any]:
    """`ingest`, with the kind of people by name (identified unless said otherwise)."""
    from lifecourse.schema.actor import Identifiability
    from lifecourse.timeline.ingestion import ingest

    people = Identifiability(identifiability or Identifiability.IDENTIFIED)
    report: dict[str, Any] = plainly(ingest(source, store, identifiability=people, **options))
    return report


def text(report: dict[str, Any]) -> str:
    """The report, a fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse ingest exports/2026-11 --store store --timezone Europe/Vienna",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
