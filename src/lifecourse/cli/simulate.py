"""`lifecourse simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import KINDS, whole_number
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--subjects, --seed, --format and --out."""
    parser.add_argument(
        "--subjects", metavar="N", type=whole_number, default=1000, help="how many people (1,000)"
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=whole_number,
        default=1,
        help="the same seed, the same people (1)",
    )
    parser.add_argument("--format", choices=KINDS, default="fhir", help="the standard (fhir)")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="a new folder")


def call(arguments: argparse.Namespace) -> Any:
    """Simulate and give the counts."""
    from lifecourse.simulation import simulate

    report = simulate(arguments.subjects, arguments.seed, arguments.format, arguments.out)
    return plainly(report)


def text(report: dict[str, Any]) -> str:
    """The counts, a fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse simulate --subjects 1000 --seed 1 --format fhir --out hospital",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
