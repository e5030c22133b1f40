"""`lifecourse recalibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_model, add_store, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly
from lifecourse.cli.workspace import model_of, store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, STORE, --method and --out."""
    add_model(parser)
    add_store(parser)
    parser.add_argument(
        "--method",
        choices=("intercept", "slope", "full"),
        default="slope",
        help="what is fitted here: how often it happens, how far risks lie apart too (slope), or also a bent map where "
        "other people gain by it (full)",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="where the recalibrated model goes"
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Recalibrate, save, say how the model did here before."""
    from lifecourse.models import load_model, recalibrate, save_model
    from lifecourse.models.persistence import check_place, reader_to_judge
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.derived import Derived

    store = store_of(arguments.store)
    folder = model_of(arguments.model, arguments.store)
    check_place(arguments.out)
    model = load_model(folder, reader_to_judge(folder, Derived.of(store)))
    timeline = open_timeline(
        store, actor=actor_of(arguments), purpose=purpose_of(arguments), to=Action.LEARN
    )
    found = recalibrate(model, timeline, method=arguments.method)
    # What was noted of another model that lay there is not of this one.
    is_same = arguments.out.resolve() == folder.resolve()
    save_model(found, arguments.out, timeline.derived, notes=None if is_same else {})
    told = found.card["recalibrated"]
    return plainly(
        {
            "task": found.name,
            "version": found.version,
            "method": told["method"],
            "out": str(arguments.out),
            "before": told["before"]["metrics"],
        }
    )


def text(report: dict[str, Any]) -> str:
    """The outcome, a fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse recalibrate mortality_1y workspace --out workspace/models/mortality_1y_here",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
