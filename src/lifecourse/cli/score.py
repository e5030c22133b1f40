"""`lifecourse score`."""

from __future__ import annotations

from pathlib import Path
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
        "values", metavar="INPUT=VALUE", nargs="*", help="its inputs, such as age=60 sex=female"
    )
    parser.add_argument(
        "--inputs",
        type=Path,
        metavar="FILE.json",
        help="read them from a file instead: one object, or a list with a result for each",
    )


def call(arguments: argparse.Namespace) -> Any:
    """The score's values for these inputs; a list for a list."""
    from lifecourse.care.risk import score_all

    given = _given(arguments)
    rows = given if isinstance(given, list) else [given]
    if not all(isinstance(row, dict) for row in rows):
        raise UserError("the inputs must be one JSON object or a list of objects.")
    results = plainly(score_all(arguments.name, rows))
    return results if isinstance(given, list) else results[0]


def _given(arguments: argparse.Namespace) -> Any:
    if arguments.inputs is None:
        return dict(_pair(word) for word in arguments.values)
    if arguments.values:
        raise UserError("give either INPUT=VALUE or --inputs FILE.json, not both.")
    import orjson

    try:
        return orjson.loads(arguments.inputs.read_bytes())
    except OSError:
        raise UserError(f"cannot read {arguments.inputs.name}. Give a JSON file.") from None
    except orjson.JSONDecodeError as broken:
        raise UserError(f"{arguments.inputs.name}, line {broken.lineno}: not valid JSON.") from None


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
    rows = result if isinstance(result, list) else [result]
    return "\n\n".join(facts(row) for row in rows)


COMMAND = Command(
    example="lifecourse score ckd_epi_2021 age=60 sex=female scr_mg_dl=1.2",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
