"""`lifecourse monitor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import actor_of, add_identity, add_model, add_store, purpose_of
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, table
from lifecourse.cli.workspace import model_of, store_of

if TYPE_CHECKING:
    import argparse

MOST_SHOWN = 10
MONITORING = "monitoring.json"
"""In the folder of a model: what it met when it was last looked at, for the pages."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL and STORE."""
    add_model(parser)
    add_store(parser)
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """What the model meets in the store, beside what it learned from."""
    from lifecourse.base.clock import now
    from lifecourse.models import load_model, monitor
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.derived import Derived

    folder = model_of(arguments.model, arguments.store)
    model = load_model(folder)
    timeline = open_timeline(
        store_of(arguments.store),
        actor=actor_of(arguments),
        purpose=purpose_of(arguments),
        to=Action.LEARN,
    )
    report = {"made": now().date().isoformat(), **monitor(model, timeline)}
    beside = Derived.around(folder / MONITORING)
    # Figures of a sealed store do not come to lie in the open.
    if beside.seals or not timeline.derived.seals:
        beside.write_json(folder / MONITORING, report)
    return report


def text(report: dict[str, Any]) -> str:
    """The alarms, what came true, and what moved farthest."""
    alarms = report["alarms"]
    said = "\n".join(f"alarm: {alarm}" for alarm in alarms) or "no alarm"
    rest = {
        name: report[name]
        for name in ("model", "version", "made", "people", "people_then", "outcomes")
    }
    moved = [
        {name: shift[name] for name in ("what", "kind", "then", "now", "stability")}
        for shift in report["shifts"][:MOST_SHOWN]
    ]
    return "\n\n".join((said, facts(rest), table(moved)))


COMMAND = Command(
    example="lifecourse monitor mortality_1y workspace",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
