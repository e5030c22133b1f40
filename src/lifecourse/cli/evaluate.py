"""`lifecourse evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_store, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly
from lifecourse.cli.workspace import model_of, store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL and STORE."""
    parser.add_argument(
        "model", metavar="MODEL", help="a model folder, or its name in the workspace"
    )
    add_store(parser)
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Evaluate the model on people it has not learned from."""
    from lifecourse.models import evaluate, load_model
    from lifecourse.timeline.access import open_timeline

    store = store_of(arguments.store)
    model = load_model(model_of(arguments.model, arguments.store))
    timeline = open_timeline(store, actor=actor_of(arguments), purpose=purpose_of(arguments))
    return plainly(evaluate(model, timeline))


def text(report: dict[str, Any]) -> str:
    """The measures, a fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse evaluate mortality_1y workspace",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
