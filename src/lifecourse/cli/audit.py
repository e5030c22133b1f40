"""`lifecourse audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import StoreDamaged, UserError
from lifecourse.base.texts import read_utf8
from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_store,
    existing,
    moment,
    out_file,
    purpose_of,
    subject,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, table
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse

    from lifecourse.privacy.audit import AuditLog

GIVING = ("accounting", "export")
"""What gives entries away, and is entered before; of the others it is entered how they ended."""
SHOWN = ("time", "recipient", "program", "description", "purpose", "outcome", "whom")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, STORE, and of whom."""
    parser.add_argument(
        "action",
        choices=("verify", "checkpoint", "accounting", "export"),
        help="verify: no entry was changed, dropped, moved, put in or cut off; checkpoint: sign how long the log is "
        "and its root, for somebody else to keep; accounting: what was disclosed of one person; export: entries as "
        "FHIR AuditEvents",
    )
    add_store(parser)
    parser.add_argument("--subject", type=subject, metavar="ID", help="of the accounting")
    parser.add_argument(
        "--from", dest="since", type=moment, metavar="DATE", help="first day of the accounting (six years ago)"
    )  # fmt: skip
    parser.add_argument(
        "--to", dest="until", type=moment, metavar="DATE", help="the day after its last (now)"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="of the accounting: also treatment and operations, which need no accounting, and what was refused",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        action="append",
        default=[],
        help="of verify: a checkpoint that was kept elsewhere; may be given again",
    )
    parser.add_argument(
        "--verifier",
        metavar="KEY",
        help="of verify: the public key of the checkpoints (this log's)",
    )
    parser.add_argument(
        "--since",
        dest="earlier",
        type=Path,
        metavar="FILE",
        help="of checkpoint: an earlier one; with --out, what an outside witness is sent: proof that the log only grew",
    )
    parser.add_argument(
        "--out", type=out_file, metavar="FILE", help="of the export (NDJSON), or of the checkpoint"
    )
    parser.add_argument(
        "--format",
        choices=("fhir",),
        default="fhir",
        help="of the export: FHIR R4 AuditEvents (BALP)",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """What the log says; that somebody asked is an entry of it too, made before the answer."""
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.about import audit_of
    from lifecourse.timeline.access import open_timeline

    _check(arguments)
    store = store_of(arguments.store)
    actor, purpose = actor_of(arguments), purpose_of(arguments)
    open_timeline(store, actor=actor, purpose=purpose, to=Action.AUDIT)
    audit = audit_of(store)
    target = "audit log" if arguments.subject is None else f"subject/{arguments.subject}"

    def enter(outcome: str) -> None:
        audit.record(
            actor=actor,
            purpose=purpose,
            action=f"audit {arguments.action}",
            target=target,
            outcome=outcome,
        )

    if arguments.action in GIVING:
        enter("success")
        return ACTIONS[arguments.action](audit, arguments)
    try:
        answer = ACTIONS[arguments.action](audit, arguments)
    except StoreDamaged:
        enter("failed")
        raise
    enter("success")
    return answer


def _check(arguments: argparse.Namespace) -> None:
    if arguments.action == "accounting" and arguments.subject is None:
        raise UserError("say of whom: --subject ID.")
    if arguments.action == "export" and arguments.out is None:
        raise UserError("say where to: --out FILE.ndjson.")


def _verify(audit: AuditLog, arguments: argparse.Namespace) -> dict[str, Any]:
    from lifecourse.privacy.witness import read_checkpoint, verify

    given = [
        read_checkpoint(audit, existing(path, "checkpoint"), arguments.verifier)
        for path in arguments.checkpoint
    ]
    return {"outcome": "whole", "entries": verify(audit, given), "checkpoints_given": len(given)}


def _checkpoint(audit: AuditLog, arguments: argparse.Namespace) -> dict[str, Any]:
    from lifecourse.base.files import write_text
    from lifecourse.privacy.witness import take_checkpoint

    earlier = arguments.earlier and read_utf8(existing(arguments.earlier, "checkpoint"), UserError)
    told = take_checkpoint(audit, earlier)
    if arguments.out is not None:
        write_text(arguments.out, told.get("request", told["checkpoint"]))
    return {"outcome": "signed", **told}


def _accounting(audit: AuditLog, arguments: argparse.Namespace) -> dict[str, Any]:
    from lifecourse.privacy.accounting import accounting

    return accounting(
        audit,
        arguments.subject,
        since=arguments.since,
        until=arguments.until,
        exempt_too=arguments.all,
    )


def _export(audit: AuditLog, arguments: argparse.Namespace) -> dict[str, Any]:
    import orjson

    from lifecourse.base.files import written_atomically
    from lifecourse.privacy.balp import audit_events

    count = 0
    with written_atomically(arguments.out) as temporary, temporary.open("wb") as file:
        for event in audit_events(audit):
            file.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    return {"outcome": "exported", "events": count, "file": arguments.out.name}


ACTIONS = {
    "verify": _verify,
    "checkpoint": _checkpoint,
    "accounting": _accounting,
    "export": _export,
}


def text(result: dict[str, Any]) -> str:
    """A disclosure a line, a checkpoint as it is, or a fact a line."""
    if "disclosures" in result:
        rows = [{key: row[key] for key in SHOWN} for row in result["disclosures"]]
        listed = table(rows) if rows else "Nothing that has to be accounted for."
        more = f"{result['exempt']} more need no accounting (treatment, operations, refused)"
        return f"{listed}\n{more}: --all lists them."
    if "checkpoint" in result:
        return f"{result.get('request', result['checkpoint'])}\nCheck it by the key: {result['verifier']}"
    return facts(result)


COMMAND = Command(
    example="lifecourse audit accounting workspace --subject 17",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
