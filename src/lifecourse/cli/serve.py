"""`lifecourse serve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.command import Command
from lifecourse.cli.output import facts

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """WORKSPACE, --host and --port."""
    parser.add_argument(
        "workspace", metavar="WORKSPACE", type=Path, help="what `lifecourse run` made"
    )
    parser.add_argument("--host", metavar="ADDRESS", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", metavar="N", type=int, help="the port (8000; 0 for any free one)")
    parser.add_argument(
        "--actor", metavar="NAME", help="whom the sign-in link is for (default: you)"
    )
    parser.add_argument(
        "--role",
        choices=("clinician", "privacy_officer"),
        default="clinician",
        help="what they are here: a privacy officer reads the audit log (default: clinician)",
    )


def call(arguments: argparse.Namespace) -> Any:
    """Serve until stopped."""
    from lifecourse.cli.arguments import machine_user
    from lifecourse.cli.settings import load_settings
    from lifecourse.cli.workspace import store_of
    from lifecourse.serve import serve

    store_of(arguments.workspace)
    settings = load_settings(arguments.workspace).serve
    key = settings.signing_key
    serve(
        arguments.workspace,
        host=arguments.host or settings.host,
        port=settings.port if arguments.port is None else arguments.port,
        actor=arguments.actor or machine_user(),
        role=arguments.role,
        units=settings.units,
        signing_key=key.get_secret_value() if key else None,
        address=settings.address,
        proxy=settings.proxy,
        trust=settings.trust,
        limits=settings.limits,
    )


def text(report: Any) -> str:
    """Nothing is left to say after serving."""
    return facts(report)


COMMAND = Command(
    example="lifecourse serve workspace --port 8080",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
