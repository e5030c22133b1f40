"""`lifecourse predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_model,
    add_store,
    add_subject,
    out_file,
    purpose_of,
    whole_number,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly, table
from lifecourse.cli.workspace import model_of, outcomes_model_of, store_of

if TYPE_CHECKING:
    import argparse

    from lifecourse.models.outcomes import ModelOfOutcomes
    from lifecourse.timeline.access import Timeline


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, STORE, whom, --out and --futures."""
    add_model(parser)
    add_store(parser)
    add_subject(parser)
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=out_file,
        help="of a model of many outcomes: write the table of risks here (Parquet) instead of printing it",
    )
    parser.add_argument(
        "--futures",
        metavar="N",
        type=whole_number,
        default=0,
        help="of a sequence model: also draw N futures of each person, and say in which share each outcome came",
    )
    add_identity(parser, purpose="direct_care")


def call(arguments: argparse.Namespace) -> Any:
    """A risk for one person, or for everyone, as of each one's last record."""
    from lifecourse.models import kind_of_model, load_model, predict
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.derived import Derived

    store = store_of(arguments.store)
    derived = Derived.of(store)
    folder = model_of(arguments.model, arguments.store)
    timeline = open_timeline(
        store, actor=actor_of(arguments), purpose=purpose_of(arguments), to=Action.PREDICT
    )
    subjects = None if arguments.subject is None else [arguments.subject]
    kind = kind_of_model(folder, derived)
    if kind != "task":
        model = outcomes_model_of(kind, folder, derived)
        return _of_outcomes(model, timeline, subjects, arguments.out, arguments.futures)
    if arguments.out is not None:
        raise UserError("--out is for a model of many outcomes. Leave it out: risks are printed.")
    if arguments.futures:
        raise UserError("--futures is for a sequence model (`train --outcomes all`). Leave it out.")
    return plainly(predict(load_model(folder, derived), timeline, subject_ids=subjects))


def _of_outcomes(
    model: ModelOfOutcomes,
    timeline: Timeline,
    subjects: list[int] | None,
    out: Path | None,
    futures: int,
) -> Any:
    """One person's risks, highest first within each horizon; everyone's into a file."""
    from lifecourse.models.outcomes import predict_outcomes

    if subjects is None and out is None:
        raise UserError(
            "that is a line for each person, outcome and horizon. Give --out FILE, or one person: --subject ID."
        )
    risks, refused = predict_outcomes(model, timeline, subjects, futures=futures)
    if out is not None:
        timeline.derived.write_table(out, risks)
        return {"out": str(out), "rows": risks.height, "refused": refused.height}
    if refused.height:
        return refused.to_dicts()
    order = ["horizon_days", "risk", "outcome"]
    return risks.sort(order, descending=[False, True, False]).to_dicts()


def text(risks: list[dict[str, Any]] | dict[str, Any]) -> str:
    """A risk a line, or what was written; why, and the curve, are for the page and ``--json``."""
    if isinstance(risks, dict):
        return facts(risks)
    names = dict.fromkeys(name for row in risks for name in row)
    plain = [name for name in names if not any(_is_nested(row.get(name)) for row in risks)]
    return table([{name: row.get(name) for name in plain} for row in risks])


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(one, dict) for one in value)
    )


COMMAND = Command(
    example="lifecourse predict mortality_1y workspace --subject 10000032",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
