"""`lifecourse erase`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_store,
    purpose_of,
    subject,
    whole_number,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts
from lifecourse.cli.workspace import store_of, workspace_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE and --subject."""
    add_store(parser)
    parser.add_argument(
        "--subject",
        type=subject,
        required=True,
        metavar="ID",
        help="who is erased, from every version, and from all that a workspace made",
    )
    parser.add_argument(
        "--yes", action="store_true", help="there is no way back: say that you mean it"
    )
    parser.add_argument(
        "--keep-days",
        metavar="N",
        type=whole_number,
        default=30,
        help="how long backups made before can still be restored; then their key is destroyed (30)",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Erase from the workspace first, from the store last: until then a second try finds everything."""
    from lifecourse.cli.derived import Cleared, clear_derived
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.erasure import erase

    if not arguments.yes:
        raise UserError("erasing cannot be undone. Say --yes if you mean it.")
    store = store_of(arguments.store)
    actor, purpose = actor_of(arguments), purpose_of(arguments)
    open_timeline(store, actor=actor, purpose=purpose, to=Action.ERASE)
    workspace = workspace_of(store)
    derived = clear_derived(workspace, arguments.subject) if workspace.store == store else Cleared()
    report = erase(
        store, arguments.subject, actor=actor, purpose=purpose, keep_days=arguments.keep_days
    )
    return {
        **report,
        "derived_rewritten": len(derived.rewritten),
        "derived_deleted": len(derived.deleted),
        "models_to_retrain": derived.to_retrain,
        "backups": _said_of_backups(report),
    }


def _said_of_backups(report: dict[str, Any]) -> str:
    until = report.get("earlier_backups_open_until")
    if until is None:
        return "copies of this store made before still have the person: erase there too"
    return (
        f"backups made before open until {until}; the first ingest, erasure or turning of keys after "
        "that destroys their key"
    )


def text(report: dict[str, Any]) -> str:
    """What was done, a fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse erase workspace --subject 17 --yes",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
