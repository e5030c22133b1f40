"""`lifecourse train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_store, purpose_of, whole_number
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse

    from lifecourse.features import Recipe
    from lifecourse.tasks import AnyTask
    from lifecourse.timeline.access import Timeline


OUTCOME = "outcome.json"
"""In the folder of a task's model: what training came to, for the pages."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, --task, --recipe, --seed and --out."""
    add_store(parser)
    parser.add_argument(
        "--task",
        metavar="TASK",
        required=True,
        help="a task file, or the name of one in the library",
    )
    parser.add_argument("--recipe", metavar="FILE", type=Path, help="which covariates")
    parser.add_argument("--seed", type=whole_number, default=0, help="of splits and bootstraps (0)")
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="where the model goes (default: models/TASK beside STORE)",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Train, save the model, give its evaluation; or the abstention."""
    from lifecourse.features import load_recipe
    from lifecourse.privacy.access.asking import Action
    from lifecourse.tasks import load_task
    from lifecourse.timeline.access import open_timeline

    store = store_of(arguments.store)
    task = load_task(arguments.task)
    timeline = open_timeline(
        store, actor=actor_of(arguments), purpose=purpose_of(arguments), to=Action.LEARN
    )
    out = arguments.out or store.parent / "models" / task.name
    recipe = load_recipe(arguments.recipe) if arguments.recipe else None
    trained = train_and_save(timeline, task, out, recipe=recipe, seed=arguments.seed)
    return {**trained, "out": str(out)} if trained["outcome"] == "model" else trained


def train_and_save(
    timeline: Timeline, task: AnyTask, out: Path, *, recipe: Recipe | None = None, seed: int = 0
) -> dict[str, Any]:
    """Train on `task`; `out` gets the model, and what came of it: its card, or why there is none."""
    from lifecourse.models import save_model, train

    result = train(timeline, task, recipe=recipe, seed=seed)
    said = plainly(result.abstention) if result.model is None else result.summary()
    trained = {
        "task": task.name,
        "outcome": "abstention" if result.model is None else "model",
        **said,
    }
    out.mkdir(parents=True, exist_ok=True)
    if result.model is not None:
        save_model(result.model, out, timeline.derived)
    timeline.derived.write_json(out / OUTCOME, trained)
    return trained


def text(report: dict[str, Any]) -> str:
    """The outcome, a fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse train workspace --task mortality_1y",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
