"""`lifecourse discover`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_store, purpose_of, seed
from lifecourse.cli.command import Command
from lifecourse.cli.output import plainly, table
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse


PAIR = (
    "first_name", "then_name", "people", "median_gap_days", "ratio", "low", "high",
    "confirmed_ratio", "confirmed_low", "only_at_once", "known_from",
)  # fmt: skip
TRAJECTORY = ("names", "people", "median_gap_days", "beyond_ratio", "beyond_low")
SIGNAL = ("drug_names", "outcome_name", "people", "ratio", "low", "confirmed_ratio", "reri")
EXPLAINED = ("first_name", "then_name", "people", "crude_ratio", "ratio", "low", "high")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, --seed and --shuffle."""
    add_store(parser)
    parser.add_argument("--seed", type=seed, default=0, help="of the two halves (0)")
    parser.add_argument(
        "--shuffle",
        metavar="SEED",
        type=seed,
        help="first deal all facts out anew among all people: whatever is then confirmed is false",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """The findings, confirmed on people they were not found in."""
    from lifecourse.insights import discover
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline

    store = store_of(arguments.store)
    timeline = open_timeline(
        store, actor=actor_of(arguments), purpose=purpose_of(arguments), to=Action.LEARN
    )
    return plainly(discover(timeline, seed=arguments.seed, shuffled=arguments.shuffle))


def text(findings: dict[str, Any]) -> str:
    """How it went, then a finding a line."""
    parts = [
        f"{findings['people']:,} people; {findings['pairs_tested']:,} pairs tested, {findings['pairs_found']:,} found "
        f"on one half, {findings['pairs_confirmed']:,} confirmed on the other "
        f"({findings['confirmed_by_chance']:,} with everyone's dates dealt out anew)"
    ]
    for title, name, columns in (
        ("What follows what", "findings", PAIR),
        ("Three steps", "trajectories", TRAJECTORY),
        ("Drugs together", "drug_signals", SIGNAL),
        ("Explained by age, sex, the times and visits", "explained", EXPLAINED),
    ):
        if findings[name]:
            parts.append(f"\n{title}\n{table(findings[name], columns)}")
    return "\n".join(parts)


COMMAND = Command(
    example="lifecourse discover workspace --json",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
