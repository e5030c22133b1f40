"""`lifecourse evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_model, add_store, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly, table
from lifecourse.cli.workspace import model_of, store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, STORE, --truth and --outcome."""
    add_model(parser)
    add_store(parser)
    parser.add_argument(
        "--truth",
        metavar="DIR",
        type=Path,
        help="judge by the truth that `simulate` left there, not by the records",
    )
    parser.add_argument(
        "--outcome", metavar="NAME", help="of the truth (default: the one the task is named after)"
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Evaluate the model on people it has not learned from."""
    from lifecourse.models import compare_with_truth, evaluate, load_model
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.derived import Derived

    store = store_of(arguments.store)
    model = load_model(model_of(arguments.model, arguments.store), Derived.of(store))
    timeline = open_timeline(
        store, actor=actor_of(arguments), purpose=purpose_of(arguments), to=Action.LEARN
    )
    if arguments.truth is None:
        return plainly(evaluate(model, timeline))
    return plainly(compare_with_truth(model, timeline, arguments.truth, outcome=arguments.outcome))


def text(report: dict[str, Any]) -> str:
    """The measures, a fact a line; by the truth also tables of groups and of alerts."""
    if "groups" not in report or "alerts" not in report:
        return facts(report)
    rest = {name: value for name, value in report.items() if name not in ("groups", "alerts")}
    groups = [{**row, "predicted_over_true": _said(row)} for row in report["groups"]]
    alerts = [{"alerts by": name, **row} for name, row in report["alerts"]["by"].items()]
    return "\n\n".join((facts(rest), table(groups), table(alerts)))


def _said(row: dict[str, Any]) -> str:
    ratio = row["predicted_over_true"]
    return f"{ratio['value']:.3f} ({ratio['low']:.3f}-{ratio['high']:.3f})"


COMMAND = Command(
    example="lifecourse evaluate mortality_1y workspace",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
