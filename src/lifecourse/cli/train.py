"""`lifecourse train`."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import actor_of, add_identity, add_store, purpose_of, seed
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly
from lifecourse.cli.trained import told_abstention, told_model
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse

    from lifecourse.features import Recipe
    from lifecourse.models.outcomes import ModelOfOutcomes
    from lifecourse.models.reporting import Statements
    from lifecourse.tasks import AnyTask
    from lifecourse.timeline.access import Timeline


OUTCOME = "outcome.json"
"""In the folder of a task's model: what training came to, for the pages."""
OUTCOMES, OF_OUTCOMES = "outcomes", "outcomes.json"
"""The folder of the model of all outcomes, and in it what training came to, for the pages."""
HAZARDS, SEQUENCE = "hazards", "sequence"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, --task or --outcomes, --model, --recipe, --among, --statements, --seed and --out."""
    add_store(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--task", metavar="TASK", help="a task file, or the name of one in the library"
    )
    what.add_argument(
        "--outcomes",
        choices=("all",),
        help="instead of a task: every diagnosis of three characters, every phenotype and death that at least 25 "
        "people came to, in one model",
    )
    parser.add_argument(
        "--among",
        metavar="CODE",
        help="with --outcomes: learn from the people alone who have this fact, such as SPLIT//train",
    )
    parser.add_argument(
        "--model",
        choices=(HAZARDS, SEQUENCE),
        default=HAZARDS,
        help="with --outcomes: hazards on one matrix of features (the default), or a transformer over events and ages "
        "(needs the extra `deep`)",
    )
    parser.add_argument("--recipe", metavar="FILE", type=Path, help="which covariates")
    parser.add_argument(
        "--statements",
        metavar="FILE",
        type=Path,
        help="with --task: what only its authors can say (funding, intended use, ...), for the reports",
    )
    parser.add_argument("--seed", type=seed, default=0, help="of splits and bootstraps (0)")
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="where the model goes (default: models/TASK, models/outcomes or models/sequence, beside STORE)",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Train, save the model, give its evaluation; or the abstention."""
    from lifecourse.features import load_recipe
    from lifecourse.models.persistence import check_place
    from lifecourse.models.reporting import load_statements
    from lifecourse.privacy.access.asking import Action
    from lifecourse.tasks import load_task
    from lifecourse.timeline.access import open_timeline

    if arguments.among and not arguments.outcomes:
        raise UserError("--among goes with --outcomes all. A task says itself whom it asks about.")
    if arguments.statements and arguments.outcomes:
        raise UserError("--statements goes with --task: a model of all outcomes has no reports.")
    if arguments.model == SEQUENCE:
        _check_sequence(arguments)
    store = store_of(arguments.store)
    statements = load_statements(arguments.statements) if arguments.statements else None
    task = load_task(arguments.task) if arguments.task else None
    recipe = load_recipe(arguments.recipe) if arguments.recipe else None
    many = SEQUENCE if arguments.model == SEQUENCE else OUTCOMES
    out = arguments.out or store.parent / "models" / (task.name if task else many)
    check_place(out)
    timeline = open_timeline(
        store, actor=actor_of(arguments), purpose=purpose_of(arguments), to=Action.LEARN
    )
    if task is None and arguments.model == SEQUENCE:
        return _sequence(timeline, out, arguments.among, arguments.seed)
    if task is None:
        return _all_outcomes(timeline, out, arguments.among, recipe, arguments.seed)
    trained = train_and_save(
        timeline, task, out, recipe=recipe, seed=arguments.seed, statements=statements
    )
    return {**trained, "out": str(out)} if trained["outcome"] == "model" else trained


def _check_sequence(arguments: argparse.Namespace) -> None:
    """Refuse what does not go together, and a machine without the extra, before anything is read."""
    if not arguments.outcomes or arguments.recipe:
        raise UserError(
            "--model sequence goes with --outcomes all, and without --recipe: it reads events themselves."
        )
    import_module("lifecourse.models.sequence")


def _all_outcomes(
    timeline: Timeline, out: Path, among: str | None, recipe: Recipe | None, seed: int
) -> dict[str, Any]:
    """Train on every outcome; `out` gets the model and its card, without the counts of each outcome on the way out."""
    from lifecourse.base.progress import shown_progress
    from lifecourse.models.outcomes import save_outcomes, train_outcomes

    with shown_progress() as progress:
        model = train_outcomes(timeline, among=among, recipe=recipe, seed=seed, progress=progress)
    notes = {OF_OUTCOMES: {"outcome": "model", "kind": HAZARDS, **_without_events(model)}}
    save_outcomes(model, out, timeline.derived, notes=notes)
    return _told(model, out)


def _sequence(timeline: Timeline, out: Path, among: str | None, seed: int) -> dict[str, Any]:
    """As `_all_outcomes`, by the sequence model."""
    from lifecourse.base.progress import shown_progress
    from lifecourse.models.sequence import save_sequence, train_sequence

    with shown_progress() as progress:
        model = train_sequence(timeline, among=among, seed=seed, progress=progress)
    notes = {OF_OUTCOMES: {"outcome": "model", "kind": SEQUENCE, **_without_events(model)}}
    save_sequence(model, out, timeline.derived, notes=notes)
    return _told(model, out)


def _without_events(model: ModelOfOutcomes) -> dict[str, Any]:
    return {name: value for name, value in model.card.items() if name != "events"}


def _told(model: ModelOfOutcomes, out: Path) -> dict[str, Any]:
    card = _without_events(model)
    return {**{name: card[name] for name in card if name != "evaluation"}, "out": str(out)}


def train_and_save(
    timeline: Timeline,
    task: AnyTask,
    out: Path,
    *,
    recipe: Recipe | None = None,
    seed: int = 0,
    statements: Statements | None = None,
) -> dict[str, Any]:
    """Train on `task`; `out` gets the model, and what came of it: its card, or why there is none.

    An abstention leaves no model: one that lay in `out` before is taken away, and does not answer in its place.
    """
    from lifecourse.models import save_model, train
    from lifecourse.models.persistence import write_no_model
    from lifecourse.models.reporting import with_statements

    result = train(timeline, task, recipe=recipe, seed=seed)
    if result.model is not None and statements is not None:
        card = with_statements(result.model.card, statements)
        result = replace(result, model=replace(result.model, card=card))
    said = plainly(result.abstention) if result.model is None else result.summary()
    trained = {
        "task": task.name,
        "title": getattr(task, "title", ""),
        "outcome": "abstention" if result.model is None else "model",
        **said,
    }
    if result.model is None:
        write_no_model({OUTCOME: trained}, out, timeline.derived)
    else:
        save_model(result.model, out, timeline.derived, notes={OUTCOME: trained})
    return trained


def text(report: dict[str, Any]) -> str:
    """What came of it, as far as a person wants it in a terminal."""
    if report.get("outcome") == "abstention":
        return told_abstention(report)
    return told_model(report) if "task" in report else facts(report)


COMMAND = Command(
    example="lifecourse train workspace --task mortality_1y",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
