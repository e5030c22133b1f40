"""`lifecourse audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import actor_of, add_identity, add_store, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, table
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, STORE, and of whom."""
    parser.add_argument(
        "action",
        choices=("verify", "accounting", "export"),
        help="verify: no entry was changed, dropped, moved or cut off; accounting: who looked at one person in six "
        "years, and why; export: all entries as FHIR AuditEvents",
    )
    add_store(parser)
    parser.add_argument("--subject", type=int, metavar="ID", help="of the accounting")
    parser.add_argument("--out", type=Path, metavar="FILE.ndjson", help="of the export")
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """What the log says; that somebody asked is an entry of it too, made before the answer."""
    from lifecourse.privacy.access.asking import Action
    from lifecourse.privacy.audit import AuditLog
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.store import Store

    store = store_of(arguments.store)
    actor, purpose = actor_of(arguments), purpose_of(arguments)
    open_timeline(store, actor=actor, purpose=purpose, to=Action.AUDIT)
    audit = AuditLog(Store.at(store).audit_folder)
    if arguments.action == "verify":
        return {"outcome": "whole", "entries": audit.verify()}
    if arguments.action == "accounting" and arguments.subject is None:
        raise UserError("say of whom: --subject ID.")
    if arguments.action == "export" and arguments.out is None:
        raise UserError("say where to: --out FILE.ndjson.")
    target = "audit log" if arguments.subject is None else f"subject/{arguments.subject}"
    audit.record(actor=actor, purpose=purpose, action=f"audit {arguments.action}", target=target)
    if arguments.action == "accounting":
        from lifecourse.privacy.accounting import accounting

        return accounting(audit, arguments.subject)
    return _export(audit, arguments.out)


def _export(audit: Any, out: Path) -> dict[str, Any]:
    import orjson

    from lifecourse.base.files import written_atomically
    from lifecourse.privacy.accounting import audit_events

    count = 0
    with written_atomically(out) as temporary, temporary.open("wb") as file:
        for event in audit_events(audit):
            file.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    return {"outcome": "exported", "entries": count, "file": out.name}


def text(result: Any) -> str:
    """A line an entry, or a fact a line."""
    return table(result) if isinstance(result, list) else facts(result)


COMMAND = Command(
    example="lifecourse audit accounting workspace --subject 17",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
