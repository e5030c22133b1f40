"""`lifecourse store`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_store,
    existing,
    out_folder,
    purpose_of,
    whole_number,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse


ACTIONS = {
    "verify": "every byte is what was written, the audit log whole",
    "backup": "copy all versions to --to, without the key",
    "restore": "make STORE, which must be absent, of the copy in --from",
    "rotate-keys": "turn the keys of an encrypted store; no table is written anew",
    "migrate": "bring a store of an earlier format to today's",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and STORE."""
    parser.add_argument(
        "action",
        choices=tuple(ACTIONS),
        help="; ".join(f"{name}: {said}" for name, said in ACTIONS.items()),
    )
    add_store(parser)
    parser.add_argument(
        "--to", type=out_folder, metavar="FOLDER", help="a new folder for the backup"
    )
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="FOLDER", help="the backup to restore"
    )
    parser.add_argument(
        "--keep-days",
        metavar="N",
        type=whole_number,
        default=30,
        help="with rotate-keys: how long backups made before can still be restored (30)",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Verify, copy or restore the store, turn its keys or bring it to today's format."""
    from lifecourse.timeline.backup import backup, restore
    from lifecourse.timeline.inspection import verify
    from lifecourse.timeline.migration import migrate
    from lifecourse.timeline.rotation import rotate_keys

    actor, purpose = actor_of(arguments), purpose_of(arguments)
    if arguments.action == "restore":
        if arguments.source is None:
            raise UserError("say where the backup is: --from FOLDER.")
        source = existing(arguments.source, "backup")
        return restore(source, arguments.store, actor=actor, purpose=purpose)
    store = store_of(arguments.store)
    if arguments.action == "verify":
        return verify(store, actor=actor, purpose=purpose)
    if arguments.action == "migrate":
        return migrate(store, actor=actor, purpose=purpose)
    if arguments.action == "rotate-keys":
        return rotate_keys(store, actor=actor, purpose=purpose, keep_days=arguments.keep_days)
    if arguments.to is None:
        raise UserError("say where the backup goes: --to FOLDER.")
    return backup(store, arguments.to, actor=actor, purpose=purpose)


def text(report: dict[str, Any]) -> str:
    """The counts, a fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse store verify workspace",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
