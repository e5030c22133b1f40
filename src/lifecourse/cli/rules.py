"""`lifecourse rules`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import out_folder
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, table

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and where to."""
    parser.add_argument(
        "action",
        choices=("list", "export"),
        help="list: name, grade, source and date of review of each; export: as FHIR PlanDefinitions and CQL",
    )
    parser.add_argument(
        "--out",
        type=out_folder,
        metavar="DIR",
        help="with export: the folder that gets plan-definitions, libraries, cql and cases",
    )


def call(arguments: argparse.Namespace) -> Any:
    """The rules of the package; or how many files were written of them."""
    from lifecourse.base.clock import now
    from lifecourse.care.rules.loading import library

    today = now().date()
    if arguments.action == "export":
        from lifecourse.care.exchange.plan_definition import export_rules

        if arguments.out is None:
            raise UserError("export writes a folder. Say where: --out rules")
        return export_rules(arguments.out, today=today)
    return [
        {
            "name": rule.name,
            "title": rule.title,
            "topic": rule.topic,
            "grade": rule.grade.words,
            "source": rule.evidence[0].citation,
            "review_by": rule.review_by.isoformat(),
            "in_force": not rule.is_expired(today),
            "cases": len(rule.cases),
        }
        for rule in library().rules
    ]


def text(result: Any) -> str:
    """A rule a line, or a fact a line."""
    if isinstance(result, dict):
        return facts(result)
    return table([{key: row[key] for key in ("name", "grade", "review_by")} for row in result])


COMMAND = Command(
    example="lifecourse rules export --out rules",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
