"""`lifecourse score`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME and its inputs."""
    parser.add_argument(
        "name", metavar="SCORE", help="a score of the library, such as ckd_epi_2021"
    )
    parser.add_argument(
        "inputs", metavar="INPUT=VALUE", nargs="*", help="its inputs, such as age=60 sex=female"
    )


def call(arguments: argparse.Namespace) -> Any:
    """The score's value for these inputs."""
    from lifecourse.care.risk import evaluate

    return plainly(evaluate(arguments.name, dict(_pair(word) for word in arguments.inputs)))


def _pair(word: str) -> tuple[str, float | str]:
    name, equals, value = word.partition("=")
    if not (name and equals and value):
        raise UserError(f"'{word}' is not INPUT=VALUE. Write for example: age=60")
    try:
        return name, float(value)
    except ValueError:
        return name, value


def text(result: Any) -> str:
    """The result, a fact a line."""
    return facts(result) if isinstance(result, dict) else str(result)


COMMAND = Command(
    example="lifecourse score ckd_epi_2021 age=60 sex=female scr_mg_dl=1.2",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
