"""`lifecourse phenotypes`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_store,
    out_folder,
    purpose_of,
    seed,
    whole_number,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import plainly, table
from lifecourse.cli.workspace import store_of, workspace_of

if TYPE_CHECKING:
    import argparse

    from lifecourse.timeline.access import Timeline


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, then one of --truth, --draw and --verdicts."""
    add_store(parser)
    judged_by = parser.add_mutually_exclusive_group(required=True)
    judged_by.add_argument(
        "--truth",
        metavar="DIR",
        type=Path,
        help="judge by the truth of a simulated hospital: the folder `truth` that `simulate` left",
    )
    judged_by.add_argument(
        "--draw",
        metavar="NAME",
        help="draw charts of this phenotype for clinicians to judge on the pages of `serve`",
    )
    judged_by.add_argument(
        "--verdicts",
        metavar="DIR",
        type=out_folder,
        help="say what the verdicts given so far mean, and write them there: labels in MEDS columns, and every verdict",
    )
    parser.add_argument(
        "--each",
        metavar="N",
        type=whole_number,
        default=30,
        help="with --draw: charts of each kind, found, near misses and others (default: 30)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        default=1,
        help="with --draw: draws the same charts again (default: 1)",
    )
    parser.add_argument(
        "--blind",
        action="store_true",
        help="with --draw: reviewers see what the phenotype says after they answered",
    )
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Judge phenotypes by a truth, or draw charts to be judged by people, or give what those said."""
    if arguments.verdicts is not None:
        return _verdicts(arguments)
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline

    timeline = open_timeline(
        store_of(arguments.store),
        actor=actor_of(arguments),
        purpose=purpose_of(arguments),
        to=Action.JUDGE,
    )
    if arguments.draw is not None:
        return _draw(arguments, timeline)
    from lifecourse.tasks.judging import judge_phenotypes

    verdicts = judge_phenotypes(timeline, arguments.truth)
    return plainly({"phenotypes": [verdict.row() for verdict in verdicts]})


def _draw(arguments: argparse.Namespace, timeline: Timeline) -> Any:
    from lifecourse.tasks.review import draw_charts
    from lifecourse.tasks.verdicts import Reviews

    sample = draw_charts(
        timeline,
        arguments.draw,
        each=arguments.each,
        seed=arguments.seed,
        is_blind=arguments.blind,
    )
    Reviews(workspace_of(arguments.store).root).keep(sample)
    counts = [
        {"kind": name, "people": people, "charts": len(sample.of(name))}
        for name, people in sample.people.items()
    ]
    return {"drawn": sample.phenotype, "seed": sample.seed, "strata": counts}


def _verdicts(arguments: argparse.Namespace) -> Any:
    from lifecourse.tasks.agreement import agreement
    from lifecourse.tasks.verdicts import Reviews, labels_of, table_of

    reviews = Reviews(workspace_of(arguments.store).root)
    names = reviews.reviewed()
    if not names:
        raise UserError(
            "no charts were drawn in this workspace. Draw some: lifecourse phenotypes WORKSPACE --draw NAME"
        )
    rows = []
    for name in names:
        sample, verdicts = reviews.sample(name), reviews.verdicts(name)
        if sample is None:
            continue
        for kind, written in (("labels", labels_of(verdicts)), ("verdicts", table_of(verdicts))):
            reviews.derived.write_table(arguments.verdicts / f"{name}.{kind}.parquet", written)
        rows.append({"phenotype": name, **agreement(sample, verdicts).to_dict()})
    return {"reviews": plainly(rows), "out": str(arguments.verdicts)}


def text(report: dict[str, Any]) -> str:
    """A phenotype a line."""
    if "strata" in report:
        return table(report["strata"])
    if "reviews" in report:
        return table([_reviewed(row) for row in report["reviews"]])
    return table([_short(row) for row in report["phenotypes"]])


def _short(row: dict[str, Any]) -> dict[str, Any]:
    kept = ("phenotype", "people", "ill", "found", "mistaken")
    return {name: row[name] for name in kept} | {
        "sensitivity": _with_interval(row, "sensitivity"),
        "if_followed": _with_interval(row, "sensitivity_followed"),
        "ppv": _with_interval(row, "ppv"),
        "delay_days": row["delay_days"],
    }


def _with_interval(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return "-"
    return f"{row[name]:.3f} ({row[f'{name}_low']:.3f}-{row[f'{name}_high']:.3f})"


def _reviewed(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in ("phenotype", "charts", "judged")}
    shares = {name: _share(row[name]) for name in ("ppv", "sensitivity")}
    kappas = [
        f"{' and '.join(k['reviewers'])} {k['kappa']:.2f}"
        for k in row["kappas"]
        if k["kappa"] is not None
    ]
    return {**kept, **shares, "kappa": "; ".join(kappas) or "-"}


def _share(found: dict[str, float] | None) -> str:
    if found is None:
        return "-"
    return f"{found['value']:.3f} ({found['low']:.3f}-{found['high']:.3f})"


COMMAND = Command(
    example="lifecourse phenotypes workspace --truth hospital/truth",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
