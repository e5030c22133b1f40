"""`lifecourse link`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_actor, existing, out_file, seed
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stores, and where the proposal goes."""
    parser.add_argument(
        "stores",
        metavar="STORE",
        type=Path,
        nargs="+",
        help="stores, or workspaces around them, whose people are compared by issuer",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=out_file,
        required=True,
        help="the proposal to write: CSV with names and identifiers, readable by you alone",
    )
    parser.add_argument(
        "--threshold",
        metavar="P",
        type=float,
        default=0.9,
        help="least probability of a pair that is proposed (default: 0.9)",
    )
    parser.add_argument(
        "--within", action="store_true", help="look for people whom one issuer has twice, too"
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="of the random pairs from which chance agreement is learnt (default: 0)",
    )
    add_actor(parser)


def call(arguments: argparse.Namespace) -> Any:
    """Propose, and say how many."""
    from lifecourse.timeline.linkage import link

    stores = [existing(store, "store") for store in arguments.stores]
    report = link(
        stores,
        arguments.out,
        actor=actor_of(arguments),
        threshold=arguments.threshold,
        within=arguments.within,
        seed=arguments.seed,
    )
    return plainly(report)


def text(report: dict[str, Any]) -> str:
    """The report, and what to do with the proposal."""
    todo = (
        f"{report['proposal']} holds names and identifiers. Nothing is merged: write 'same' or 'different' behind each "
        "pair, and give the file to `lifecourse ingest --same-as`."
    )
    return f"{facts(report)}\n\n{todo}"


COMMAND = Command(
    example="lifecourse link hospital registry --out proposal.csv",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
