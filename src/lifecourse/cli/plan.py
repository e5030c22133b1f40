"""`lifecourse plan`."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import as_completed
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from lifecourse.base.collector import uncollected
from lifecourse.base.errors import UserError
from lifecourse.base.progress import SILENT
from lifecourse.care.rules.evaluate import Answer
from lifecourse.care.worklist import Entry, entry_of, worklist
from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_store,
    add_subject,
    add_unsealed,
    leaving,
    out_folder,
    purpose_of,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, table
from lifecourse.cli.workspace import store_of
from lifecourse.engine.processes import processes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from lifecourse.base.progress import Progress
    from lifecourse.care.careplan import CarePlan
    from lifecourse.timeline.access import Timeline

ADULT_YEARS = 18
WORTH_PROCESSES = 400  # people; below it, starting processes costs more than it saves
SHARES = 8
"""Times that each process is handed shards."""
MOST_LISTED = 25
WIDEST_REASON = 100  # characters in a table; JSON has the whole

Counts = tuple[int, Counter[str], Counter[str], list[Entry]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE and whom."""
    add_store(parser)
    add_subject(parser, everyone="every adult: counts, and who gains most first")
    parser.add_argument(
        "--out", metavar="DIR", type=out_folder, help="write each plan of --all to a file here"
    )
    parser.add_argument(
        "--most",
        metavar="N",
        type=int,
        default=MOST_LISTED,
        help="people of --all that are listed (default: %(default)s)",
    )
    parser.add_argument(
        "--fhir", action="store_true", help="as a FHIR Bundle of CarePlan and RiskAssessments"
    )
    add_unsealed(parser)
    parser.add_argument(
        "--explain", metavar="RULE", help="one line of --subject, down to its events and sources"
    )
    add_identity(parser, purpose="direct_care")


def call(arguments: argparse.Namespace) -> Any:
    """One plan, or the list of those written."""
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline

    store = store_of(arguments.store)
    timeline = open_timeline(
        store, actor=actor_of(arguments), purpose=purpose_of(arguments), to=Action.PLAN
    )
    if arguments.all:
        from lifecourse.base.progress import shown_progress

        timeline = leaving(arguments, timeline)
        with shown_progress() as progress:
            return plan_all(
                timeline,
                arguments.out,
                as_fhir=arguments.fhir,
                most=arguments.most,
                progress=progress,
            )
    if arguments.explain is not None:
        return explanation_of(timeline, arguments.subject, arguments.explain)
    return plan_of(timeline, arguments.subject, as_fhir=arguments.fhir)


def plan_of(timeline: Timeline, subject_id: int, *, as_fhir: bool = False) -> dict[str, Any]:
    """The plan of one person as of the last record there is of them."""
    chart = timeline.chart(subject_id)
    if chart.as_of is None:
        raise UserError(f"subject {subject_id} has no dated record to plan from.")
    from lifecourse.care import plan

    return _as_document(plan(chart, chart.as_of), as_fhir=as_fhir)


def explanation_of(timeline: Timeline, subject_id: int, rule: str) -> dict[str, Any]:
    """One line of a person's plan: why, from which events, by which sources, made from what."""
    from lifecourse.care import plan

    chart = timeline.chart(subject_id)
    if chart.as_of is None:
        raise UserError(f"subject {subject_id} has no dated record to plan from.")
    return plan(chart, chart.as_of).explain(rule)


def _as_document(care_plan: CarePlan, *, as_fhir: bool) -> dict[str, Any]:
    from lifecourse.care.exchange.fhir import bundle

    return bundle(care_plan) if as_fhir else care_plan.to_dict()


def write_plans(timeline: Timeline, out: Path, *, progress: Progress = SILENT) -> dict[str, Any]:
    """A plan for every adult in `out`, as of a run; gives how many, and how the rules answered."""
    return plan_all(timeline, out, most=0, progress=progress)


