"""`lifecourse whatif`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import actor_of, add_identity, add_store, purpose_of, subject
from lifecourse.cli.command import Command
from lifecourse.cli.output import table
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, whom, and what is done or changed."""
    add_store(parser)
    parser.add_argument(
        "--subject", metavar="ID", type=subject, required=True, help="one person, by subject id"
    )
    parser.add_argument(
        "--give",
        metavar="NAME[=AMOUNT]",
        action="append",
        default=[],
        help="an intervention, such as statin or blood_pressure=10 (mm Hg lower); again for several together "
        "(default: all that are possible)",
    )
    parser.add_argument(
        "--set",
        metavar="SCORE.INPUT=VALUE",
        dest="changes",
        action="append",
        default=[],
        help="ask a score again with another input, such as prevent.sbp=125: an association, not an effect",
    )
    add_identity(parser, purpose="direct_care")


def call(arguments: argparse.Namespace) -> Any:
    """Benefits of interventions for one person as of the last record, integrated risks, and scores asked again."""
    from lifecourse.care import assess
    from lifecourse.care.integrating import integrated_risks
    from lifecourse.care.whatif import reassess, what_if
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline

    given = dict(_given(word) for word in arguments.give)
    changes = _changes(arguments.changes)
    timeline = open_timeline(
        store_of(arguments.store),
        actor=actor_of(arguments),
        purpose=purpose_of(arguments),
        to=Action.PLAN,
    )
    chart = timeline.chart(arguments.subject)
    at = chart.as_of
    if at is None:
        raise UserError(f"subject {arguments.subject} has no dated record to reckon from.")
    scores = assess(chart, at)
    found = what_if(chart, at, give=given or None, assessment=scores).to_dict()
    found["integrated"] = [each.to_dict() for each in integrated_risks(chart, at, scores)]
    found["asked_again"] = [
        row for score, inputs in changes.items() for row in reassess(chart, at, score, inputs)
    ]
    return found


def _given(word: str) -> tuple[str, float | None]:
    name, equals, amount = word.partition("=")
    if not equals:
        return name, None
    try:
        return name, float(amount)
    except ValueError:
        raise UserError(
            "an amount of --give is not a number. Write for example: --give statin=1.5"
        ) from None


def _changes(words: list[str]) -> dict[str, dict[str, float | str]]:
    found: dict[str, dict[str, float | str]] = {}
    for word in words:
        place, equals, value = word.partition("=")
        score, dot, name = place.partition(".")
        if not (equals and dot and name and value):
            raise UserError(
                "--set takes SCORE.INPUT=VALUE. Write for example: --set prevent.sbp=125"
            )
        try:
            found.setdefault(score, {})[name] = float(value)
        except ValueError:
            found.setdefault(score, {})[name] = value
    return found


def text(result: dict[str, Any]) -> str:
    """A line an intervention, all together, what genes, family and places add, and the scores asked again."""
    rows = [
        {
            "what": row["title"],
            "answer": row["status"].replace("_", " "),
            "worth or why": row["benefit"]["text"] if row["benefit"] else row["reason"],
        }
        for row in result["options"]
    ]
    parts = [table(rows)]
    together = result["together"]
    if together is not None:
        held = f" Held at {together['cap']['relative']:g}." if together["capped"] else ""
        parts.append(f"Together ({', '.join(together['of'])}): {together['benefit']['text']}{held}")
    if result["integrated"]:
        parts.append(table([row for each in result["integrated"] for row in _steps(each)]))
    if result["asked_again"]:
        names = ("score", "outcome", "horizon_years", "before", "after")
        parts.append(table([{n: row[n] for n in names} for row in result["asked_again"]]))
        parts.append(f"Scores asked again: {result['asked_again'][0]['label']}.")
    return "\n\n".join(parts)


def _steps(found: dict[str, Any]) -> list[dict[str, Any]]:
    """A published risk, a line for what each modifier adds to it, and where they lead."""
    base = found["base"]
    rows = [(found["title"], f"{base['risk'] * 100:.1f} %")]
    rows += [(f"  {each['title']}", f"{each['added'] * 100:+.1f}") for each in found["steps"]]
    low, high = found["interval"]
    rows += [
        ("  with all of it", f"{found['risk'] * 100:.1f} % ({low * 100:.1f} to {high * 100:.1f})")
    ]
    return [{"integrated risk": what, "in a hundred": much} for what, much in rows]


COMMAND = Command(
    example="lifecourse whatif workspace --subject 10000032 --give statin --give blood_pressure=10",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
