"""`lifecourse inspect`: what a store holds, how good it is, and where an event came from."""

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
    out_folder,
    purpose_of,
    whole_number,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, table
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse

MOST_SHOWN = 5
LISTED = ("event", "time", "code", "numeric_value", "unit", "file", "row", "part", "record")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, or one event of one subject in it."""
    add_store(parser)
    parser.add_argument(
        "--page",
        metavar="DIR",
        type=out_folder,
        help="also write a page with plots there: quality.html, to open without a server",
    )
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
        return _whole(store, page=arguments.page, **who)
    if arguments.page is not None:
        raise UserError("--page shows everyone together: leave --subject away.")
    from lifecourse.timeline.origin import origin, origins

    if arguments.event is None:
        return origins(store, arguments.subject, **who)
    source = None if arguments.source is None else existing(arguments.source, "source")
    return origin(store, arguments.subject, arguments.event, source=source, **who)


def _whole(store: Path, *, page: Path | None, **who: Any) -> dict[str, Any]:
    """What the store holds and how good it is; with the address of the page where one is written."""
    from lifecourse.base.progress import shown_progress
    from lifecourse.insights.quality import quality
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.inspection import inspect

    timeline = open_timeline(store, to=Action.COUNT, **who)
    holds = inspect(store, timeline)
    with shown_progress() as progress:
        found = quality(timeline, progress=progress).to_dict()
    report = {**holds, "quality": found}
    if page is not None:
        from lifecourse.serve import write_quality_page

        report["open"] = write_quality_page(holds, found, page).resolve().as_uri()
    return report


def text(report: dict[str, Any]) -> str:
    """The report, a fact a line, and a check a line; a subject's events, one a line."""
    if "events" in report and isinstance(report["events"], list):
        return table(report["events"], LISTED)
    if "quality" not in report:
        also = {str(n): telling for n, telling in enumerate(report.get("also", ()), start=2)}
        return facts({**report, "also": also} if "also" in report else report)
    rest = {name: value for name, value in report.items() if name not in ("quality", "open")}
    checks = report["quality"]["checks"]
    failed = [check for check in checks if check["status"] == "failed"]
    parts = [facts(rest), table([_line(check) for check in checks])]
    parts += [_explained(check) for check in failed]
    if "open" in report:
        parts.append(f"Open {report['open']}")
    return "\n\n".join(parts)


def _line(check: dict[str, Any]) -> dict[str, Any]:
    return {
        "check": check["check"],
        "status": check["status"],
        "amiss": _count(check, "amiss"),
        "of": f"{check['of']:,} {check['counted_in']}",
        "share": "-" if check["share"] is None else f"{check['share']:.2%}",
        "fails_above": f"{check['threshold']:.1%}",
        "people": _count(check, "people"),
    }


def _count(check: dict[str, Any], name: str) -> str:
    value = check[name]
    if value is None:
        return "<10 people" if check["fewer_than_ten_people"] else "-"
    return f"{value:,}"


def _explained(check: dict[str, Any]) -> str:
    """A failed check: what it means, what to do and where it is worst."""
    lines = [f"{check['check']}: {check['title']}", f"  {check['says']}", f"  Do: {check['do']}"]
    shown = check["details"][:MOST_SHOWN]
    if shown:
        lines += [f"  {line}" for line in table(shown).splitlines()]
    more = len(check["details"]) - len(shown) + check["details_not_shown"]
    if more:
        lines.append(f"  and {more:,} more, or of fewer than ten people (--json has some of them)")
    return "\n".join(lines)


COMMAND = Command(
    example="lifecourse inspect workspace --json",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