def plan_all(
    timeline: Timeline,
    out: Path | None = None,
    *,
    as_fhir: bool = False,
    most: int = MOST_LISTED,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Plan for every adult; gives how many, how the rules answered, and the `most` who gain most.

    The plans are written to `out`, where that is given.

    A file is called ``<subject_id>.json``; of an encrypted store it is sealed, and its name does not tell whose it is.

    Raises
    ------
    UserError
        `most` is negative.
    """
    if most < 0:
        raise UserError(f"--most {most}: nobody can be listed fewer than 0 times. Give 0 or more.")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    listed: list[Entry] = []
    answers: Counter[str] = Counter()
    fires: Counter[str] = Counter()
    plans, people, shards = 0, timeline.n_subjects, range(timeline.n_shards)
    for done, (planned, answered, fired, entries) in enumerate(
        _by_shard(timeline, out, as_fhir), start=1
    ):
        plans += planned
        answers.update(answered)
        fires.update(fired)
        listed = worklist([*listed, *entries])[:most]
        progress.step("plans by shard", done, len(shards))
    return {
        "plans": plans,
        "under_18_or_unknown_age": people - plans,
        "answers": dict(sorted(answers.items())),
        "fires": dict(sorted(fires.items())),
        **({} if out is None else {"out": str(out)}),
        **({"worklist": [each.to_dict() for each in listed]} if most else {}),
    }


def _by_shard(timeline: Timeline, out: Path | None, as_fhir: bool) -> Iterator[Counts]:
    """The counts of each shard; large stores are shared out to one process per core."""
    shards = range(timeline.n_shards)
    workers = min(os.cpu_count() or 1, len(shards))
    if workers == 1 or timeline.n_subjects < WORTH_PROCESSES:
        for shard in shards:
            yield from plan_shards(timeline, [shard], out, as_fhir)
        return
    # A process is handed the timeline, and reckons its codes through, once a share.
    size = max(1, len(shards) // (workers * SHARES))
    shares = [shards[start : start + size] for start in range(0, len(shards), size)]
    with processes(workers) as pool:
        futures = [pool.submit(plan_shards, timeline, share, out, as_fhir) for share in shares]
        try:
            for future in as_completed(futures):
                yield from future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def plan_shards(
    timeline: Timeline, shards: Sequence[int], out: Path | None, as_fhir: bool
) -> list[Counts]:
    """`plan_shard` of each of `shards`; plans make no cycles that Python's collector would have to find."""
    found = []
    for shard in shards:
        with uncollected():
            found.append(plan_shard(timeline, shard, out, as_fhir))
    return found


def plan_shard(timeline: Timeline, shard: int, out: Path | None, as_fhir: bool) -> Counts:
    """Plan for one shard's adults; how many, the counts of answers and of what fires, and who has something to do."""
    answers: Counter[Answer] = Counter()
    fires: Counter[str] = Counter()
    entries: list[Entry] = []
    written = 0
    for care_plan in _adults(timeline, shard):
        if out is not None:
            path = out / f"{timeline.derived.name_of(care_plan.subject_id)}.json"
            timeline.derived.write_json(path, _as_document(care_plan, as_fhir=as_fhir))
        written += 1
        entry = entry_of(care_plan)
        if entry is not None:
            entries.append(entry)
        lines = care_plan.recommendations
        if not fires:
            fires.update(dict.fromkeys((line.rule.name for line in lines), 0))
        answers.update(line.decision.answer for line in lines)
        fires.update(line.rule.name for line in lines if line.decision.answer == Answer.FIRES)
    return written, Counter({str(each): n for each, n in answers.items()}), fires, entries


def _adults(timeline: Timeline, shard: int) -> Iterator[CarePlan]:
    from lifecourse.care.careplan import plans

    for together in timeline.together([shard]):
        for care_plan in plans(together):
            if care_plan.age is not None and care_plan.age >= ADULT_YEARS:
                yield care_plan


def text(result: dict[str, Any]) -> str:
    """The recommendations of one plan, the counts of all, or a FHIR Bundle as it is."""
    from lifecourse.base.files import to_json

    recommendations = result.get("recommendations")
    if result.get("resourceType") == "Bundle":
        return to_json(result).decode()
    if "worklist" in result:
        counts = {name: value for name, value in result.items() if name != "worklist"}
        people = [
            {**row, "why": shorten(row["why"], WIDEST_REASON, placeholder=" ...")}
            for row in result["worklist"]
        ]
        return f"{facts(counts)}\n\nWho gains most:\n{table(people)}"
    if recommendations is None:
        return facts(result)
    rows = [{key: row.get(key) for key in ("title", "answer", "reason")} for row in recommendations]
    return table(rows)


COMMAND = Command(
    example="lifecourse plan workspace --subject 10000032 --json",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
