"""`lifecourse bedside`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_model,
    add_store,
    out_folder,
    purpose_of,
    whole_number,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly, table
from lifecourse.cli.workspace import model_of, store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, STORE, --out and --most."""
    add_model(parser)
    add_store(parser)
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=out_folder,
        required=True,
        help="where the score file (YAML) and the page to print (Markdown) go",
    )
    parser.add_argument(
        "--most", metavar="N", type=whole_number, default=8, help="at most so many items (8)"
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Make a score of points from a model; its table, and how it does beside the model."""
    from lifecourse.base.errors import UserError
    from lifecourse.care.bedside import write_bedside_score
    from lifecourse.models import load_model
    from lifecourse.models.bedside import bedside_score
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.derived import Derived

    if arguments.most < 1:
        raise UserError("--most must be 1 or more.")
    store = store_of(arguments.store)
    model = load_model(model_of(arguments.model, arguments.store), Derived.of(store))
    timeline = open_timeline(
        store, actor=actor_of(arguments), purpose=purpose_of(arguments), to=Action.LEARN
    )
    score = bedside_score(model, timeline, most=arguments.most)
    file, page = write_bedside_score(score, arguments.out)
    return plainly(
        {
            "score": score.name,
            "out": str(file),
            "page": str(page),
            "people": score.people,
            "moments": score.moments,
            "events": score.events,
            "measures": score.measures,
            "of_model": score.of_model,
            "points": [
                {"item": item.title, "when": words, "points": points}
                for item in score.items
                for words, points in item.categories()
            ],
            "meaning": score.meaning,
            "parsimony": score.parsimony,
        }
    )


def text(report: dict[str, Any]) -> str:
    """The points, what a sum means, and how good it is."""
    tables = ("points", "meaning", "parsimony")
    rest = {name: value for name, value in report.items() if name not in tables}
    return "\n\n".join([*(table(report[name]) for name in tables), facts(rest)])


COMMAND = Command(
    example="lifecourse bedside mortality_1y workspace --out scores",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
