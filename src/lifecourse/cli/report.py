"""`lifecourse report`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_model, add_store, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, table
from lifecourse.cli.train import OUTCOME
from lifecourse.cli.workspace import model_of, store_of

if TYPE_CHECKING:
    import argparse

    from lifecourse.models import RiskModel
    from lifecourse.timeline.derived import Derived

CHECKLISTS = ("tripod_ai", "probast_ai")
MISSING = "missing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, STORE and --statements."""
    add_model(parser)
    add_store(parser)
    parser.add_argument(
        "--statements",
        metavar="FILE",
        type=Path,
        help="what only its authors can say (funding, intended use, ...): the model's reports are filled with it",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """What is told, and what is missing, item by item; the model's files anew where statements are given."""
    from lifecourse.models import load_model
    from lifecourse.models.reporting import load_statements, report, with_statements
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline

    folder = model_of(arguments.model, arguments.store)
    statements = load_statements(arguments.statements) if arguments.statements else None
    timeline = open_timeline(
        store_of(arguments.store),
        actor=actor_of(arguments),
        purpose=purpose_of(arguments),
        to=Action.LEARN,
    )
    model = load_model(folder, timeline.derived)
    if statements is not None:
        model = replace(model, card=with_statements(model.card, statements))
        _keep(model, folder, timeline.derived)
    found = report(model.card)
    missing = [
        _owed(name, row) for name in CHECKLISTS for row in found[name]["items"] if _is_missing(row)
    ]
    return {
        "task": model.name,
        "version": model.version,
        "stated": found["stated"],
        **{name: found[name]["counts"] for name in CHECKLISTS},
        "missing": missing,
    }


def _keep(model: RiskModel, folder: Path, derived: Derived) -> None:
    from lifecourse.models import save_model

    save_model(model, folder, derived)
    note = folder / OUTCOME
    if note.is_file():
        said: Any = derived.read_json(note)
        derived.write_json(note, {**said, "statements": model.card["statements"]})


def _is_missing(row: dict[str, Any]) -> bool:
    return MISSING in (row.get("status"), row.get("answer"))


def _owed(checklist: str, row: dict[str, Any]) -> dict[str, str]:
    return {
        "checklist": checklist,
        "part": row.get("part", row.get("section", "")).lower(),
        "item": row["item"],
        "asks": row["asks"],
        "from authors": row["authors"],
    }


def text(report: dict[str, Any]) -> str:
    """Counts, and a missing item a line."""
    rest = {name: value for name, value in report.items() if name != "missing"}
    return "\n\n".join((facts(rest), table(report["missing"])))


COMMAND = Command(
    example="lifecourse report mortality_1y workspace --statements statements.yaml",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
