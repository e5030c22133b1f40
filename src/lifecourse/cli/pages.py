"""`lifecourse pages`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_actor, out_folder, whole_number
from lifecourse.cli.command import Command

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """WORKSPACE, --out and how many people."""
    parser.add_argument(
        "workspace", metavar="WORKSPACE", type=Path, help="what `lifecourse run` made"
    )
    parser.add_argument(
        "--out", metavar="DIR", type=out_folder, help="where (default: pages in the workspace)"
    )
    parser.add_argument(
        "--most", metavar="N", type=whole_number, default=50, help="at most so many people (50)"
    )
    add_actor(parser)


def call(arguments: argparse.Namespace) -> Any:
    """Write the pages; gives the address of the first."""
    from lifecourse.base.progress import shown_progress
    from lifecourse.cli.settings import load_settings
    from lifecourse.cli.workspace import store_of
    from lifecourse.serve import write_static_pages

    store_of(arguments.workspace)
    with shown_progress() as progress:
        index = write_static_pages(
            arguments.workspace,
            arguments.out or arguments.workspace / "pages",
            actor=actor_of(arguments),
            most=arguments.most,
            units=load_settings(arguments.workspace).serve.units,
            progress=progress,
        )
    return {"open": index.resolve().as_uri()}


def text(report: dict[str, Any]) -> str:
    """What to open."""
    return f"Open {report['open']}"


COMMAND = Command(
    example="lifecourse pages demo/workspace",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
