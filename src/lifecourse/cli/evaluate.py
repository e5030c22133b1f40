"""`lifecourse evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import actor_of, add_identity, add_model, add_store, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.judged import EVALUATION, many_outcomes
from lifecourse.cli.output import facts, plainly, table
from lifecourse.cli.workspace import model_of, outcomes_model_of, store_of

if TYPE_CHECKING:
    import argparse

    from lifecourse.models.outcomes import ModelOfOutcomes
    from lifecourse.timeline.access import Timeline

TASK = "task"
CURVES = ("calibration", "calibration_curve", "decision_curve")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, STORE, --truth, --outcome and --among."""
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
    parser.add_argument(
        "--among",
        metavar="CODE",
        help="of a model of many outcomes: judge on the people alone who have this fact, such as SPLIT//held_out",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Evaluate the model on people it has not learned from."""
    from lifecourse.models import compare_with_truth, evaluate, kind_of_model, load_model
    from lifecourse.models.persistence import reader_to_judge
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.derived import Derived

    store = store_of(arguments.store)
    folder = model_of(arguments.model, arguments.store)
    derived = reader_to_judge(folder, Derived.of(store))
    kind = kind_of_model(folder, derived)
    _check(arguments, many=kind != TASK)
    timeline = open_timeline(
        store, actor=actor_of(arguments), purpose=purpose_of(arguments), to=Action.LEARN
    )
    if kind != TASK:
        model = outcomes_model_of(kind, folder, derived)
        return _of_outcomes(model, timeline, folder, arguments.among)
    model_of_task = load_model(folder, derived)
    if arguments.truth is None:
        return plainly(evaluate(model_of_task, timeline))
    return plainly(
        compare_with_truth(model_of_task, timeline, arguments.truth, outcome=arguments.outcome)
    )


def _check(arguments: argparse.Namespace, *, many: bool) -> None:
    if many and (arguments.truth is not None or arguments.outcome):
        raise UserError(
            "--truth and --outcome are for a model of one task; this one is of many outcomes. Leave them out."
        )
    if arguments.among and not many:
        raise UserError(
            "--among is for a model of many outcomes. A task says itself whom it asks about."
        )


def _of_outcomes(
    model: ModelOfOutcomes, timeline: Timeline, folder: Path, among: str | None
) -> dict[str, Any]:
    """How it does; what the card does not say yet goes beside the model, for its page."""
    from lifecourse.base.clock import now
    from lifecourse.models.outcomes import evaluate_outcomes
    from lifecourse.timeline.derived import Derived

    found = {"made": now().date().isoformat(), **evaluate_outcomes(model, timeline, among=among)}
    beside = Derived.around(folder / EVALUATION)
    # Figures of a sealed store do not come to lie in the open.
    if "among" in found and (beside.seals or not timeline.derived.seals):
        beside.write_json(folder / EVALUATION, found)
    return found


def text(report: dict[str, Any]) -> str:
    """The measures, a fact a line, and a table of each thing told by rows; curves are for the page and ``--json``."""
    if "outcomes_of_model" in report:
        return many_outcomes(report)
    by_rows = {name: value for name, value in report.items() if isinstance(value, list)}
    plain = {name: value for name, value in report.items() if name not in (*by_rows, "alerts")}
    parts = [facts(_without_rows(plain))]
    for name, rows in by_rows.items():
        if name not in CURVES:
            lines = [{key: _said(value) for key, value in row.items()} for row in rows]
            parts.append(f"{name}\n{table(lines)}")
    if "alerts" in report:
        by = report["alerts"]["by"].items()
        parts.append(table([{"alerts by": name, **row} for name, row in by]))
    return "\n\n".join(parts)


def _without_rows(told: dict[str, Any]) -> dict[str, Any]:
    """What is told by single values, at any depth."""
    found = {
        name: _without_rows(value) if isinstance(value, dict) else value
        for name, value in told.items()
    }
    return {name: value for name, value in found.items() if not _has_rows(value)}


def _has_rows(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) for one in value)


def _said(value: Any) -> Any:
    """A value with its interval in one cell."""
    if not isinstance(value, dict) or not {"value", "low", "high"} <= value.keys():
        return value
    if value["value"] is None:
        return None
    point = f"{value['value']:.3f}"
    return (
        point if None in value.values() else f"{point} ({value['low']:.3f} to {value['high']:.3f})"
    )


COMMAND = Command(
    example="lifecourse evaluate mortality_1y workspace",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
