"""`lifecourse config`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.command import Command
from lifecourse.cli.output import facts

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and WORKSPACE."""
    parser.add_argument(
        "action", choices=("show",), help="show: print the settings, secrets hidden"
    )
    parser.add_argument("workspace", metavar="WORKSPACE", type=Path, help="a workspace folder")


def call(arguments: argparse.Namespace) -> Any:
    """The settings in force, each secret as ``***``."""
    from lifecourse.cli.arguments import existing
    from lifecourse.cli.settings import load_settings, without_secrets

    return without_secrets(load_settings(existing(arguments.workspace, "workspace")))


def text(settings: dict[str, Any]) -> str:
    """A setting a line."""
    return facts(settings)


COMMAND = Command(
    example="lifecourse config show workspace",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
