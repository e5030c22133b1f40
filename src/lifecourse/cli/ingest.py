"""`lifecourse ingest`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_actor, add_protection, add_source, out_place
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from concurrent.futures import ProcessPoolExecutor

LARGE_BYTES = 32 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SOURCE, --store and how to read it."""
    add_source(parser, several=True)
    parser.add_argument(
        "--store",
        "--out",
        metavar="STORE",
        type=out_place,
        required=True,
        help="the store to make or add to",
    )
    parser.add_argument(
        "--snapshot",
        action="store_true",
        help="SOURCE is everything there is: what it no longer has is deleted from the store",
    )
    parser.add_argument(
        "--same-as",
        metavar="FILE",
        type=Path,
        help="a CSV (source,id,person) that says which ids of which issuers are one person; it holds for later ingests",
    )
    parser.add_argument(
        "--facts-from-notes",
        action="store_true",
        help="what notes say in words becomes events of its own too (NOTED//...), never mixed with coded ones",
    )
    add_protection(parser)
    add_actor(parser)


def call(arguments: argparse.Namespace) -> Any:
    """Ingest one source after the other; the report, or a list of them."""
    named = [_named(source, arguments.issuer) for source in arguments.source]
    reports = [_ingested(source, issuer, arguments) for source, issuer in named]
    return reports[0] if len(reports) == 1 else {"sources": reports}


def _named(source: Path, issuer: str | None) -> tuple[Path, str | None]:
    """A source and its issuer: ``NAME=PATH`` states one, unless there is a file of that very name."""
    name, equals, path = str(source).partition("=")
    if not equals or not name or source.exists():
        return source, issuer
    return Path(path), name


def _ingested(source: Path, issuer: str | None, arguments: argparse.Namespace) -> dict[str, Any]:
    from lifecourse.base.progress import shown_progress

    # Processes load what they need while this one does.
    with shown_progress() as progress, _started(source) as pool:
        return ingest_named(
            source,
            arguments.store,
            kind=arguments.kind,
            timezone=arguments.timezone or "UTC",
            issuer=issuer,
            snapshot=arguments.snapshot,
            identifiability=arguments.identifiability,
            plain=arguments.plain or None,
            mappings=arguments.mapping,
            facts_from_notes=arguments.facts_from_notes,
            same_as=arguments.same_as,
            actor=actor_of(arguments),
            pool=pool,
            progress=progress,
        )


@contextmanager
def _started(source: Path) -> Iterator[ProcessPoolExecutor | None]:
    """A process per core, where `source` is worth it and there is more than one."""
    from lifecourse.engine.processes import processes

    cores = os.cpu_count() or 1
    if cores == 1 or not _is_large(source):
        yield None
        return
    with processes(cores, loaded="lifecourse.timeline.merging") as pool:
        yield pool


def _is_large(source: Path) -> bool:
    """Whether `source` has as many bytes as are worth processes that may not be needed."""
    files = (path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    total = 0
    for path in files:
        total += path.stat().st_size if path.is_file() else 0
        if total > LARGE_BYTES:
            return True
    return False


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
    """The report, a fact a line, and whether nothing came of it; of several sources one after the other."""
    reports = report.get("sources", [report])
    return "\n\n".join("\n".join((facts(each), *_emptiness(each))) for each in reports)


def _emptiness(report: dict[str, Any]) -> list[str]:
    """What to check about a source that gave no event, which is no error: a feed may have a quiet day."""
    if report["event_rows"]:
        return []
    if not report["rows_read"]:
        return [
            f"\nThe source was read as {report['kind']} and has no record: is it the right one?"
        ]
    return [
        f"\nNo record of {report['rows_read']:,} gave an event: see the reasons above; if the source is no "
        f"{report['kind']}, say what it is with --kind."
    ]


COMMAND = Command(
    example="lifecourse ingest exports/2026-11 --store store --timezone Europe/Vienna",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
